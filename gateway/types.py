"""The values that travel through the pipeline. Frozen, but for `Call`, which the stages fill in, and its answer.

What every request makes anew is a `msgspec.Struct`, which costs a tenth of a dataclass to make. Plans are dataclasses all
the same: policies of one's own make them too, with `dataclasses.replace` at hand.

Money is an integer: prices in pico-dollars per unit, everything else in nano-dollars. Times are seconds:
`*_at` are wall clock (Unix), durations and deadlines are on the monotonic clock of `ports.Clock`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from gateway.errors import Fault, GatewayError, Reason
from gateway.interruption import Interruption

JsonObject = dict[str, Any]


class Endpoint(StrEnum):
    CHAT = "chat"
    EMBEDDINGS = "embeddings"


class Status(StrEnum):
    """The one terminal outcome of a request or of an attempt."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"  # ended early in good order: length, content filter, a stop at the budget
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"  # found open after a crash, or past its lifetime


# --- who asks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a key or a session belongs to and what it may do. None means: no limit of that kind."""

    key_id: str  # of a session: "session:" and a digest of the user's id
    name: str
    user: str | None = None
    team: str | None = None
    role: str = "member"  # "admin", or in its team "lead", "member", "viewer"
    session_id: str | None = None  # signed in, not called with a key
    models: frozenset[str] | None = None  # model groups
    brands: frozenset[str] | None = None
    default_brand: str | None = None
    scopes: tuple[str, ...] = ()  # budget accounts that pay for its requests: its key and those above it, user, team
    rpm: int | None = None  # requests in any 60 seconds
    max_parallel: int | None = None
    on_disconnect: str = "cancel"  # or "continue"
    tags: tuple[str, ...] = ()
    expires_at: float | None = None
    test_key: bool = False  # may use mock_response
    content: str = "metadata"  # what is kept of its requests: "off", "metadata", "full"
    retention: float | None = None  # seconds that content and details are kept; None: for good

    @property
    def tenant(self) -> str:
        """Whose data this key may share: its team, else its user, else itself."""
        return f"team:{self.team}" if self.team else f"user:{self.user}" if self.user else f"key:{self.key_id}"


# --- where it can go ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Price:
    """Pico-dollars (1e-12 USD) per token, by class; `request` is per request. `source` says where they come from."""

    input: int = 0
    output: int = 0
    cached_input: int | None = None  # None: billed as input
    cache_write: int | None = None
    reasoning: int | None = None  # None: billed as output
    audio_input: int | None = None
    audio_output: int | None = None
    request: int = 0
    source: str = "unknown"  # "litellm", "config", "unknown"
    long_from: int | None = None  # input tokens above which the whole attempt is billed at `long`
    long: Price | None = None

    def for_input(self, tokens: int) -> Price:
        """The price that an attempt with so many input tokens is billed at."""
        return self.long if self.long is not None and self.long_from is not None and tokens > self.long_from else self


@dataclass(frozen=True, slots=True)
class Card:
    """How a deployment is called, found out from LiteLLM once, at load: nothing in it depends on a request or is secret.

    `why`: for people, what kept it from a faster lane. `supported`: OpenAI's parameters that LiteLLM sends on for it.
    """

    lane: str = "sdk"  # "wire", "translate", "sdk", "mock"
    why: str = ""
    url: str | None = None  # the whole address that a request is posted to, where a lane builds it itself
    auth: str = "bearer"  # how its key travels: "bearer", or the name of the header that holds it
    supported: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Deployment:
    """One model at one endpoint with one credential. `id` is stable across restarts and holds no secret."""

    id: str
    group: str  # the name a client asks for
    provider: str  # LiteLLM's provider name: "openai", "anthropic", "gemini", …
    model: str  # LiteLLM's model string, for example "anthropic/claude-haiku-5-5"
    endpoint: Endpoint
    price: Price
    api_base: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)  # further litellm_params of config.yaml
    weight: int = 1
    order: int = 1
    tier: str | None = None
    max_parallel: int | None = None
    rpm: int | None = None  # requests in any 60 seconds
    tpm: int | None = None  # tokens, in and out, in any 60 seconds
    tags: frozenset[str] = frozenset()
    access_groups: frozenset[str] = frozenset()  # names in a key's models that stand for this group too
    budget: int | None = None  # nano-dollars in each window; when they are spent, it is left out of plans
    budget_window: float | None = None  # seconds; None: once for ever
    context_window: int | None = None
    max_output: int | None = None
    reasoning: bool = False
    timeout: float = 300.0  # whole request, seconds
    ttft_timeout: float = 30.0  # until the first chunk, seconds
    idle_timeout: float = 20.0  # between chunks, seconds
    simulated: bool = False
    lane: str = "sdk"
    card: Card | None = field(default=None, repr=False)

    @property
    def model_name(self) -> str:
        """The provider's own name for the model, without LiteLLM's prefix."""
        prefix = f"{self.provider}/"
        return self.model.removeprefix(prefix)


