"""A provider's stream as OpenAI-shaped chunks, read from its own bytes.

LiteLLM's stream wrapper ends every stream with a finish reason and a usage of its own making, and its readers lose
lines that they cannot read, so it is used only for streams that are no server-sent events. A line that cannot be read,
a broken connection or a cut raises; `shut` closes the connection on every way out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from gateway.errors import Fault, ProviderError
from gateway.providers.events import events
from gateway.providers.translated import parser
from gateway.types import JsonObject

CLOSE_TIMEOUT = 3.0  # seconds
LAST_BYTES = 0.25  # seconds that a provider has to end its answer after [DONE], so that the connection can be kept


async def chunks(wrapper: Any, response: httpx.Response | None) -> AsyncIterator[JsonObject]:
    """The stream's chunks; an error within the stream comes as the provider's own object, under "error"."""
    parse = parser(wrapper.completion_stream)
    if parse is None or response is None:
        async for item in wrapper:
            yield as_said(wrapper, item)
        return
    async for document in documents(response):
        chunk = document if document.get("error") else parse(document)
        if chunk is not None:
            yield chunk


async def documents(response: httpx.Response) -> AsyncIterator[JsonObject]:
    """The JSON of each event, up to [DONE]."""
    found = events(response.aiter_bytes())
    async for event in found:
        if event.strip() == b"[DONE]":
            await drain(found)
            return
        document = json.loads(event)
        if isinstance(document, dict):
            yield document


async def drain(found: AsyncIterator[bytes]) -> None:
    """Read what is left, which ought to be nothing: only then the connection can serve another request."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError, ProviderError):
        async with asyncio.timeout(LAST_BYTES):
            async for _ in found:
                pass


def as_said(wrapper: Any, item: Any) -> JsonObject:
    """A chunk of the wrapper's; raises for the end that it invents when a stream was cut (*internal*)."""
    chunk: JsonObject = item.model_dump()
    if wrapper.received_finish_reason is None and any(choice.get("finish_reason") for choice in chunk["choices"]):
        raise ProviderError(Fault.TRUNCATED, "the stream ended without a finish reason")
    return chunk


async def shut(wrapper: Any, response: httpx.Response | None) -> None:
    """Close the provider's connection: a stream that is merely dropped goes on generating, and costing."""
    for stream in (response, None if wrapper is None else wrapper.completion_stream):
        closing = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if closing is None:
            continue
        with contextlib.suppress(RuntimeError, TimeoutError, AttributeError, httpx.HTTPError):
            result = closing()
            if asyncio.iscoroutine(result):
                await asyncio.wait_for(result, CLOSE_TIMEOUT)
