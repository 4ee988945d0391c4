"""Who looks at a report, and which rows that person may see. Every query of this package starts from here.

Each condition is on a table's columns by their usual names and keeps others' rows in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, true

from gateway.ledger.sums import Columns
from gateway.types import Identity

ADMIN, LEAD, MEMBER, VIEWER = "admin", "lead", "member", "viewer"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever holds a key or a session, as the gateway knows it. `role` counts in `team`; an admin sees everything."""

    tenant: str
    key_id: str
    is_admin: bool
    role: str = MEMBER
    user: str | None = None
    team: str | None = None

    @classmethod
    def of(cls, identity: Identity) -> Viewer:
        """The viewer that a request's identity is."""
        role = identity.role
        return cls(identity.tenant, identity.key_id, role == ADMIN, role, identity.user, identity.team)

    @classmethod
    def from_me(cls, me: Mapping[str, Any]) -> Viewer:
        """Make a viewer of the answer of `GET /v1/me`. Raises KeyError for one without a key's id."""
        user = me.get("user")
        name = user["id"] if isinstance(user, Mapping) else user
        role = me.get("role") or MEMBER
        return cls.of(Identity(key_id=me["key_id"], name="", user=name, team=me.get("team"), role=role))

    def sums(self, rows: Columns) -> ColumnElement[bool]:
        """What may be added up where nobody is told apart: its team's spend, without a team its own."""
        if self.is_admin:
            return true()
        return _is(rows, "team", self.team) if self.team else self.own(rows)

    def persons(self, rows: Columns) -> ColumnElement[bool]:
        """What may be shown by person or key: a lead's team, a member itself, a viewer nobody."""
        if self.is_admin:
            return true()
        if self.role == LEAD and self.team:
            return _is(rows, "team", self.team)
        return false() if self.role == VIEWER else self.own(rows)

    def requests(self, rows: Columns) -> ColumnElement[bool]:
        """Single requests: its tenant's; a viewer's own only, from when it was more than that."""
        if self.is_admin:
            return true()
        tenant = _is(rows, "tenant", self.tenant)
        return and_(tenant, self.own(rows)) if self.role == VIEWER else tenant

    def own(self, rows: Columns) -> ColumnElement[bool]:
        """What is its own: its user's rows; those of a key without a user, that key's."""
        if self.user:
            return _is(rows, "user", self.user)
        return _is(rows, "key_id", self.key_id) if self.team else _is(rows, "tenant", self.tenant)


def _is(rows: Columns, name: str, value: str | None) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = rows[name] == value
    return condition
