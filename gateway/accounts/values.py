"""What the parts of `Accounts` hand out beside the values of `ports`. Times are Unix seconds. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from gateway.ports import UserInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list. `next` goes into `after` for the part that follows; None: this was the last one."""

    items: tuple[T, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class InvitationInfo:
    """A link that makes one account, once; with `user`, one that gives this user a new password."""

    id: str
    created_by: str
    created_at: float
    expires_at: float
    email: str | None = None
    role: str = "member"
    team: str | None = None
    user: str | None = None
    used_at: float | None = None
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A person's session; `current`: the one that asks."""

    id: str
    user: str
    created_at: float
    expires_at: float
    team: str | None = None
    ended_at: float | None = None
    current: bool = False


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just begun. The token is told this once."""

    token: str = field(repr=False)
    id: str
    user: UserInfo
    expires_at: float
    team: str | None = None


@dataclass(frozen=True, slots=True)
class AuditInfo:
    """One administrative act. `before` and `after` hold the fields that changed, personal ones as "changed"."""

    id: int
    at: float
    actor: str
    action: str
    object_type: str
    object_id: str
    team: str | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    request_id: str | None = None
