"""Who acts: the caller of an administrative act, as the audit log names it. A value; it depends on nothing."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.types import Identity

MASTER_ID = "master"


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller with its effective role. `key` is the id of the calling key, the ceiling of the keys that it makes."""

    id: str  # "user:ada", "key:k_1", "master", "cli", "system"
    role: str
    user: str | None = None
    team: str | None = None
    key: str | None = None
    session: str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, identity: Identity, request_id: str | None = None) -> Actor:
        """The actor behind a credential."""
        who = (identity.role, identity.user, identity.team)
        if identity.session_id is not None:
            return cls(f"user:{identity.user}", *who, session=identity.session_id, request_id=request_id)
        if identity.key_id == MASTER_ID:
            return cls(MASTER_ID, identity.role, request_id=request_id)
        return cls(f"key:{identity.key_id}", *who, key=identity.key_id, request_id=request_id)


CLI = Actor("cli", "admin")
