"""The `translate` lane: LiteLLM's mapping of a request, sent over our own connections, and answers read by our own readers.

One hit per attempt. Any failure leaves as a ProviderError, and the provider's connection is closed on every way out. What
a dialect does not carry, or cannot prepare, goes to the sdk lane, before anything was sent.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from types import MappingProxyType

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider, ProviderRequest
from gateway.providers import params, runtime
from gateway.providers.anthropic_dialect import Anthropic
from gateway.providers.dialect import Dialect, Prepared
from gateway.providers.errors import Redact, in_band, refused
from gateway.providers.events import EventReader
from gateway.providers.gemini_dialect import Gemini
from gateway.providers.http import Body, Http, Reply, is_success
from gateway.providers.media import refuse_addresses
from gateway.providers.reader import Reader
from gateway.providers.scan import DONE, ROLE, Pattern, document_in, halves, joined
from gateway.providers.shapes import chat_body, usage_body, usage_of
from gateway.types import Chunk, Completion, Deployment, JsonObject

# By LiteLLM's name of the provider.
DIALECTS: Mapping[str, Dialect] = MappingProxyType({"anthropic": Anthropic(), "gemini": Gemini()})


class TranslateLane:
    """Implements ports.Provider for the providers whose dialects it is given."""

    def __init__(self, http: Http, redact: Redact, sdk: Provider, dialects: Mapping[str, Dialect] = DIALECTS) -> None:
        self._http = http
        self._redact = redact
        self._sdk = sdk
        self._dialects = dialects

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return params.dropped(deployment, body)

    async def complete(self, request: ProviderRequest) -> Completion:
        """One whole answer. `usage` is None when the provider sent none."""
        prepared = await self._prepared(request, stream=False)
        if prepared is None:
            return await self._sdk.complete(request)
        reply = await self._http.whole(prepared.sending)
        try:
            return self._read(reply, prepared)
        except Exception as error:
            raise unread(error) from error

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        """Chunks with the client's frames. Ends only after every choice had its finish reason; raises otherwise."""
        prepared = await self._prepared(request, stream=True)
        if prepared is None:
            async with contextlib.aclosing(self._sdk.stream(request)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        reader = Reader(request, self._redact)
        body = await self._http.open(prepared.sending)
        try:
            await self._check(body)
            stream = Stream(prepared, body.headers, reader)
            while not stream.ended:
                if (found := stream.feed(await body.read())) is not None:
                    yield found
            stream.check()
            reader.check()
            await body.finish()
        except Exception as error:
            failed = unread(error)
            if not (reader.finished and failed.fault is Fault.RESET):
                raise failed from error
        finally:
            await body.close()
        last = reader.usage_chunk()
        if last is not None:
            yield last

    async def _check(self, body: Body) -> None:
        if not is_success(body.status):
            raise refused(body.status, body.headers, await body.whole(), self._redact)

    def _read(self, reply: Reply, prepared: Prepared) -> Completion:
        if not is_success(reply.status):
            raise refused(reply.status, reply.headers, reply.data, self._redact)
        document = document_in(reply.data)
        if isinstance(document, dict) and document.get("error"):
            raise in_band(document["error"], self._redact)
        return completion(prepared.answer(document, reply.headers))

    async def _prepared(self, request: ProviderRequest, *, stream: bool) -> Prepared | None:
        """The attempt as it is sent; None where it is the sdk lane's. Raises ProviderError for addresses (S2)."""
        refuse_addresses(request.deployment, request.body)
        dialect = self._dialects.get(request.deployment.provider)
        if dialect is None:
            return None
        await runtime.loaded()
        try:
            return dialect.prepare(request, stream=stream) if dialect.carries(request) else None
        except Exception:  # noqa: BLE001 - nothing was sent: the sdk lane meets the same, and tells it in its words
            return None


class Stream:
    """The chunks of one stream, out of its bytes. `ended`: nothing more is to be read; `failure` says why, if not well."""

    def __init__(self, prepared: Prepared, headers: Mapping[str, str], reader: Reader) -> None:
        self.ended = False
        self.failure: Exception | None = None
        self._parse = prepared.reader(headers)
        self._text = prepared.text
        self._reader = reader
        self._events = EventReader()
        self._pattern: Pattern | None = None

    def feed(self, part: bytes) -> Chunk | None:
        """What `part` says to the client, all its events in one chunk; b"" is the end. Never raises."""
        chunks: list[Chunk] = []
        try:
            for event in self._events.feed(part) if part else self._events.flush():
                if event.strip() == DONE:
                    self.ended = True
                    break
                chunk = self._event(event)
                if chunk is not None:
                    chunks.append(chunk)
        except Exception as error:  # noqa: BLE001 - raised once the chunks before it are with the client
            self.failure = error
        self.ended |= self.failure is not None or not part
        return joined(chunks)

    def check(self) -> None:
        """Raises what ended the stream, if that was not its end."""
        if self.failure is not None:
            raise self.failure

    def _event(self, event: bytes) -> Chunk | None:
        """One event: put together from the pieces of one that differed in its text only, or translated."""
        if self._pattern is not None and (found := self._pattern.fill(event)) is not None:
            self._reader.more()
            return Chunk(*found, content=True)
        document = document_in(event)
        if not isinstance(document, dict):
            return None
        raw = document if document.get("error") else self._parse(document)
        chunk = None if raw is None else self._reader.read(raw)
        if chunk is not None and self._text is not None and says_only_text(raw, chunk):
            self._pattern = pattern(event, self._text, chunk) or self._pattern
        return chunk


def says_only_text(raw: JsonObject | None, chunk: Chunk) -> bool:
    """Whether all that a chunk says is a piece of text, in a choice that had begun."""
    if raw is None or not chunk.text or chunk.finish or chunk.usage or ROLE in chunk.frame:
        return False
    return len(raw["choices"]) == 1 and raw["choices"][0]["delta"].keys() == {"content"}


def pattern(event: bytes, name: str, chunk: Chunk) -> Pattern | None:
    """What stands around the text, the string `name` of an event and "content" of its frame; None if that is not sure."""
    given, shown = halves(event, name, chunk.text), halves(chunk.frame, "content", chunk.text)
    if not given[0] or not shown[0] or b"\n" in event or b"\r" in event:
        return None
    return Pattern((given[0], b"", given[1]), (shown[0], b"", shown[1]))


def completion(answer: JsonObject) -> Completion:
    """A whole answer, cleaned up behind LiteLLM's translation. Raises ProviderError where it holds no choice."""
    usage = answer.get("usage")
    body = chat_body(answer)
    if not body["choices"]:
        raise ProviderError(Fault.MALFORMED, "the answer has no choices")
    if usage is not None:
        body["usage"] = usage_body(usage)
    return Completion(body, usage_of(usage), body["choices"][0]["finish_reason"])


def unread(error: Exception) -> ProviderError:
    """What a lane raised over an answer that it could not read; not in words that quote it."""
    if isinstance(error, ProviderError):
        return error
    return ProviderError(Fault.MALFORMED, f"the answer cannot be read ({type(error).__name__})")