@dataclass(frozen=True, slots=True)
class Candidate:
    """`group`: the one it was ranked in. `after`: it is tried only once an attempt failed in one of these ways."""

    deployment: Deployment
    reason: str
    group: str | None = None
    after: frozenset[Fault] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """Deployments in the order in which they are to be tried. `reason` is one line for a person."""

    candidates: tuple[Candidate, ...]
    policy: str
    reason: str
    score: float | None = None  # complexity, 0 to 1
    tier: str | None = None


# --- what was used and what it costs ------------------------------------------------------------------------------


class Usage(msgspec.Struct, frozen=True):
    """Token counts of one attempt. `input` and `output` are totals; the others are parts of them."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    estimated: bool = False  # True: counted by us, because the provider did not say


class HoldRequest(msgspec.Struct, frozen=True):
    """Ask for `amount` on every scope at once, or on none. `expires_at` is wall clock."""

    scopes: tuple[str, ...]
    amount: int
    expires_at: float


class Balance(msgspec.Struct, frozen=True):
    """A budget account as it stands. All nano-dollars; `limit` None means unlimited."""

    scope: str
    limit: int | None
    spent: int
    held: int
    resets_at: float | None = None


class Opened(msgspec.Struct, frozen=True):
    """The request is written down and its hold stands. `balances`: the accounts of its scopes, this hold included."""

    balances: tuple[Balance, ...] = ()


class HoldRefused(msgspec.Struct, frozen=True):
    """`busy`: only other holds stand in the way, so waiting may help. Otherwise the budget is gone."""

    balance: Balance
    busy: bool


class RequestRecord(msgspec.Struct, frozen=True):
    """What is known of a request when it is opened in the ledger."""

    id: str
    request_id: str
    key_id: str
    tenant: str
    endpoint: Endpoint
    model_requested: str
    stream: bool
    created_at: float
    user: str | None = None
    team: str | None = None
    brand: str | None = None
    template: str | None = None
    template_version: str | None = None
    tags: tuple[str, ...] = ()
    route: str | None = None  # policy and reason, one line
    simulated: bool = False


class Intent(msgspec.Struct, frozen=True):
    """One attempt, written down before it is dispatched. `bound` is the most it can cost, in nano-dollars."""

    request_id: str
    number: int  # 1, 2, …
    deployment_id: str
    provider: str
    model: str
    price: Price
    bound: int
    started_at: float


class AttemptResult(msgspec.Struct, frozen=True):
    """One attempt's terminal record: one line of the ledger."""

    intent: Intent
    status: Status
    usage: Usage
    cost: int
    ended_at: float
    ttft: float | None = None  # seconds
    fault: Fault | None = None
    error: str | None = None  # redacted
    finish_reason: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """How a request ended; what every stage's `exit` is told."""

    status: Status
    error: GatewayError | None = None
    reason: Reason | None = None
    finish_reason: str | None = None
    http_status: int = 200
    text_chars: int = 0


class Settlement(msgspec.Struct, frozen=True):
    """Everything that ends with a request, in one act: its attempts' lines, its outcome, its hold."""

    request_id: str
    results: tuple[AttemptResult, ...]
    status: Status
    http_status: int
    error_code: str | None
    ended_at: float
    ttft: float | None = None
    deployment_id: str | None = None
    cache: str | None = None
    prompt_digest: str | None = None
    content: StoredContent | None = None


class StoredContent(msgspec.Struct, frozen=True):
    """What was asked and answered, for teams that store it in full; seconds until it is erased, None: kept."""

    prompt: Sequence[JsonObject]
    answer: str | None
    keep_for: float | None


# --- what comes back ----------------------------------------------------------------------------------------------


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """One piece of a streamed answer. `frame` is the client's SSE bytes, ready to send; empty when only the rest counts.

    It may hold several events, as they came in one read. `usage_only`: the frame carries nothing but usage, and is for
    clients that asked for it.
    """

    frame: bytes
    text: str = ""
    content: bool = False  # carries text, reasoning, a tool call, audio: something a client would show
    finish: str | None = None
    usage: Usage | None = None
    usage_only: bool = False
    count: int = 1  # of the provider's chunks in it


