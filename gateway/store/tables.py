"""The tables of keys and money. Money is an integer of nano-dollars, times are Unix seconds, `*_ms` are milliseconds.

People, teams and brands are in `directory.py`. A `request_id` in `ledger` and `content` is the `id` of a row of `request` (the generation, "gen-…"), never the
`x-request-id` of HTTP, which a client may choose and repeat. `ledger` is append-only: triggers refuse every change but
the erasure of the person in it. Definitions only: nothing here touches a store.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Double, Index, LargeBinary, Text, column
from sqlmodel import Field, SQLModel

TOKENS = {  # column: member of types.Usage
    "input_tokens": "input",
    "output_tokens": "output",
    "cached_input_tokens": "cached_input",
    "cache_write_tokens": "cache_write",
    "reasoning_tokens": "reasoning",
    "audio_input_tokens": "audio_input",
    "audio_output_tokens": "audio_output",
}
_FILTERS = (
    "user",
    "brand",
    "model_requested",
)  # a page of requests by these reads the index only, however rare they are
# Columns of `request` that only the embedded ledger fills, and only while the request has no outcome.
UNDER_WAY = ("attempts", "hold_scopes", "hold_nano", "hold_state", "hold_since", "hold_expires_at")
_SPENDERS = {"team": "team", "user": "user", "key": "key_id"}
_JSON_OR_NULL = JSON(none_as_null=True)
_OPEN = column("status").is_(None)
_DETAILED = column("x_request_id") != ""


class VirtualKey(SQLModel, table=True):
    """A key that clients send; only digests of it are kept. JSON lists are None where there is no limit.

    After a rotation the previous secret goes on until `previous_until`. `parent` is the key whose holder made this one.
    """

    __tablename__ = "virtual_key"
    __table_args__ = (
        Index("virtual_key_previous", "previous_digest", unique=True),
        Index("virtual_key_by_user", "user"),
        Index("virtual_key_by_team", "team"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    litellm_digest: str | None = Field(default=None, unique=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)
    role: str = Field(default="member", sa_type=Text)
    user: str | None = Field(default=None, sa_type=Text)
    team: str | None = Field(default=None, sa_type=Text)
    models: list[str] | None = Field(default=None, sa_type=JSON)
    brands: list[str] | None = Field(default=None, sa_type=JSON)
    default_brand: str | None = Field(default=None, sa_type=Text)
    budget_nano: int | None = Field(default=None, sa_type=BigInteger)
    budget_window: str | None = Field(default=None, sa_type=Text)
    rpm: int | None = Field(default=None)
    max_parallel: int | None = Field(default=None)
    on_disconnect: str = Field(default="cancel", sa_type=Text)
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    extra: dict[str, Any] | None = Field(default=None, sa_type=JSON, sa_column_kwargs={"name": "metadata"})
    created_at: float = Field(sa_type=Double)
    expires_at: float | None = Field(default=None, sa_type=Double)
    revoked_at: float | None = Field(default=None, sa_type=Double)
    previous_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_until: float | None = Field(default=None, sa_type=Double)
    parent: str | None = Field(default=None, sa_type=Text)
    blocked_at: float | None = Field(default=None, sa_type=Double)
    created_by: str | None = Field(default=None, sa_type=Text)
    version: int = 1


class Account(SQLModel, table=True):
    """What a scope ("key:k_1", "user:ada", "team:blog", "brand:acme") may spend, and has spent in its window.

    Embedded, this is the one balance there is, `held_nano` included. Scaled, the balance that decides is in Redis, and
    `spent_nano` here is what the consumer has booked, up to the position "outbox".
    """

    __tablename__ = "account"
    __table_args__ = (CheckConstraint("held_nano >= 0", name="account_held_not_negative"),)

    scope: str = Field(primary_key=True, sa_type=Text)
    limit_nano: int | None = Field(default=None, sa_type=BigInteger)
    spent_nano: int = Field(default=0, sa_type=BigInteger)
    held_nano: int = Field(default=0, sa_type=BigInteger)
    budget_window: str | None = Field(default=None, sa_type=Text)
    window_started_at: float = Field(sa_type=Double)
    resets_at: float | None = Field(default=None, sa_type=Double)


class Request(SQLModel, table=True):
    """One request. `status` is None until its one terminal outcome is known, `x_request_id` "" once details are erased.

    Until then `attempts` are those that were written down before they were dispatched, each with the price that it is
    going to be billed at, and `hold_nano` is set aside on each of `hold_scopes`; `hold_state` is held or expired.
    """

    __tablename__ = "request"
    __table_args__ = (
        Index("request_by_tenant", "tenant", "created_at", *_FILTERS),
        Index("request_by_key", "key_id", "created_at"),
        Index("request_by_time", "created_at", *_FILTERS),
        Index("request_open", "created_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("request_detailed", "team", "created_at", sqlite_where=_DETAILED, postgresql_where=_DETAILED),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    x_request_id: str = Field(sa_type=Text)
    key_id: str = Field(sa_type=Text)
    tenant: str = Field(sa_type=Text)
    user: str | None = Field(default=None, sa_type=Text)
    team: str | None = Field(default=None, sa_type=Text)
    brand: str | None = Field(default=None, sa_type=Text)
    endpoint: str = Field(sa_type=Text)
    model_requested: str = Field(sa_type=Text)
    stream: bool
    template: str | None = Field(default=None, sa_type=Text)
    template_version: str | None = Field(default=None, sa_type=Text)
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    route: str | None = Field(default=None, sa_type=Text)
    simulated: bool = False
    created_at: float = Field(sa_type=Double)
    ended_at: float | None = Field(default=None, sa_type=Double)
    status: str | None = Field(default=None, sa_type=Text)
    http_status: int | None = None
    error_code: str | None = Field(default=None, sa_type=Text)
    deployment_id: str | None = Field(default=None, sa_type=Text)
    cache: str | None = Field(default=None, sa_type=Text)
    prompt_digest: str | None = Field(default=None, sa_type=Text)
    ttft_ms: float | None = Field(default=None, sa_type=Double)
    duration_ms: float | None = Field(default=None, sa_type=Double)
    cost_nano: int = Field(default=0, sa_type=BigInteger)
    estimated: bool | None = None
    input_tokens: int | None = Field(default=None, sa_type=BigInteger)
    output_tokens: int | None = Field(default=None, sa_type=BigInteger)
    cached_input_tokens: int | None = Field(default=None, sa_type=BigInteger)
    cache_write_tokens: int | None = Field(default=None, sa_type=BigInteger)
    reasoning_tokens: int | None = Field(default=None, sa_type=BigInteger)
    audio_input_tokens: int | None = Field(default=None, sa_type=BigInteger)
    audio_output_tokens: int | None = Field(default=None, sa_type=BigInteger)
    attempts: list[dict[str, Any]] | None = Field(default=None, sa_type=_JSON_OR_NULL)
    hold_scopes: list[str] | None = Field(default=None, sa_type=_JSON_OR_NULL)
    hold_nano: int | None = Field(default=None, sa_type=BigInteger)
    hold_state: str | None = Field(default=None, sa_type=Text)
    hold_since: float | None = Field(default=None, sa_type=Double)
    hold_expires_at: float | None = Field(default=None, sa_type=Double)


class LedgerLine(SQLModel, table=True):
    """An attempt's one terminal record. Append-only.

    `booked_at` is when it was added to the accounts: an account's spent is the sum of the lines booked in its window.
    `seq` grows with each settlement, so that what reads the ledger on (roll-ups) knows how far it came.
    """

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("cost_nano >= 0", name="ledger_cost_not_negative"),
        Index("ledger_by_time", "booked_at"),
        Index("ledger_by_seq", "seq"),
    )

    request_id: str = Field(primary_key=True, foreign_key="request.id", sa_type=Text)
    number: int = Field(primary_key=True)
    key_id: str = Field(sa_type=Text)
    tenant: str = Field(sa_type=Text)
    user: str | None = Field(default=None, sa_type=Text)
    team: str | None = Field(default=None, sa_type=Text)
    brand: str | None = Field(default=None, sa_type=Text)
    simulated: bool = False
    seq: int = Field(default=0, sa_type=BigInteger)
    provider: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    deployment_id: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    fault: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    finish_reason: str | None = Field(default=None, sa_type=Text)
    input_tokens: int = Field(sa_type=BigInteger)
    output_tokens: int = Field(sa_type=BigInteger)
    cached_input_tokens: int = Field(sa_type=BigInteger)
    cache_write_tokens: int = Field(sa_type=BigInteger)
    reasoning_tokens: int = Field(sa_type=BigInteger)
    audio_input_tokens: int = Field(sa_type=BigInteger)
    audio_output_tokens: int = Field(sa_type=BigInteger)
    cost_nano: int = Field(sa_type=BigInteger)
    estimated: bool
    late: bool
    price: dict[str, Any] = Field(sa_type=JSON)
    started_at: float = Field(sa_type=Double)
    ended_at: float = Field(sa_type=Double)
    booked_at: float = Field(sa_type=Double)
    ttft_ms: float | None = Field(default=None, sa_type=Double)


class _Spend(SQLModel):
    """Lines of the ledger, summed. "" where a line has no user, team or brand."""

    bucket: int = Field(primary_key=True, sa_type=BigInteger)
    tenant: str = Field(primary_key=True, sa_type=Text)
    key_id: str = Field(primary_key=True, sa_type=Text)
    user: str = Field(primary_key=True, sa_type=Text)
    team: str = Field(primary_key=True, sa_type=Text)
    brand: str = Field(primary_key=True, sa_type=Text)
    provider: str = Field(primary_key=True, sa_type=Text)
    model: str = Field(primary_key=True, sa_type=Text)
    simulated: bool = Field(primary_key=True)
    cost_nano: int = Field(sa_type=BigInteger)
    requests: int = Field(sa_type=BigInteger)  # lines that are a request's first attempt
    attempts: int = Field(sa_type=BigInteger)
    estimated: int = Field(sa_type=BigInteger)  # lines whose usage the provider did not say
    input_tokens: int = Field(sa_type=BigInteger)
    output_tokens: int = Field(sa_type=BigInteger)


class SpendRollup(_Spend, table=True):
    """The ledger's lines up to the position "rollup", by half-hours since 1970, UTC. One writer adds to it, in batches."""

    __tablename__ = "spend_rollup"
    __table_args__ = tuple(Index(f"spend_rollup_by_{name}", column, "bucket") for name, column in _SPENDERS.items())


