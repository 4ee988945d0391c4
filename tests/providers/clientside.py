"""The gateway's answer as a client sees it: frames and bodies read back into the oracle's terms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from gateway.errors import ProviderError
from gateway.ports import Provider, ProviderRequest
from gateway.types import Chunk, JsonObject
from tests.providers.oracle import Reading


async def streamed(lane: Provider, request: ProviderRequest) -> tuple[Reading, list[Chunk]]:
    """All chunks of a streamed answer; an error keeps what came before it."""
    reading, chunks = Reading(), []
    stream = lane.stream(request)
    try:
        async for chunk in stream:
            chunks.append(chunk)
            if chunk.frame:
                frame(chunk.frame, reading)
            reading.usage = chunk.usage or reading.usage
    except ProviderError as error:
        failed(error, reading)
    finally:
        await stream.aclose()
    return reading, chunks


async def completed(lane: Provider, request: ProviderRequest) -> tuple[Reading, JsonObject]:
    reading = Reading()
    try:
        completion = await lane.complete(request)
    except ProviderError as error:
        failed(error, reading)
        return reading, {}
    shown(completion.body, "message", reading)
    reading.usage = completion.usage
    return reading, completion.body


def frame(data: bytes, reading: Reading) -> None:
    for event in events(data):
        shown(event, "delta", reading)


def events(data: bytes) -> Iterator[JsonObject]:
    """The events of one piece, each of them whole: a line of data, and a blank one."""
    assert data.endswith(b"\n\n")
    for event in data[:-2].split(b"\n\n"):
        assert event.startswith(b"data: ")
        assert event.count(b"\n") == 0
        yield json.loads(event[6:])


def shown(body: JsonObject, member: str, reading: Reading) -> None:
    for item in body["choices"]:
        said = reading.choice(item["index"])
        said.finish = item["finish_reason"] or said.finish
        given: dict[str, Any] = item[member]
        assert isinstance(given.get("content"), str | None)
        said.text += given.get("content") or ""
        said.thought += given.get("reasoning_content") or given.get("reasoning") or ""
        said.refusal += given.get("refusal") or ""
        legacy = given.get("function_call")
        if legacy:
            said.add_tool("legacy", None, legacy.get("name"), legacy.get("arguments") or "")
        for place, call in enumerate(given.get("tool_calls") or ()):
            made = call.get("function") or call.get("custom") or {}
            arguments = made.get("arguments") or made.get("input") or ""
            said.add_tool(call.get("index", place), call.get("id"), made.get("name"), arguments)
        said.tokens += [each["token"] for each in (item.get("logprobs") or {}).get("content") or ()]


def failed(error: ProviderError, reading: Reading) -> None:
    reading.fault, reading.status, reading.code = error.fault, error.status, error.code
    reading.param, reading.retry_after, reading.message = error.param, error.retry_after, error.message
