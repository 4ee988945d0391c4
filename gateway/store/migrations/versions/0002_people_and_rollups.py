"""People, teams, brands, sessions and the audit log; who a ledger line belongs to; roll-ups; positions of readers.

The ledger's triggers now let one change through: the person in a line may be erased. There is no way down.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ERASABLE = ("user", "tenant")
_WHOM = ("user", "team", "brand")

_POSTGRESQL_ERASURE_ONLY = (
    """CREATE FUNCTION ledger_erasure_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
      IF to_jsonb(NEW) - 'user' - 'tenant' IS DISTINCT FROM to_jsonb(OLD) - 'user' - 'tenant' THEN
        RAISE EXCEPTION 'the ledger is append-only';
      END IF;
      RETURN NEW;
    END $$""",
    """CREATE TRIGGER ledger_no_change BEFORE DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()""",
    """CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_erasure_only()""",
    # A line that comes in late is moved above what the roll-up has dealt with, and holds it up until it is committed.
    """CREATE FUNCTION ledger_above_rollup() RETURNS trigger LANGUAGE plpgsql AS
    $$ DECLARE reached bigint;
    BEGIN
      SELECT seq INTO reached FROM "position" WHERE name = 'rollup' FOR SHARE;
      IF NEW.seq <= reached THEN
        NEW.seq := reached + 1;
      END IF;
      RETURN NEW;
    END $$""",
    """CREATE TRIGGER ledger_above_rollup BEFORE INSERT ON ledger
    FOR EACH ROW EXECUTE FUNCTION ledger_above_rollup()""",
    """CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()""",
)
_SQLITE_AUDIT_APPEND_ONLY = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
)


def upgrade() -> None:
    _create_people()
    _create_invitations_and_sessions()
    _create_audit()
    _extend_keys()
    _extend_ledger()
    _create_rollup()
    _create_content()
    _index_for_filters()
    _index_for_retention()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), primary_key=True)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _seconds(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _version() -> sa.Column[int]:
    return sa.Column("version", sa.Integer(), nullable=False, server_default="1")


def _budget() -> tuple[sa.Column[int], sa.Column[str]]:
    return _integer("budget_nano", nullable=True), _text("budget_window", nullable=True)


def _create_people() -> None:
    op.create_table(
        "user",
        _key("id"),
        sa.Column("email", sa.Text(), nullable=True, unique=True),
        _text("name", nullable=True),
        _text("role"),
        _text("password_hash", nullable=True),
        sa.Column("oidc_subject", sa.Text(), nullable=True, unique=True),
        *_budget(),
        _seconds("created_at"),
        _seconds("blocked_at", nullable=True),
        _seconds("erased_at", nullable=True),
        _version(),
    )
    op.create_table(
        "team",
        _key("id"),
        _text("name"),
        sa.Column("models", sa.JSON(), nullable=True),
        *_budget(),
        _text("content"),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        _seconds("created_at"),
        _seconds("blocked_at", nullable=True),
        _version(),
    )
    op.create_table(
        "membership",
        sa.Column("team_id", sa.Text(), sa.ForeignKey("team.id"), primary_key=True),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("user.id"), primary_key=True),
        _text("role"),
        _seconds("created_at"),
    )
    op.create_index("membership_by_user", "membership", ["user_id"])
    op.create_table(
        "brand",
        _key("id"),
        _text("name"),
        _text("client", nullable=True),
        sa.Column("team", sa.Text(), sa.ForeignKey("team.id"), nullable=True),
        *_budget(),
        _seconds("created_at"),
        _seconds("archived_at", nullable=True),
        _version(),
    )


def _create_invitations_and_sessions() -> None:
    op.create_table(
        "invitation",
        _key("id"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        _text("email", nullable=True),
        _text("role"),
        sa.Column("team", sa.Text(), sa.ForeignKey("team.id"), nullable=True),
        _text("user_id", nullable=True),
        _text("created_by"),
        _seconds("created_at"),
        _seconds("expires_at"),
        _seconds("used_at", nullable=True),
        _text("used_by", nullable=True),
        _seconds("revoked_at", nullable=True),
    )
    op.create_table(
        "sign_in",
        _key("id"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("user_id", sa.Text(), sa.ForeignKey("user.id"), nullable=False),
        _text("team", nullable=True),
        _seconds("created_at"),
        _seconds("expires_at"),
        _seconds("ended_at", nullable=True),
    )
    op.create_index("sign_in_by_user", "sign_in", ["user_id"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        _seconds("at"),
        _text("actor"),
        _text("action"),
        _text("object_type"),
        _text("object_id"),
        _text("team", nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        _text("request_id", nullable=True),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_by_object", "audit", ["object_type", "object_id"])
    op.create_index("audit_by_team", "audit", ["team", "id"])
    if _sqlite():
        for statement in _SQLITE_AUDIT_APPEND_ONLY:
            op.execute(statement)


def _extend_keys() -> None:
    for column in (
        sa.Column("previous_digest", sa.LargeBinary(), nullable=True),
        _seconds("previous_until", nullable=True),
        _text("parent", nullable=True),
        _seconds("blocked_at", nullable=True),
        _text("created_by", nullable=True),
        _version(),
    ):
        op.add_column("virtual_key", column)
    op.create_index("virtual_key_previous", "virtual_key", ["previous_digest"], unique=True)
    op.create_index("virtual_key_by_user", "virtual_key", ["user"])
    op.create_index("virtual_key_by_team", "virtual_key", ["team"])


def _extend_ledger() -> None:
    """Lines learn whom they belong to, from their requests; earlier ones are numbered as they were booked."""
    _drop_triggers()
    for name in _WHOM:
        op.add_column("ledger", _text(name, nullable=True))
    op.add_column("ledger", sa.Column("simulated", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("ledger", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    ledger = sa.table("ledger", *map(sa.column, ("request_id", "number", "booked_at", "seq", "simulated", *_WHOM)))
    request = sa.table("request", *map(sa.column, ("id", "simulated", *_WHOM)))
    values = {
        name: sa.select(request.c[name]).where(request.c.id == ledger.c.request_id).scalar_subquery()
        for name in (*_WHOM, "simulated")
    }
    op.execute(sa.update(ledger).values(values))
    order = sa.func.row_number().over(order_by=(ledger.c.booked_at, ledger.c.request_id, ledger.c.number))
    numbered = sa.select(ledger.c.request_id, ledger.c.number, order.label("place")).subquery()
    same = (numbered.c.request_id == ledger.c.request_id) & (numbered.c.number == ledger.c.number)
    op.execute(sa.update(ledger).values(seq=numbered.c.place).where(same))
    op.create_index("ledger_by_seq", "ledger", ["seq"])
    for statement in _sqlite_erasure_only() if _sqlite() else _POSTGRESQL_ERASURE_ONLY:
        op.execute(statement)


def _drop_triggers() -> None:
    if _sqlite():
        op.execute("DROP TRIGGER ledger_no_update")
    else:
        op.execute("DROP TRIGGER ledger_no_change ON ledger")


def _sqlite_erasure_only() -> tuple[str]:
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("ledger")]
    changed = " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in columns if name not in _ERASABLE)
    refuse = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    return (f"CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger WHEN {changed} {refuse}",)


def _create_rollup() -> None:
    texts = ("tenant", "key_id", "user", "team", "brand", "provider", "model")
    numbers = ("cost_nano", "requests", "attempts", "estimated", "input_tokens", "output_tokens")
    for table in ("spend_rollup", "spend_day"):
        op.create_table(
            table,
            sa.Column("bucket", sa.BigInteger(), primary_key=True, autoincrement=False),
            *map(_key, texts),
            sa.Column("simulated", sa.Boolean(), primary_key=True),
            *map(_integer, numbers),
        )
    for name, column in (("team", "team"), ("user", "user"), ("key", "key_id")):
        op.create_index(f"spend_rollup_by_{name}", "spend_rollup", [column, "bucket"])
    op.create_index("spend_day_by_key", "spend_day", ["key_id", "bucket"])
    position = op.create_table("position", _key("name"), _integer("seq"))
    op.bulk_insert(position, [{"name": "rollup", "seq": 0}])
    op.create_table("dead_letter", _key("id"), _text("event"), _text("error"), _seconds("at"))


def _create_content() -> None:
    op.create_table(
        "content",
        _key("request_id"),
        _text("tenant"),
        _text("user", nullable=True),
        sa.Column("prompt", sa.JSON(), nullable=False),
        _text("answer", nullable=True),
        _seconds("created_at"),
        _seconds("expires_at", nullable=True),
    )
    op.create_index("content_by_expiry", "content", ["expires_at"])
    op.create_index("content_by_user", "content", ["user"])


def _index_for_filters() -> None:
    for name, columns in (("request_by_tenant", ["tenant", "created_at"]), ("request_by_time", ["created_at"])):
        op.drop_index(name, "request")
        op.create_index(name, "request", [*columns, "user", "brand", "model_requested"])


def _index_for_retention() -> None:
    detailed, ended = sa.column("x_request_id") != "", sa.column("state") != "held"
    op.create_index(
        "request_detailed", "request", ["team", "created_at"], sqlite_where=detailed, postgresql_where=detailed
    )
    op.create_index("hold_ended", "hold", ["created_at"], sqlite_where=ended, postgresql_where=ended)
    op.create_index("intent_by_start", "intent", ["started_at"])


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
