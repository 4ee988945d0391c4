"""Alembic's entry: it runs on the connection that `gateway.store.schema` hands it, and on no other.

Commands of Alembic's own (`revision --autogenerate`) get the same connection in the same way.
"""

from __future__ import annotations

from alembic import context

from gateway.store import directory as _directory  # noqa: F401 - its tables belong to the metadata
from gateway.store.tables import LedgerLine

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=LedgerLine.metadata,
    transactional_ddl=True,
)
context.run_migrations()