class Completion:  # noqa: PLW1641 - nothing asks for its hash
    """A whole answer, the client's JSON: `data` as bytes, where a lane has them; `body` is decoded when it is asked for."""

    __slots__ = ("_body", "data", "finish", "usage")

    def __init__(
        self, body: JsonObject | None, usage: Usage | None = None, finish: str | None = None, data: bytes = b""
    ) -> None:
        """`body` may be left to `data`, which holds the same."""
        self._body = body
        self.usage = usage
        self.finish = finish
        self.data = data

    @property
    def body(self) -> JsonObject:
        if self._body is None:
            self._body = msgspec.json.decode(self.data)
        return self._body

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Completion):
            return NotImplemented
        return (self.body, self.usage, self.finish) == (other.body, other.usage, other.finish)


class Answer(msgspec.Struct):
    """What the pipeline found: a whole body or a running stream, whose first chunks may have been read already."""

    completion: Completion | None = None
    chunks: AsyncGenerator[Chunk, None] | None = None
    read: tuple[Chunk, ...] = ()
    source: str = "provider"  # or "cache", "mock"


# --- the request on its way ---------------------------------------------------------------------------------------


class Options(msgspec.Struct, frozen=True):
    """What the caller asked for beside the body: headers and LiteLLM's extra members, validated."""

    brand: str | None = None
    tags: tuple[str, ...] = ()
    timeout: float | None = None
    cache: bool = True
    policy: str | None = None
    on_disconnect: str | None = None
    fallbacks: tuple[str, ...] = ()
    num_retries: int | None = None
    patience: float | None = None  # seconds the client is going to wait for the first byte
    mock_response: str | None = None
    template: str | None = None
    template_version: str | None = None
    variables: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Call(msgspec.Struct):
    """One request on its way. Each stage fills its slot and reads those before it."""

    id: str  # "gen-…": the generation
    request_id: str
    endpoint: Endpoint
    credential: str | None
    body: JsonObject
    options: Options
    created_at: float
    started: float  # monotonic
    deadline: float  # monotonic
    stream: bool = False
    include_usage: bool = False
    traceparent: str | None = None
    retry_count: int = 0  # the client SDK's own
    interruption: Interruption = msgspec.field(default_factory=Interruption)
    # observe … call fill these
    identity: Identity | None = None
    brand: str | None = None
    template: str | None = None
    template_version: str | None = None
    brand_version: str | None = None
    cache_key: str | None = None
    plan: Plan | None = None
    place: str | None = None  # the deployment on which it holds a place
    position: int | None = None  # in the queue, while it waits
    queue_ms: float = 0.0
    recorded: bool = False  # a row of it is open in the ledger
    bound_tokens: int = 0  # output tokens that one choice may have, at most
    input_bound: int = 0  # tokens, at most
    held: int = 0  # nano-dollars
    budgeted: bool = False  # one of the accounts that pay has a limit
    balances: tuple[Balance, ...] = ()  # those accounts, as they stood last
    opened: Intent | None = None  # the first attempt, written down with the request and not sent yet
    unsent: tuple[AttemptResult, ...] = ()  # written down and never sent
    attempts: list[AttemptResult] = []
    running: RunningAttempt | None = None
    answer: Answer | None = None
    said: Sequence[str] = ()  # the text of the attempt that ended last
    served: Deployment | None = None
    upstream_ms: float = 0.0
    headers: dict[str, str] = {}  # further response headers
    warnings: list[str] = []
    first_byte_at: float | None = None  # monotonic

    def __repr__(self) -> str:
        """Which one, and nothing of its key or content."""
        return f"Call({self.id!r}, {self.endpoint.value!r})"

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def cost(self) -> int:
        """Nano-dollars of all attempts that have ended."""
        return sum([result.cost for result in self.attempts])


class RunningAttempt(msgspec.Struct):
    """The attempt whose answer is being relayed, with what was seen of it so far."""

    intent: Intent
    deployment: Deployment
    started: float  # monotonic
    limit: int | None = None  # output tokens of one choice, as the provider is told; None: it is not
    claimed: bool = True  # its deployment's health counts on being told how it ended
    first_chunk: float | None = None  # monotonic
    last_chunk: float | None = None
    chunks: int = 0
    text: list[str] = []
    usage: Usage | None = None
    finish: str | None = None
