"""Who may do what, as written in docs/roles.md: the role matrix as data, and the few questions that are asked of it.

Pure. An action that stands nowhere here is allowed to nobody.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Forbidden

VIEWER, MEMBER, LEAD, ADMIN = "viewer", "member", "lead", "admin"
ORDER = (VIEWER, MEMBER, LEAD, ADMIN)
USER_ROLES = (VIEWER, MEMBER, ADMIN)
TEAM_ROLES = (VIEWER, MEMBER, LEAD)
OTHER_FIELDS = "*"


class Reach(StrEnum):
    """On which objects an action is allowed."""

    ALL = "all"
    TEAM = "team"  # what belongs to the caller's team, or is a member of it; for reading brands, the shared ones too
    OWN = "own"  # the caller itself, what is its own, the team that it belongs to
    NONE = "no"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the matrix. `fields`: those that it speaks of; "*" are all that no other row of the action names."""

    action: str
    admin: Reach
    lead: Reach
    member: Reach
    viewer: Reach
    fields: tuple[str, ...] = (OTHER_FIELDS,)

    def reach(self, role: str) -> Reach:
        return {ADMIN: self.admin, LEAD: self.lead, MEMBER: self.member, VIEWER: self.viewer}.get(role, Reach.NONE)


_ALL, _TEAM, _OWN, _NO = Reach.ALL, Reach.TEAM, Reach.OWN, Reach.NONE
_WIDEST = (_ALL, _TEAM, _OWN, _NO)
_BUDGET = ("budget", "budget_window")

RULES = (
    Rule("models.call", _ALL, _OWN, _OWN, _NO),
    Rule("user.list", _ALL, _TEAM, _OWN, _OWN),
    Rule("user.get", _ALL, _TEAM, _OWN, _OWN),
    Rule("user.create", _ALL, _NO, _NO, _NO),
    Rule("user.edit", _ALL, _OWN, _OWN, _OWN, ("name",)),
    Rule("user.edit", _ALL, _NO, _NO, _NO, ("email", "role", "blocked", *_BUDGET)),
    Rule("user.erase", _ALL, _NO, _NO, _NO),
    Rule("user.export", _ALL, _OWN, _OWN, _OWN),
    Rule("team.list", _ALL, _OWN, _OWN, _OWN),
    Rule("team.get", _ALL, _OWN, _OWN, _OWN),
    Rule("team.create", _ALL, _NO, _NO, _NO),
    Rule("team.edit", _ALL, _OWN, _NO, _NO, ("name",)),
    Rule("team.edit", _ALL, _NO, _NO, _NO, ("models", *_BUDGET, "content", "retention_days", "blocked")),
    Rule("member.set", _ALL, _OWN, _NO, _NO),
    Rule("member.remove", _ALL, _OWN, _NO, _NO),
    Rule("brand.list", _ALL, _TEAM, _TEAM, _TEAM),
    Rule("brand.get", _ALL, _TEAM, _TEAM, _TEAM),
    Rule("brand.create", _ALL, _OWN, _NO, _NO, ("id", "name", "client", "team")),
    Rule("brand.create", _ALL, _NO, _NO, _NO, _BUDGET),
    Rule("brand.edit", _ALL, _OWN, _NO, _NO, ("name", "client", "archived")),
    Rule("brand.edit", _ALL, _NO, _NO, _NO, ("team", *_BUDGET)),
    Rule("key.list", _ALL, _TEAM, _OWN, _OWN),
    Rule("key.get", _ALL, _TEAM, _OWN, _OWN),
    Rule("key.create", _ALL, _TEAM, _OWN, _NO),
    Rule("key.create", _ALL, _NO, _NO, _NO, ("test_key",)),
    Rule("key.edit", _ALL, _TEAM, _OWN, _NO),
    Rule("key.edit", _ALL, _NO, _NO, _NO, ("test_key", "user", "team")),
    Rule("key.rotate", _ALL, _TEAM, _OWN, _NO),
    Rule("key.revoke", _ALL, _TEAM, _OWN, _NO),
    Rule("invitation.create", _ALL, _OWN, _NO, _NO),
    Rule("invitation.list", _ALL, _OWN, _NO, _NO),
    Rule("invitation.revoke", _ALL, _OWN, _NO, _NO),
    Rule("session.list", _ALL, _OWN, _OWN, _OWN),
    Rule("session.end", _ALL, _OWN, _OWN, _OWN),
    Rule("audit.list", _ALL, _OWN, _NO, _NO),
    Rule("spend.read", _ALL, _TEAM, _OWN, _OWN),
    Rule("config.get", _ALL, _NO, _NO, _NO),
    Rule("config.edit", _ALL, _NO, _NO, _NO),
)


def reach(role: str, action: str, field: str = OTHER_FIELDS) -> Reach:
    """On which objects this role may do this, with this field."""
    rules = [rule for rule in RULES if rule.action == action]
    named = [rule for rule in rules if field in rule.fields]
    others = [rule for rule in rules if OTHER_FIELDS in rule.fields]
    return (named or others)[0].reach(role) if named or others else Reach.NONE


@functools.cache  # roles and actions are few; asked for every request
def may(role: str, action: str) -> bool:
    """Whether this role may do this at all, to something, with some field."""
    return any(rule.reach(role) is not Reach.NONE for rule in RULES if rule.action == action)


def require(role: str, action: str, fields: Iterable[str] = ()) -> Reach:
    """The reach of the action with all these fields; raises Forbidden, naming the field that is the reason, if any."""
    reaches = [rule.reach(role) for rule in RULES if rule.action == action]
    if all(each is Reach.NONE for each in reaches):
        raise Forbidden(f"Your role ({role}) may not do this ({action}). Ask an admin or your team's lead.")
    by_field = {field: reach(role, action, field) for field in fields}
    for field, each in by_field.items():
        if each is Reach.NONE:
            raise Forbidden(f"Your role ({role}) may not set '{field}'. Ask an admin.", param=field)
    return max(by_field.values(), key=_WIDEST.index) if by_field else min(reaches, key=_WIDEST.index)


def lower(*roles: str) -> str:
    """The least of some roles; a role that nobody knows counts as the least there is."""
    return min(roles, key=lambda role: ORDER.index(role) if role in ORDER else -1) if roles else VIEWER


def exceeds(role: str, ceiling: str) -> bool:
    return ORDER.index(role) > ORDER.index(ceiling)
