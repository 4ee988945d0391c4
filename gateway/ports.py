"""The seams: what a stage needs, said in two to four methods. `app.py` names the classes behind them.

Every port says what it raises when its dependency fails; a stage never sees a driver's own exception.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from gateway.types import (
    Balance,
    Call,
    Chunk,
    Completion,
    Deployment,
    HoldRefused,
    HoldRequest,
    Identity,
    Intent,
    JsonObject,
    Opened,
    Outcome,
    Plan,
    RequestRecord,
    Settlement,
)


class Clock(Protocol):
    """Injected everywhere, so that no test waits."""

    def now(self) -> float: ...  # wall clock, Unix seconds
    def monotonic(self) -> float: ...  # seconds


class Stage(Protocol):
    """One step of a request: entered in order, exited in reverse, exactly once, with the outcome."""

    async def enter(self, call: Call) -> None: ...  # fill your slot of `call`, or raise a GatewayError; all or nothing
    async def exit(self, call: Call, outcome: Outcome) -> None: ...  # never raises; runs even if the client has gone


async def nothing_to_undo(stage: Stage, call: Call, outcome: Outcome) -> None:
    """The `exit` of a stage that takes nothing: the pipeline need not call it."""


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One attempt for a lane. `body` is the client's, as the stages left it; seconds are left-over time."""

    deployment: Deployment
    body: JsonObject
    attempt_id: str  # "gen-…:1", sent on as X-Client-Request-Id
    timeout: float
    include_usage: bool = False  # the client asked for usage in the stream
    traceparent: str | None = None  # W3C trace context, sent on where there is one


class Provider(Protocol):
    """A lane. Raises `errors.ProviderError`; cancelled, or closed, it closes the provider's connection."""

    async def complete(self, request: ProviderRequest) -> Completion: ...
    def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]: ...
    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]: ...  # members it will not send on


class Tokens(Protocol):
    """Counts tokens, off the hot path only."""

    def count(self, text: str) -> int: ...


class Ledger(Protocol):
    """Money. Each method is one atomic, durable act. Raises `errors.Unavailable` when the store is away."""

    async def open(
        self, record: RequestRecord, hold: HoldRequest | None, first: Intent | None = None
    ) -> Opened | HoldRefused:
        """Write the request down and take its hold; with `first`, whose bound is within the hold, its first attempt too."""
        ...

    async def dispatch(self, intent: Intent, hold_at_least: int) -> HoldRefused | None:
        """Write the intent down; first raise the request's hold to `hold_at_least` where it is smaller."""
        ...

    async def extend(self, request_ids: Sequence[str], expires_at: float) -> None: ...
    async def settle(self, settlement: Settlement) -> tuple[Balance, ...]:
        """Lines, outcome and capture at once; the accounts as they stand then. A second settlement changes nothing.

        Never fails because a store is away: what cannot be written yet is kept and written first. Then no balances are
        known, and the answer is empty.
        """
        ...

    async def record(self, record: RequestRecord, settlement: Settlement) -> None:
        """A request that needed no provider (a cache hit): opened and settled in one act."""
        ...

    async def balances(self, scopes: Sequence[str]) -> list[Balance]: ...
    async def refresh(self, scopes: Sequence[str]) -> None:
        """The accounts' limits or windows were changed in SQL: act on it from now on."""
        ...


