"""Small stand-ins for everything the core talks to: a clock that moves when told, one budget, a provider by script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from typing import Any

from gateway.errors import Unavailable
from gateway.ports import ProviderRequest
from gateway.resilience.health import DeploymentHealth, Rules
from gateway.sse import encode_frame
from gateway.types import (
    Balance,
    Call,
    Candidate,
    Chunk,
    Completion,
    Deployment,
    Endpoint,
    HoldRefused,
    HoldRequest,
    Identity,
    Intent,
    JsonObject,
    Opened,
    Options,
    Outcome,
    Plan,
    Price,
    RequestRecord,
    RunningAttempt,
    Settlement,
    Usage,
)

PRICE = Price(input=1_000, output=2_000, source="config")  # one and two nano-dollars a token
SAID = Usage(input=7, output=3)


class FakeClock:
    """Stands still until `advance`; wall clock and monotonic clock are far apart, so that mixing them shows."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return 1_800_000_000.0 + self.seconds

    def monotonic(self) -> float:
        return 1_000.0 + self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


class Words:
    """Counts words as tokens."""

    def count(self, text: str) -> int:
        return len(text.split())


class SpyHealth(DeploymentHealth):
    """The real health, which also remembers what it was told: (deployment, act)."""

    def __init__(self, clock: FakeClock, **rules: Any) -> None:
        super().__init__(clock, Rules(**rules))
        self.told: list[tuple[str, str]] = []

    def claim(self, deployment_id: str) -> bool:
        granted = super().claim(deployment_id)
        self.told.append((deployment_id, "claimed" if granted else "not granted"))
        return granted

    def succeeded(self, deployment_id: str, latency: float) -> None:
        self.told.append((deployment_id, "succeeded"))
        super().succeeded(deployment_id, latency)

    def failed(self, deployment_id: str, error: Exception) -> None:
        self.told.append((deployment_id, "failed"))
        super().failed(deployment_id, error)

    def abandoned(self, deployment_id: str) -> None:
        self.told.append((deployment_id, "abandoned"))
        super().abandoned(deployment_id)


class FakeLedger:
    """One account for every scope. `away` makes it unavailable; `before_dispatch` runs while an intent is written."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit, self.spent = limit, 0
        self.holds: dict[str, int] = {}
        self.opened: list[tuple[RequestRecord, HoldRequest | None]] = []
        self.intents: list[tuple[Intent, int]] = []
        self.settled: list[Settlement] = []
        self.recorded: list[tuple[RequestRecord, Settlement]] = []
        self.extended: list[tuple[tuple[str, ...], float]] = []
        self.asked = asyncio.Semaphore(0)  # released by every `open`
        self.away = False
        self.before_dispatch: Any = lambda: None

    def _refusal(self, request_id: str, amount: int) -> HoldRefused | None:
        others = sum(self.holds.values()) - self.holds.get(request_id, 0)
        if self.limit is None or self.spent + others + amount <= self.limit:
            return None
        balance = Balance("key:k_1", self.limit, self.spent, others)
        return HoldRefused(balance, busy=self.spent + amount <= self.limit)

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("The store is away.", code="store_unavailable")

    async def open(
        self, record: RequestRecord, hold: HoldRequest | None, first: Intent | None = None
    ) -> Opened | HoldRefused:
        await asyncio.sleep(0)
        self._reach()
        self.asked.release()
        self.opened.append((record, hold))
        amount = hold.amount if hold is not None else 0
        refused = self._refusal(record.id, amount)
        if refused is not None:
            return refused
        self.holds[record.id] = amount
        if first is not None:
            self.before_dispatch()
            self.intents.append((first, amount))
        return Opened(tuple(await self.balances(hold.scopes if hold is not None else ())))

    async def dispatch(self, intent: Intent, hold_at_least: int) -> HoldRefused | None:
        await asyncio.sleep(0)
        self.before_dispatch()
        self._reach()
        amount = max(hold_at_least, self.holds.get(intent.request_id, 0))
        refused = self._refusal(intent.request_id, amount)
        if refused is None:
            self.holds[intent.request_id] = amount
            self.intents.append((intent, hold_at_least))
        return refused

    async def extend(self, request_ids: Sequence[str], expires_at: float) -> None:
        self._reach()
        self.extended.append((tuple(request_ids), expires_at))

    async def settle(self, settlement: Settlement) -> tuple[Balance, ...]:
        self.holds.pop(settlement.request_id, None)
        self.spent += sum(result.cost for result in settlement.results)
        self.settled.append(settlement)
        return () if self.away else tuple(await self.balances(("key:k_1",)))

    async def record(self, record: RequestRecord, settlement: Settlement) -> None:
        self.recorded.append((record, settlement))

    async def balances(self, scopes: Sequence[str]) -> list[Balance]:
        return [Balance(scope, self.limit, self.spent, sum(self.holds.values())) for scope in scopes]

    async def refresh(self, scopes: Sequence[str]) -> None:
        """Its one limit is set by hand."""


class FakeLane:
    """Plays one script an attempt: chunks or a completion are given, exceptions raised, an Event is waited for."""

    def __init__(self, *scripts: object) -> None:
        self.scripts = list(scripts)
        self.requests: list[ProviderRequest] = []
        self.closed = 0
        self.not_sent: tuple[str, ...] = ()

    async def complete(self, request: ProviderRequest) -> Completion:
        found: Completion | None = None
        async for step in self._play(request):
            found = step
        assert found is not None
        return found

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        async for step in self._play(request):
            yield step

    async def _play(self, request: ProviderRequest) -> AsyncGenerator[Any, None]:
        self.requests.append(request)
        script = self.scripts.pop(0)
        try:
            for step in script if isinstance(script, list) else [script]:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif callable(step):
                    step()
                else:
                    yield step
        finally:
            self.closed += 1

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return self.not_sent


class FakeClient:
    """A client's end: keeps what it was sent, and runs `on_send` before each frame is taken."""

    def __init__(self) -> None:
        self.begun = 0
        self.frames: list[bytes] = []
        self.ended: list[Outcome] = []
        self.sending_since: float | None = None
        self.on_send: Any = None

    async def begin(self, call: Call) -> None:
        self.begun += 1
        call.first_byte_at = call.started

    async def send(self, frame: bytes) -> None:
        if self.on_send is not None:
            await self.on_send(frame)
        self.frames.append(frame)

    async def end(self, call: Call, outcome: Outcome) -> None:
        self.ended.append(outcome)


