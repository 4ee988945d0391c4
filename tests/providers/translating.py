"""Both lanes side by side: what each sends for a request, and what each makes of an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Fault, ProviderError
from gateway.ports import ProviderRequest
from gateway.providers.http import Http
from gateway.providers.sdk import SdkLane
from gateway.providers.shapes import shows
from gateway.providers.translate import TranslateLane
from gateway.telemetry.redact import Redactor
from gateway.types import Chunk, Completion, Deployment, JsonObject, Usage
from tests.providers.asking import KEY, deployment
from tests.providers.replay import Recorded, ReplayServer

OURS = frozenset({"host", "user-agent", "content-length", "connection"})  # headers that each lane has of its own
OWN_WORDS = frozenset({Fault.CONNECT, Fault.RESET, Fault.TIMEOUT, Fault.MALFORMED})
EVENTS = {"content-type": "text/event-stream"}


class Asked(SdkLane):
    """The sdk lane; `times` counts how often it is asked."""

    def __init__(self) -> None:
        super().__init__(Redactor([KEY]).text)
        self.times = 0

    async def complete(self, request: ProviderRequest) -> Completion:
        self.times += 1
        return await super().complete(request)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        self.times += 1
        return super().stream(request)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a lane sent, without what each lane has of its own; the error where it sent nothing."""

    target: str = ""
    headers: JsonObject = field(default_factory=dict)
    body: Any = None
    error: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Got:
    """What a client gets: a body, or frames, and what the chunks say besides, of which one may hold several frames."""

    body: Any = None
    frames: tuple[JsonObject, ...] = ()
    text: str = ""
    finish: str | None = None
    usage: Usage | None = None
    error: tuple[Any, ...] = ()


class Pair:
    """The translate lane, and the sdk lane that it hands to, against one replay server."""

    def __init__(self, replay: ReplayServer) -> None:
        self.replay = replay
        self.http = Http()
        self.sdk = Asked()
        self.lane = TranslateLane(self.http, Redactor([KEY]).text, self.sdk)

    def asked(self, model: str, body: JsonObject, **members: Any) -> ProviderRequest:
        return request_of(deployment(model, self.replay.url + members.pop("path", ""), **members), body)

    async def sent(self, request: ProviderRequest, *, stream: bool = False) -> tuple[Sent, Sent, bool]:
        """What the sdk lane sends, what the translate lane sends, and whether it handed the request on."""
        self.replay.answer = Recorded(b'{"error": {"message": "no"}}', 400)
        one = await self._sent(self.sdk, request, stream=stream)
        self.sdk.times = 0
        two = await self._sent(self.lane, request, stream=stream)
        return one, two, self.sdk.times > 0

    async def _sent(self, lane: SdkLane | TranslateLane, request: ProviderRequest, *, stream: bool) -> Sent:
        self.replay.seen.clear()
        got = await received(lane, request, stream=stream)
        if not self.replay.seen:
            return Sent(error=got.error)
        (seen,) = self.replay.seen
        headers = {name: value for name, value in seen.headers.items() if name not in OURS}
        return Sent(seen.target, headers, seen.json)

    async def got(self, request: ProviderRequest, answer: Recorded, *, stream: bool = False) -> tuple[Got, Got]:
        """What the sdk lane makes of an answer, and what the translate lane makes of it by itself."""
        self.replay.answer = answer
        one = await received(self.sdk, request, stream=stream)
        self.sdk.times = 0
        two = await received(self.lane, request, stream=stream)
        assert self.sdk.times == 0
        return one, two


def request_of(deployment: Deployment, body: JsonObject, *, usage: bool = True) -> ProviderRequest:
    return ProviderRequest(deployment, body, "gen-1:1", timeout=20.0, include_usage=usage)


async def received(lane: SdkLane | TranslateLane, request: ProviderRequest, *, stream: bool) -> Got:
    if not stream:
        try:
            completion = await lane.complete(request)
        except ProviderError as error:
            return Got(error=told(error))
        return Got(body=plain(completion.body), usage=completion.usage, finish=completion.finish)
    frames: list[JsonObject] = []
    chunks: list[Chunk] = []
    failure: tuple[Any, ...] = ()
    try:
        async for chunk in lane.stream(request):
            chunks.append(chunk)
            parts = chunk.frame.split(b"\n\n")
            assert parts.pop() == b""
            frames += [plain(json.loads(part.removeprefix(b"data: "))) for part in parts]
            assert chunk.content == any(
                shows(choice["delta"]) for each in frames[-len(parts) :] for choice in each["choices"]
            )
    except ProviderError as error:
        failure = told(error)
    text = "".join(chunk.text for chunk in chunks)
    finish = next((chunk.finish for chunk in chunks if chunk.finish), None)
    usage = next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None)
    return Got(None, tuple(frames), text, finish, usage, failure)


def plain(body: JsonObject) -> JsonObject:
    """Without what is made anew each time."""
    assert body.get("choices") == [] or body["id"].startswith("chatcmpl-")
    return {name: value for name, value in body.items() if name not in {"id", "created"}}


def told(error: ProviderError) -> tuple[Any, ...]:
    """Of a failure that a provider put into words, the words; each lane has its own for what broke on the way."""
    words = error.message if error.fault not in OWN_WORDS else ""
    return error.fault, words, error.status, error.code, error.param, error.retry_after


def sse(*events: JsonObject, cut: int | None = None) -> Recorded:
    """Anthropic's events as they are on the wire."""
    body = b"".join(b"event: %s\ndata: %s\n\n" % (str(each.get("type")).encode(), encoded(each)) for each in events)
    return Recorded(body, headers=EVENTS, cut=cut)


def whole(answer: Any, status: int = 200) -> Recorded:
    return Recorded(encoded(answer), status)


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
