"""What a credential may do at this moment: its own rights, cut down by those above it. Pure.

A key that a key has made has at most the rights of that one, whatever happened since: every limit is the narrowest of
the chain. Missing links are refused, never skipped.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeVar

from gateway.accounts import roles
from gateway.config.starred import common
from gateway.errors import Unauthenticated
from gateway.ports import Found, KeyInfo, TeamInfo, UserInfo
from gateway.types import Identity

N = TypeVar("N", int, float)
DAY = 86_400.0
WRONG = "Incorrect API key provided. Check the key, or ask an admin for a new one."


@dataclass(frozen=True, slots=True)
class Defaults:
    """The gateway's own limits, for credentials that have none; what is kept of requests without a team."""

    rpm: int | None = None
    max_parallel: int | None = None
    content: str = "metadata"
    retention_days: int | None = None


def refusal(found: Found, now: float) -> Unauthenticated | None:
    """Why the credential is good for nothing at `now`, Unix seconds; None when it is good."""
    chain = _chain(found)
    if any(key.revoked_at is not None for key in chain) or (chain and chain[-1].parent is not None):
        return Unauthenticated(WRONG)
    if found.user is not None and found.user.erased_at is not None:
        return Unauthenticated(WRONG)
    if found.key is None and found.user is None:
        return Unauthenticated(WRONG)
    if found.key is not None and not belongs(found):
        return Unauthenticated("The user of this API key has left its team. Ask an admin for a new one.")
    if any(key.blocked_at is not None for key in chain):
        return Unauthenticated("This API key is blocked. Ask an admin.")
    if any(owner is not None and owner.blocked_at is not None for owner in (found.user, found.team)):
        return Unauthenticated("The user or team of this API key is blocked. Ask an admin.")
    ends = expiry(found)
    if ends is not None and ends <= now:
        return Unauthenticated("This API key has expired. Ask an admin for a new one.", code="expired_api_key")
    return None


def good_until(found: Found) -> float:
    """Unix seconds from which on `refusal` refuses the credential: never, for ever, or once it has expired."""
    if refusal(found, -math.inf) is not None:
        return -math.inf
    ends = expiry(found)
    return math.inf if ends is None else ends


def belongs(found: Found) -> bool:
    """Whether the user is in the team, as far as both are known; admins are in every team."""
    if found.user is None or found.team is None:
        return True
    return found.membership is not None or found.user.role == roles.ADMIN


def expiry(found: Found) -> float | None:
    """When the credential ends, or one above it does, if ever."""
    return _least((found.expires_at, *(key.expires_at for key in _chain(found))))


def identity(found: Found, defaults: Defaults) -> Identity:
    """The rights of a credential that is not refused."""
    return _of_key(found, found.key, defaults) if found.key is not None else _of_session(found, defaults)


def role(found: Found) -> str:
    """The effective role, as docs/roles.md says."""
    chain = roles.lower(*(key.role for key in _chain(found))) if found.key is not None else roles.ADMIN
    if found.user is None:
        return chain
    if found.user.role == roles.ADMIN:
        return chain
    if found.team is not None and found.membership is not None:
        return roles.lower(chain, found.membership)
    return roles.lower(chain, found.user.role)


def budget(found: Found) -> int | None:
    """The smallest budget of the key and those above it, nano-dollars."""
    return _least(key.budget for key in _chain(found))


def _of_key(found: Found, key: KeyInfo, defaults: Defaults) -> Identity:
    chain = _chain(found)
    team = found.team
    brands = _common(link.brands for link in chain)
    models = common((*(link.models for link in chain), team.models if team is not None else None))
    scopes = [f"key:{link.id}" for link in chain]
    return Identity(
        key_id=key.id,
        name=key.name,
        user=key.user,
        team=key.team,
        role=role(found),
        models=models,
        brands=brands,
        default_brand=key.default_brand if brands is None or key.default_brand in brands else None,
        scopes=(*scopes, *_owner_scopes(key.user, key.team)),
        rpm=_least(link.rpm or defaults.rpm for link in chain),
        max_parallel=_least(link.max_parallel or defaults.max_parallel for link in chain),
        on_disconnect=key.on_disconnect,
        tags=tuple(dict.fromkeys(tag for link in chain for tag in link.tags)),
        expires_at=expiry(found),
        test_key=all((link.metadata or {}).get("test_key") is True for link in chain),
        content=team.content if team is not None else defaults.content,
        retention=_retention(team, defaults),
    )


def _of_session(found: Found, defaults: Defaults) -> Identity:
    user, team = found.user, found.team if belongs(found) else None
    user_id, team_id = user.id if user is not None else None, team.id if team is not None else None
    return Identity(
        key_id=f"session:{_opaque(user)}" if user is not None else "session",
        name=(user.name or user.id) if user is not None else "session",
        user=user_id,
        team=team_id,
        role=role(found),
        session_id=found.session_id,
        models=common((team.models if team is not None else None,)),
        scopes=_owner_scopes(user_id, team_id),
        rpm=defaults.rpm,
        max_parallel=defaults.max_parallel,
        expires_at=found.expires_at,
        content=team.content if team is not None else defaults.content,
        retention=_retention(team, defaults),
    )


def _opaque(user: UserInfo) -> str:
    """The user in the ledger's `key_id`, which nobody can change: it must not tell who it was after an erasure."""
    return blake2b(repr((user.id, user.created_at)).encode(), digest_size=8).hexdigest()


def _retention(team: TeamInfo | None, defaults: Defaults) -> float | None:
    days = team.retention_days if team is not None else defaults.retention_days
    return days * DAY if days is not None else None


def _owner_scopes(user: str | None, team: str | None) -> tuple[str, ...]:
    return tuple(f"{kind}:{owner}" for kind, owner in (("user", user), ("team", team)) if owner is not None)


def _chain(found: Found) -> tuple[KeyInfo, ...]:
    return (found.key, *found.ancestors) if found.key is not None else ()


def _common(lists: Iterable[tuple[str, ...] | None]) -> frozenset[str] | None:
    """What all lists allow; None where none of them says anything."""
    limits = [frozenset(names) for names in lists if names is not None]
    return frozenset.intersection(*limits) if limits else None


def _least(values: Iterable[N | None]) -> N | None:
    return min((value for value in values if value is not None), default=None)
