"""Who looks at a report, and which rows that person may see. Every query of this package starts from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, true
from sqlalchemy.sql.expression import SQLColumnExpression

from gateway.types import Identity

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A key's holder as `GET /v1/me` described it. A member sees its own tenant's rows, an admin everybody's."""

    tenant: str
    key_id: str
    is_admin: bool

    @classmethod
    def from_me(cls, me: Mapping[str, Any]) -> Viewer:
        """Make a viewer of the answer of `GET /v1/me`. Raises KeyError for one without a key's id."""
        identity = Identity(key_id=me["key_id"], name="", user=me.get("user"), team=me.get("team"))
        return cls(identity.tenant, identity.key_id, me.get("role") == ADMIN)

    def may_see(self, tenant: SQLColumnExpression[str]) -> ColumnElement[bool]:
        """The condition on a table's tenant that keeps others' rows in the store."""
        return true() if self.is_admin else tenant == self.tenant