class SpendDay(_Spend, table=True):
    """The same lines by whole days since 1970, UTC: a long time's sums read a tenth of the rows."""

    __tablename__ = "spend_day"
    __table_args__ = (Index("spend_day_by_key", "key_id", "bucket"),)


class Position(SQLModel, table=True):
    """How far a reader has come: "outbox" and "rollup", as the last `seq` it has dealt with."""

    __tablename__ = "position"

    name: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(sa_type=BigInteger)


class DeadLetter(SQLModel, table=True):
    """A settlement that could not be booked after several tries; kept whole for a person to look at."""

    __tablename__ = "dead_letter"

    id: str = Field(primary_key=True, sa_type=Text)
    event: str = Field(sa_type=Text)
    error: str = Field(sa_type=Text)
    at: float = Field(sa_type=Double)


class Content(SQLModel, table=True):
    """What was asked and answered, where the team stores content in full. Erased by retention or on request."""

    __tablename__ = "content"
    __table_args__ = (Index("content_by_expiry", "expires_at"), Index("content_by_user", "user"))

    request_id: str = Field(primary_key=True, sa_type=Text)
    tenant: str = Field(sa_type=Text)
    user: str | None = Field(default=None, sa_type=Text)
    prompt: list[Any] = Field(sa_type=JSON)
    answer: str | None = Field(default=None, sa_type=Text)
    created_at: float = Field(sa_type=Double)
    expires_at: float | None = Field(default=None, sa_type=Double)


def key_scope(key_id: str) -> str:
    """Name the budget account that belongs to a key alone."""
    return f"key:{key_id}"