def deployment(name: str = "d1", **changes: Any) -> Deployment:
    base = Deployment(name, "fast", "openai", f"openai/{name}", Endpoint.CHAT, PRICE)
    return replace(base, **changes)


def plan(*deployments: Deployment) -> Plan:
    return Plan(tuple(Candidate(each, "listed") for each in deployments), "priority", "in order")


def person(**changes: Any) -> Identity:
    return replace(Identity("k_1", "test", team="red", scopes=("key:k_1",)), **changes)


def asking(clock: FakeClock, *deployments: Deployment, **changes: Any) -> Call:
    """A call for 60 seconds; `body`, `options`, `identity` and every other slot as keyword arguments."""
    body = {"model": "fast", "messages": [{"role": "user", "content": "three short words"}], **changes.pop("body", {})}
    call = Call(
        id=changes.pop("id", "gen-1"),
        request_id="req_1",
        endpoint=changes.pop("endpoint", Endpoint.CHAT),
        credential="sk-atl-x",
        body=body,
        options=changes.pop("options", Options()),
        created_at=clock.now(),
        started=clock.monotonic(),
        deadline=changes.pop("deadline", clock.monotonic() + 60),
    )
    call.identity = changes.pop("identity", person())
    call.plan = plan(*deployments) if deployments else None
    for name, value in changes.items():
        setattr(call, name, value)
    return call


def text_chunk(text: str) -> Chunk:
    return Chunk(encode_frame({"choices": [{"delta": {"content": text}}]}), text, content=True)


ROLE = Chunk(encode_frame({"choices": [{"delta": {"role": "assistant"}}]}))
STOP = Chunk(encode_frame({"choices": [{"delta": {}, "finish_reason": "stop"}]}), finish="stop")
USAGE = Chunk(encode_frame({"choices": [], "usage": {"prompt_tokens": 7}}), usage=SAID, usage_only=True)
WHOLE = [ROLE, text_chunk("Hello "), text_chunk("world"), STOP, USAGE]


def completion(text: str = "Hello world", finish: str = "stop", usage: Usage | None = SAID) -> Completion:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return Completion({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}, usage, finish)


def running(call: Call, where: Deployment, clock: FakeClock, **changes: Any) -> RunningAttempt:
    """An attempt that was dispatched just now; its bound is a million nano-dollars."""
    intent = Intent(call.id, 1, where.id, where.provider, where.model_name, where.price, 1_000_000, clock.now())
    call.running = RunningAttempt(intent, where, clock.monotonic())
    for name, value in changes.items():
        setattr(call.running, name, value)
    return call.running


async def ticks(count: int = 20) -> None:
    """Let other tasks take so many steps."""
    for _ in range(count):
        await asyncio.sleep(0)


def texts(frames: Iterable[bytes]) -> str:
    return b"".join(frames).decode()
