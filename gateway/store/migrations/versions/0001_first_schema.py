"""The first schema: keys, accounts, requests, holds, intents and the append-only ledger.

There is no way down from it: it would drop the ledger.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TOKENS = (
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
)

# INSERT OR REPLACE deletes without firing a delete trigger, so a line that exists also swallows its replacement.
_SQLITE_APPEND_ONLY = (
    """CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
    WHEN EXISTS (SELECT 1 FROM ledger WHERE request_id = NEW.request_id AND number = NEW.number)
    BEGIN SELECT RAISE(IGNORE); END""",
)
_POSTGRESQL_APPEND_ONLY = (
    """CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$""",
    """CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()""",
)


def upgrade() -> None:
    _create_keys_and_accounts()
    _create_requests()
    _create_holds_and_intents()
    _create_ledger()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE_APPEND_ONLY if sqlite else _POSTGRESQL_APPEND_ONLY:
        op.execute(statement)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _seconds(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _create_keys_and_accounts() -> None:
    op.create_table(
        "virtual_key",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("litellm_digest", sa.Text(), nullable=True, unique=True),
        _text("name"),
        _text("prefix"),
        _text("role"),
        _text("user", nullable=True),
        _text("team", nullable=True),
        sa.Column("models", sa.JSON(), nullable=True),
        sa.Column("brands", sa.JSON(), nullable=True),
        _text("default_brand", nullable=True),
        _integer("budget_nano", nullable=True),
        _text("budget_window", nullable=True),
        sa.Column("rpm", sa.Integer(), nullable=True),
        sa.Column("max_parallel", sa.Integer(), nullable=True),
        _text("on_disconnect"),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("metadata", sa.JSON(), nullable=True),
        _seconds("created_at"),
        _seconds("expires_at", nullable=True),
        _seconds("revoked_at", nullable=True),
    )
    op.create_table(
        "account",
        sa.Column("scope", sa.Text(), primary_key=True),
        _integer("limit_nano", nullable=True),
        _integer("spent_nano"),
        _integer("held_nano"),
        _text("budget_window", nullable=True),
        _seconds("window_started_at"),
        _seconds("resets_at", nullable=True),
        sa.CheckConstraint("held_nano >= 0", name="account_held_not_negative"),
    )


def _create_requests() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Text(), primary_key=True),
        _text("x_request_id"),
        _text("key_id"),
        _text("tenant"),
        _text("user", nullable=True),
        _text("team", nullable=True),
        _text("brand", nullable=True),
        _text("endpoint"),
        _text("model_requested"),
        sa.Column("stream", sa.Boolean(), nullable=False),
        _text("template", nullable=True),
        _text("template_version", nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        _text("route", nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        _seconds("created_at"),
        _seconds("ended_at", nullable=True),
        _text("status", nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        _text("error_code", nullable=True),
        _text("deployment_id", nullable=True),
        _text("cache", nullable=True),
        _text("prompt_digest", nullable=True),
        _seconds("ttft_ms", nullable=True),
        _seconds("duration_ms", nullable=True),
        _integer("cost_nano"),
        sa.Column("estimated", sa.Boolean(), nullable=True),
        *(_integer(name, nullable=True) for name in _TOKENS),
    )
    still_open = sa.text("status IS NULL")
    op.create_index("request_by_tenant", "request", ["tenant", "created_at"])
    op.create_index("request_by_key", "request", ["key_id", "created_at"])
    op.create_index("request_by_time", "request", ["created_at"])
    op.create_index("request_open", "request", ["created_at"], sqlite_where=still_open, postgresql_where=still_open)


def _create_holds_and_intents() -> None:
    op.create_table(
        "hold",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("scopes", sa.JSON(), nullable=False),
        _integer("amount_nano"),
        _text("state"),
        _seconds("created_at"),
        _seconds("expires_at"),
    )
    held = sa.text("state = 'held'")
    op.create_index("hold_by_expiry", "hold", ["expires_at"], sqlite_where=held, postgresql_where=held)
    op.create_table(
        "intent",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        _text("deployment_id"),
        _text("provider"),
        _text("model"),
        sa.Column("price", sa.JSON(), nullable=False),
        _integer("bound_nano"),
        _seconds("started_at"),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("request_id", sa.Text(), sa.ForeignKey("request.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        _text("key_id"),
        _text("tenant"),
        _text("provider"),
        _text("model"),
        _text("deployment_id"),
        _text("status"),
        _text("fault", nullable=True),
        _text("error", nullable=True),
        _text("finish_reason", nullable=True),
        *(_integer(name) for name in _TOKENS),
        _integer("cost_nano"),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("price", sa.JSON(), nullable=False),
        _seconds("started_at"),
        _seconds("ended_at"),
        _seconds("booked_at"),
        _seconds("ttft_ms", nullable=True),
        sa.CheckConstraint("cost_nano >= 0", name="ledger_cost_not_negative"),
    )
    op.create_index("ledger_by_time", "ledger", ["booked_at"])
    op.create_index("ledger_by_key", "ledger", ["key_id", "booked_at"])
    op.create_index("ledger_by_tenant", "ledger", ["tenant", "booked_at"])
