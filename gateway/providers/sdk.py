"""The `sdk` lane: `litellm.acompletion` and `aembedding`, one hit per attempt, nothing invented.

LiteLLM makes the request and sends it; what the provider answered is read off the HTTP exchange where its format is
known, and through LiteLLM elsewhere. Any failure leaves as a ProviderError, and the provider's connection is closed on
every way out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx

from gateway.errors import Fault, ProviderError
from gateway.ports import ProviderRequest
from gateway.providers import params
from gateway.providers.errors import Redact, content, in_band, provider_error, refused
from gateway.providers.media import refuse_addresses
from gateway.providers.reader import Reader
from gateway.providers.recorder import recorder
from gateway.providers.runtime import loaded
from gateway.providers.shapes import chat_body, embeddings_body, usage_body, usage_in, usage_of
from gateway.providers.source import chunks, shut
from gateway.providers.translated import plain, told_usage, whole
from gateway.providers.transport import Exchange, exchange
from gateway.types import Chunk, Completion, Deployment, Endpoint, JsonObject


class SdkLane:
    """Implements ports.Provider for whatever LiteLLM can reach."""

    def __init__(self, redact: Redact, connect_timeout: float = 5.0) -> None:
        self._redact = redact
        self._connect = connect_timeout

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return params.dropped(deployment, body)

    async def complete(self, request: ProviderRequest) -> Completion:
        """One whole answer. `usage` is None when the provider sent none."""
        litellm = await loaded()
        arguments = self._arguments(request)
        arguments["litellm_logging_obj"] = recorder(arguments, stream=False)
        failure: Exception | None = None
        response: Any = None
        with exchange() as sent:
            try:
                if request.deployment.endpoint is Endpoint.EMBEDDINGS:
                    response = await litellm.aembedding(**arguments, encoding_format="float")
                else:
                    response = await litellm.acompletion(**arguments)
            except Exception as error:  # noqa: BLE001 - raised below, where the answer cannot be read without LiteLLM
                failure = error
        try:
            return self._read(request, response, sent, failure)
        except Exception as error:
            raise provider_error(error, self._redact, sent) from error

    def _read(self, request: ProviderRequest, response: Any, sent: Exchange, failure: Exception | None) -> Completion:
        """The whole answer, as it came where its format is known. May raise anything for what cannot be read."""
        raw = self._raw(sent, failure)
        if plain(request.deployment.provider, raw, by_openai_sdk=sent.by_openai_sdk):
            return self._completion(raw, usage_in(raw))
        if failure is not None:
            raise failure
        told = told_usage(request.deployment.provider, raw)
        body = whole(request.deployment.provider, response.model_dump(), raw)
        if request.deployment.endpoint is Endpoint.CHAT:
            return self._completion(body, body.get("usage") if told else None)
        used = usage_of(body.get("usage")) if told else None
        return Completion(embeddings_body(body, request.body.get("encoding_format")), used)

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        """Chunks with the client's frames. Ends only after every choice had its finish reason; raises otherwise."""
        litellm = await loaded()
        arguments = self._arguments(request)
        arguments["litellm_logging_obj"] = recorder(arguments, stream=True)
        reader = Reader(request, self._redact)
        wrapper: Any = None
        sent = Exchange()
        try:
            with exchange(sent):
                wrapper = await litellm.acompletion(**arguments, stream=True, stream_options={"include_usage": True})
                if wrapper.completion_stream is None:
                    await wrapper.fetch_stream()
            self._check(sent)
            async for raw in chunks(wrapper, sent.response):
                chunk = reader.read(raw)
                if chunk is not None:
                    yield chunk
            reader.check()
        except Exception as error:
            failed = provider_error(error, self._redact, sent)
            if not (reader.finished and failed.fault is Fault.RESET):
                raise failed from error
        finally:
            await asyncio.shield(shut(wrapper, sent.response))
        last = reader.usage_chunk()
        if last is not None:
            yield last

    def _arguments(self, request: ProviderRequest) -> dict[str, Any]:
        refuse_addresses(request.deployment, request.body)
        arguments = params.arguments(request)
        # The same for every request: LiteLLM keeps a client per timeout. The attempt's own deadline is the caller's.
        arguments["timeout"] = httpx.Timeout(request.deployment.timeout, connect=self._connect)
        return arguments

    def _check(self, sent: Exchange, failure: Exception | None = None) -> None:
        """Raises ProviderError for an answer with an error status, also where LiteLLM made an answer of it."""
        if sent.response is not None and not sent.response.is_success:
            answer = sent.response
            raise refused(answer.status_code, answer.headers, content(answer), self._redact) from failure

    def _raw(self, sent: Exchange, failure: Exception | None) -> Any:
        """The answer's JSON, or None where there is none to read. Raises ProviderError for an error in it."""
        self._check(sent, failure)
        if sent.response is None:
            return None
        try:
            raw = json.loads(sent.response.content)
        except (ValueError, RecursionError, httpx.StreamError):
            return None
        if isinstance(raw, dict) and raw.get("error"):
            raise in_band(raw["error"], self._redact) from failure
        return raw

    def _completion(self, answer: JsonObject, usage: Any) -> Completion:
        """`usage` as the provider told it, in OpenAI's shape; None when it did not."""
        body = chat_body(answer)
        if not body["choices"]:
            raise ProviderError(Fault.MALFORMED, "the answer has no choices")
        if usage is not None:
            body["usage"] = usage_body(usage)
        return Completion(body, usage_of(usage), body["choices"][0]["finish_reason"])
