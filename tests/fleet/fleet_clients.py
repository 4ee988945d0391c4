"""What the fleet's tests share: a clock that moves only when told, and one way to ask on every wire."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from gateway.fleet import RunningFleet

WIRES = ("openai", "anthropic", "gemini")
KEYS = {"authorization": "Bearer sim", "x-api-key": "sim", "x-goog-api-key": "sim", "anthropic-version": "2023-06-01"}
PATIENCE = 5.0  # seconds until something that never happens fails the test


class ManualClock:
    """Time that a test moves; it never moves by itself."""

    def __init__(self) -> None:
        self._time = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self._came = asyncio.Event()

    def now(self) -> float:
        return self._time

    def monotonic(self) -> float:
        return self._time

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self._time + seconds, asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        self._came.set()
        try:
            await sleeper[1]
        finally:
            self._sleepers.remove(sleeper)

    async def someone_waits(self, count: int = 1) -> None:
        """Return once `count` tasks wait for the time to move."""
        async with asyncio.timeout(PATIENCE):
            while len(self._sleepers) < count:
                self._came.clear()
                await self._came.wait()

    async def advance(self, seconds: float) -> None:
        """Move the time and wake those who waited for it."""
        await self.someone_waits()
        self._time += seconds
        for due, future in list(self._sleepers):
            if due <= self._time + 1e-9 and not future.done():
                future.set_result(None)
        await asyncio.sleep(0)  # those who were woken go on


class Asker:
    """Asks the same thing on any wire."""

    def __init__(self, fleet: RunningFleet, http: httpx.AsyncClient) -> None:
        self.fleet = fleet
        self._http = http

    def request(self, wire: str, text: str, *, stream: bool = False, model: str = "m", **extra: Any) -> httpx.Request:
        origin = self.fleet.origin(wire)
        if wire == "gemini":
            method = "streamGenerateContent?alt=sse" if stream else "generateContent"
            body = {"contents": [{"role": "user", "parts": [{"text": text}]}], **extra}
            return self._http.build_request("POST", f"{origin}/v1beta/models/{model}:{method}", json=body)
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], **extra}
        if wire == "anthropic":
            return self._http.build_request("POST", f"{origin}/v1/messages", json={"max_tokens": 4096, **body})
        if stream:
            body.setdefault("stream_options", {"include_usage": True})
        return self._http.build_request("POST", f"{origin}/v1/chat/completions", json=body)

    async def send(self, wire: str, text: str, **extra: Any) -> httpx.Response:
        """The whole answer."""
        return await self._http.send(self.request(wire, text, **extra))

    async def open(self, wire: str, text: str, **extra: Any) -> httpx.Response:
        """The answer's headers; the rest is the caller's to read and to close."""
        return await self._http.send(self.request(wire, text, **extra), stream=True)


def text_in(wire: str, body: str) -> str:
    """The text that an event stream has told, as far as its lines can be read."""
    said = []
    for line in body.splitlines():
        if not line.startswith("data: {"):
            continue
        try:
            event = json.loads(line.removeprefix("data: "))
        except ValueError:
            continue
        if wire == "openai":
            said += [choice["delta"].get("content") or "" for choice in event.get("choices", [])]
        elif wire == "anthropic":
            said.append(event.get("delta", {}).get("text", ""))
        else:
            said += [part["text"] for item in event.get("candidates", []) for part in item["content"]["parts"]]
    return "".join(said)


def is_finished(wire: str, body: str) -> bool:
    """Whether an event stream said that it was complete."""
    sign = {"openai": "data: [DONE]", "anthropic": '"message_stop"', "gemini": '"finishReason":'}[wire]
    return sign in body
