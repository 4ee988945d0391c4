"""Gemini's dialect for the translate lane: Google AI Studio's `generateContent`, with a key.

Address and headers are LiteLLM's, asked for once a deployment; the key travels in a header, never in the address. What
LiteLLM would send in another way (no key of our own, other credentials, embeddings) is the sdk lane's.
"""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from gateway import trace_context
from gateway.ports import ProviderRequest
from gateway.providers import params
from gateway.providers.dialect import Once, Prepared
from gateway.providers.facts import whose
from gateway.providers.gemini_answer import Events, completion
from gateway.providers.gemini_request import PROVIDER, carried, request_body
from gateway.providers.http import Sending
from gateway.providers.runtime import load
from gateway.types import Deployment, Endpoint

ELSEWHERE = params.DEPLOYMENT - {"extra_headers"}  # settings that LiteLLM would act on
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Ready:
    """What of a deployment's requests is always the same."""

    model: str
    urls: Mapping[bool, str]  # by whether the answer is streamed
    headers: Mapping[str, str] = field(repr=False)


class Gemini:
    """Implements dialect.Dialect."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._ready = Once(ready)

    def carries(self, request: ProviderRequest) -> bool:
        return why_not(request.deployment) is None and carried(request.body)

    def prepare(self, request: ProviderRequest, *, stream: bool) -> Prepared:
        """Raises whatever LiteLLM raises for a request that it refuses."""
        found = self._ready(request.deployment)
        headers = {
            **found.headers,
            "X-Client-Request-Id": request.attempt_id,
            **trace_context.headers(request.traceparent),
        }
        body = request_body(request.deployment, found.model, request.body)
        sending = Sending(found.urls[stream], headers, _encode(body))
        answer = functools.partial(completion, model=found.model, now=self._now)
        return Prepared(sending, answer, functools.partial(Events, now=self._now))


def why_not(deployment: Deployment) -> str | None:
    """What keeps a deployment from the translate lane, for people; None where nothing does."""
    if deployment.endpoint is not Endpoint.CHAT:
        return "only chat completions are translated"
    if not deployment.api_key:
        return "LiteLLM finds its key in the environment"
    if not ELSEWHERE.isdisjoint(deployment.params):
        return "LiteLLM acts on settings of its own"
    return None


def ready(deployment: Deployment) -> Ready:
    """Ask LiteLLM where, and with which headers, it would send (*internal*)."""
    litellm = load()
    name, _ = whose(deployment.model, PROVIDER)
    vertex: Any = importlib.import_module("litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini")
    base = deployment.api_base or litellm.api_base or litellm.get_secret("GEMINI_API_BASE")
    urls, headers = {}, {}
    for stream in (False, True):
        headers, url = vertex.VertexLLM().get_token_and_url(
            model=name,
            auth_header=None,
            gemini_api_key=deployment.api_key,
            vertex_project=None,
            vertex_location=None,
            vertex_credentials=None,
            stream=stream,
            custom_llm_provider=PROVIDER,
            api_base=base,
        )
        urls[stream] = str(httpx.URL(url))  # quoted as LiteLLM's client does
    sent = {**headers, **(deployment.params.get("extra_headers") or {})}
    return Ready(name, urls, sent)
