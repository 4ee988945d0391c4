"""The `sdk` lane: `litellm.acompletion` and `aembedding`, one hit per attempt, nothing invented.

LiteLLM's stream wrapper ends every stream with a finish reason and a usage of its own making, so what the provider said
is read under it where that can be done, and from its private flags elsewhere (*internal*: pinned, with contract tests).
Any failure leaves as a ProviderError, and the provider's connection is closed on every way out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from gateway.errors import Fault, ProviderError
from gateway.ledger.prices import cost, usd
from gateway.ports import ProviderRequest
from gateway.providers import params
from gateway.providers.errors import Redact, provider_error
from gateway.providers.recorder import recorder
from gateway.providers.runtime import load
from gateway.providers.shapes import chat_body, chunk_body, count, embeddings_body, shows, usage_body, usage_of
from gateway.sse import encode_frame
from gateway.types import Chunk, Completion, Deployment, Endpoint, JsonObject

CLOSE_TIMEOUT = 3.0  # seconds
READABLE = frozenset(
    {"ModelResponseIterator", "OpenAIChatCompletionStreamingHandler", "OpenRouterChatCompletionStreamingHandler"}
)


class SdkLane:
    """Implements ports.Provider for whatever LiteLLM can reach."""

    def __init__(self, redact: Redact, connect_timeout: float = 5.0) -> None:
        self._redact = redact
        self._connect = connect_timeout

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return params.dropped(deployment, body)

    async def complete(self, request: ProviderRequest) -> Completion:
        """One whole answer. `usage` is None when the provider sent none."""
        litellm = load()
        arguments = self._arguments(request)
        seen = arguments["litellm_logging_obj"] = recorder(arguments, stream=False)
        try:
            if request.deployment.endpoint is Endpoint.EMBEDDINGS:
                response = await litellm.aembedding(**arguments, encoding_format="float")
                body = embeddings_body(response.model_dump(), request.body.get("encoding_format"))
                return Completion(body, usage_of(response.model_dump().get("usage")))
            response = await litellm.acompletion(**arguments)
        except Exception as error:
            raise provider_error(error, self._redact) from error
        return self._completion(response.model_dump(), seen.model_call_details.get("original_response"))

    def _completion(self, response: JsonObject, raw: Any) -> Completion:
        answer = raw if isinstance(raw, dict) and raw.get("choices") else response
        body = chat_body(answer)
        choices = body["choices"]
        if not choices:
            raise ProviderError(Fault.MALFORMED, "the answer has no choices")
        if said_usage(raw):
            usage = usage_of(response.get("usage"))
            body["usage"] = usage_body(response["usage"])
        else:
            usage = None
            body.pop("usage", None)
        return Completion(body, usage, choices[0]["finish_reason"])

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        """Chunks with the client's frames. Ends only after every choice had its finish reason; raises otherwise."""
        litellm = load()
        arguments = self._arguments(request)
        arguments["litellm_logging_obj"] = recorder(arguments, stream=True)
        reader = Reader(request)
        wrapper: Any = None
        try:
            wrapper = await litellm.acompletion(**arguments, stream=True, stream_options={"include_usage": True})
            async for item in source(wrapper):
                chunk = reader.read(item)
                if chunk is not None:
                    yield chunk
            reader.check(wrapper)
        except Exception as error:
            failed = provider_error(error, self._redact)
            if not (reader.finished and failed.fault is Fault.RESET):
                raise failed from error
        finally:
            if wrapper is not None:
                await asyncio.shield(shut(wrapper))
        last = reader.usage_chunk()
        if last is not None:
            yield last

    def _arguments(self, request: ProviderRequest) -> dict[str, Any]:
        arguments = params.arguments(request)
        # The same for every request: LiteLLM keeps a client per timeout. The attempt's own deadline is the caller's.
        arguments["timeout"] = httpx.Timeout(request.deployment.timeout, connect=self._connect)
        return arguments


