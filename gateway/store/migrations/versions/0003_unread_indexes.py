"""Two indexes of the ledger go that every line paid for and nothing reads any more: sums by key and tenant are rolled up."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("ledger_by_key", "ledger_by_tenant"):
        op.drop_index(name, "ledger")
