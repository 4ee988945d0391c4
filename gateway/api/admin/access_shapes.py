"""What is answered about ways in and about acts: invitations, sessions, the audit log.

`MadeInvitation.token` and `NewSessionShape.token` are the only secrets, each shown once. Values come in, models go out.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel

from gateway.accounts import AuditInfo, InvitationInfo, NewSession, SessionInfo
from gateway.api.admin.shapes import Person


class InvitationShape(BaseModel):
    object: Literal["invitation"] = "invitation"
    id: str
    email: str | None
    role: str
    team: str | None
    user: str | None
    created_by: str
    created_at: float
    expires_at: float
    used_at: float | None
    revoked_at: float | None

    @classmethod
    def of(cls, invitation: InvitationInfo, **more: Any) -> Self:
        return cls(
            **{name: getattr(invitation, name) for name in InvitationShape.model_fields if name != "object"}, **more
        )


class MadeInvitation(InvitationShape):
    """`token` is shown this once and never again."""

    token: str


class SessionShape(BaseModel):
    object: Literal["session"] = "session"
    id: str
    user: str
    team: str | None
    created_at: float
    expires_at: float
    ended_at: float | None
    current: bool

    @classmethod
    def of(cls, session: SessionInfo) -> Self:
        return cls(**{name: getattr(session, name) for name in cls.model_fields if name != "object"})


class NewSessionShape(BaseModel):
    """A session that has just begun. `token` is shown this once; it goes where a key goes."""

    object: Literal["session"] = "session"
    id: str
    token: str
    expires_at: float
    team: str | None
    user: Person

    @classmethod
    def of(cls, session: NewSession) -> Self:
        return cls(
            id=session.id,
            token=session.token,
            expires_at=session.expires_at,
            team=session.team,
            user=Person.of(session.user),
        )


class AuditShape(BaseModel):
    object: Literal["audit_entry"] = "audit_entry"
    id: int
    at: float
    actor: str
    action: str
    object_type: str
    object_id: str
    team: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditInfo) -> Self:
        return cls(**{name: getattr(entry, name) for name in cls.model_fields if name != "object"})