class Reader:
    """Turns a provider's items into chunks, and remembers whether the answer was whole."""

    def __init__(self, request: ProviderRequest) -> None:
        self._request = request
        self._open: set[int] = set()
        self._done: set[int] = set()
        self._called: set[int] = set()
        self._begun: set[int] = set()
        self._base: JsonObject = {}
        self._usage: JsonObject | None = None

    @property
    def finished(self) -> bool:
        return bool(self._done) and not self._open

    def read(self, item: Any) -> Chunk | None:
        """One item of the provider's stream; None when it says nothing."""
        raw = dumped(item)
        if raw is None:
            return None
        if isinstance(raw.get("usage"), Mapping):
            self._usage = usage_body(raw["usage"])
        body = chunk_body(raw, self._begun)
        if not body["choices"]:
            return Chunk(b"", usage=usage_of(self._usage)) if self._usage is not None else None
        finish = self._finish(body)
        text = "".join(
            c["delta"].get("content") or "" for c in body["choices"] if isinstance(c["delta"].get("content"), str)
        )
        content = any(shows(c["delta"]) for c in body["choices"])
        begins = any("role" in c["delta"] for c in body["choices"])
        if not (begins or content or any(c["finish_reason"] for c in body["choices"])):
            return Chunk(b"", usage=usage_of(self._usage)) if "usage" in raw else None
        if not self._base:
            self._base = {name: body[name] for name in ("id", "object", "created", "model") if name in body}
        body.update(self._base)
        if self._request.include_usage:
            body["usage"] = None
        return Chunk(encode_frame(body), text, content, finish, usage_of(self._usage) if raw.get("usage") else None)

    def check(self, wrapper: Any) -> None:
        """A stream that ended without a finish reason for each of its choices was cut."""
        if not self.finished:
            raise ProviderError(Fault.TRUNCATED, "the stream ended without a finish reason")
        if wrapped(wrapper) and wrapper.received_finish_reason is None:
            raise ProviderError(Fault.TRUNCATED, "the stream ended without a finish reason")

    def usage_chunk(self) -> Chunk | None:
        """The last chunk, for clients that asked for usage; it also says what the attempt cost."""
        usage = usage_of(self._usage)
        if usage is None:
            return None
        spent = usd(cost(self._request.deployment.price, usage))
        frame = encode_frame({**self._base, "choices": [], "usage": self._usage, "x_atelier": {"cost": spent}})
        return Chunk(frame, usage=usage, usage_only=True)

    def _finish(self, body: JsonObject) -> str | None:
        finish: str | None = None
        for item in body["choices"]:
            index = count(item["index"])
            if item["delta"].get("tool_calls"):
                self._called.add(index)
            if item["finish_reason"] is None:
                if index not in self._done:
                    self._open.add(index)
                continue
            if item["finish_reason"] == "stop" and index in self._called:
                item["finish_reason"] = "tool_calls"
            self._done.add(index)
            self._open.discard(index)
            if self.finished:
                finish = item["finish_reason"]
        return finish


def dumped(item: Any) -> JsonObject | None:
    """An item as an OpenAI-shaped chunk; None for pings and for LiteLLM's own mark of the end."""
    if item is None or isinstance(item, dict):
        return None
    raw: JsonObject = item.model_dump(exclude_unset=type(item).__module__.startswith("openai"))
    return raw


async def source(wrapper: Any) -> AsyncIterator[Any]:
    """The provider's own items where they can be read, the wrapper's otherwise."""
    if wrapper.completion_stream is None:
        await wrapper.fetch_stream()
    inner = wrapper.completion_stream
    if is_gemini(inner):
        inner.chunk_parser = truthful(inner.chunk_parser)
    async for item in wrapper if wrapped(wrapper) else inner:
        yield item


def wrapped(wrapper: Any) -> bool:
    """Whether LiteLLM's wrapper has to be read, because what is under it is not known to be OpenAI-shaped."""
    inner = type(wrapper.completion_stream)
    return not (inner.__module__.startswith("openai") or READABLE & {base.__name__ for base in inner.__mro__})


def is_gemini(inner: Any) -> bool:
    return type(inner).__name__ == "ModelResponseIterator" and "vertex" in type(inner).__module__


def truthful(parse: Callable[[JsonObject], Any]) -> Callable[[JsonObject], Any]:
    """Gemini's parser without its invention: it says "stop" in every chunk in which Gemini says nothing."""

    def parsed(chunk: JsonObject) -> Any:
        result = parse(chunk)
        ended = {c.get("index", at) for at, c in enumerate(chunk.get("candidates") or ()) if c.get("finishReason")}
        if chunk.get("candidates"):
            for choice in getattr(result, "choices", None) or ():
                if choice.index not in ended:
                    choice.finish_reason = None
        return result

    return parsed


async def shut(wrapper: Any) -> None:
    """Close the provider's connection: a stream that is merely dropped goes on generating, and costing."""
    inner = wrapper.completion_stream
    for stream in (inner, getattr(inner, "streaming_response", None), getattr(inner, "response", None), wrapper):
        for name in ("aclose", "close"):
            closing = getattr(stream, name, None)
            if closing is None:
                continue
            try:
                result = closing()
                if asyncio.iscoroutine(result):
                    await asyncio.wait_for(result, CLOSE_TIMEOUT)
            except (RuntimeError, TimeoutError, httpx.HTTPError, AttributeError):
                continue
            break


def said_usage(raw: Any) -> bool:
    """Whether the provider's own answer holds usage; LiteLLM fills zeros in where it does not."""
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except ValueError:
            return False
    if isinstance(raw, list):
        raw = raw[0] if raw else None
    if not isinstance(raw, Mapping):
        return raw is None
    return any(raw.get(name) is not None for name in ("usage", "usageMetadata", "usage_metadata"))