@dataclass(frozen=True, slots=True)
class UserInfo:
    """A person, or a program that clients call a user. Money in nano-dollars."""

    id: str
    created_at: float
    email: str | None = None
    name: str | None = None
    role: str = "member"  # "admin", "member", "viewer"; in a team the membership decides
    can_sign_in: bool = False  # has a password or an identity provider's subject
    budget: int | None = None
    budget_window: str | None = None
    blocked_at: float | None = None
    erased_at: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class TeamInfo:
    """People who share keys, spend and what the gateway remembers. None: no limit."""

    id: str
    name: str
    created_at: float
    models: tuple[str, ...] | None = None
    budget: int | None = None
    budget_window: str | None = None
    content: str = "metadata"  # "off", "metadata", "full"
    retention_days: int | None = None
    blocked_at: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class BrandInfo:
    """A brand that texts are written for. With `team`, only that team may."""

    id: str
    name: str
    created_at: float
    client: str | None = None
    team: str | None = None
    budget: int | None = None
    budget_window: str | None = None
    archived_at: float | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A virtual key as an admin sees it; never the key itself. Money in nano-dollars."""

    id: str
    name: str
    prefix: str
    created_at: float
    role: str = "member"
    user: str | None = None
    team: str | None = None
    expires_at: float | None = None
    revoked_at: float | None = None
    models: tuple[str, ...] | None = None
    brands: tuple[str, ...] | None = None
    default_brand: str | None = None
    budget: int | None = None
    budget_window: str | None = None  # "1d", "30d"; None: once for ever
    rpm: int | None = None
    max_parallel: int | None = None
    on_disconnect: str = "cancel"
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] | None = None
    parent: str | None = None  # the key whose holder made it: never more than that one's rights
    blocked_at: float | None = None
    created_by: str | None = None  # an actor: "user:ada", "key:k_1", "master", "cli"
    previous_until: float | None = None  # after a rotation: how long the old secret goes on
    version: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that decides what a credential may do, read at once.

    For a key: itself, `ancestors` from its parent upwards, and its owners as far as they are people and teams that the
    gateway knows. For a session: no key, its user and the team it works for.
    """

    key: KeyInfo | None
    ancestors: tuple[KeyInfo, ...] = ()
    user: UserInfo | None = None
    team: TeamInfo | None = None
    membership: str | None = None  # the user's role in that team
    expires_at: float | None = None  # of this very credential: a rotated key's old secret ends earlier
    session_id: str | None = None


class BrandRights(Protocol):
    """Who may write for which brand. Never raises: with the store away the last answer counts."""

    async def allowed(self, identity: Identity, brand_id: str) -> bool: ...
    async def known(self, brand_id: str) -> bool: ...  # somebody made it, whether it has a voice or not


class Directory(Protocol):
    """Looks credentials up by their whole digest. Raises `errors.Unavailable` when the store is away."""

    async def key(self, digest: bytes, litellm_digest: str) -> Found | None: ...
    async def session(self, digest: bytes) -> Found | None: ...


class Allowance(msgspec.Struct, frozen=True):
    """What is left of a rate limit, for the x-ratelimit headers. `reset` in seconds."""

    limit: int
    remaining: int
    reset: float


class Digests(Protocol):
    """Turns a key into what is stored of it."""

    def digest(self, key: str) -> bytes: ...


class Limiter(Protocol):
    """A tenant's own limits. `acquire` raises `errors.RateLimited`; every acquired slot is released once."""

    async def acquire(self, identity: Identity, call_id: str) -> Allowance | None: ...
    async def release(self, identity: Identity, call_id: str) -> None: ...


class Health(Protocol):
    """What is known of each deployment; pure bookkeeping, no I/O."""

    def usable(self, deployment_id: str) -> bool: ...
    def claim(self, deployment_id: str) -> bool: ...  # usable; takes the one probe of a half-open deployment
    def abandoned(self, deployment_id: str) -> None: ...  # an attempt that says nothing about its deployment
    def latencies(self, deployment_ids: Iterable[str]) -> Mapping[str, float]: ...  # seconds to first token
    def state(self, deployment_id: str) -> str: ...  # "closed", "open", "half_open"
    def succeeded(self, deployment_id: str, latency: float) -> None: ...
    def failed(self, deployment_id: str, error: Exception) -> None: ...


class Cache(Protocol):
    """Whole answers by key. A miss when its store is away."""

    async def get(self, key: str) -> JsonObject | None: ...
    async def put(self, key: str, value: JsonObject, ttl: float) -> None: ...


class Signals(msgspec.Struct, frozen=True):
    """What a policy may know beside the request. Pure data; `draw` is a uniform number in [0, 1) made by the caller."""

    healthy: frozenset[str]  # deployment ids
    in_flight: Mapping[str, int]
    latency: Mapping[str, float]  # seconds to first token, by deployment id
    draw: float
    requests: Mapping[str, int] = msgspec.field(default_factory=dict)  # in the last minute, by deployment id
    tokens: Mapping[str, int] = msgspec.field(default_factory=dict)


class Policy(Protocol):
    """Pure: no I/O, no clock, no randomness. Returns every deployment it was given, each once, best first."""

    name: str

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan: ...


class Identities(Protocol):
    """Turns a credential into an identity. Raises `errors.Unauthenticated` or `errors.Unavailable`."""

    async def identify(self, credential: str | None) -> Identity: ...


class Throttle(Protocol):
    """A refused try does not count, so whoever waits as long as it was told gets through."""

    async def hit(self, name: str, limit: int, window: float) -> float | None:
        """Count a try: None, or when there were `limit` in the last `window` seconds, the seconds to wait."""
        ...

    async def forget(self, name: str) -> None:
        """Begin anew, as after a success."""
        ...
