"""Anthropic's dialect for the translate lane: asked by LiteLLM's mapping, read by readers of our own.

What it leaves to the sdk lane: embeddings, deployments whose settings change LiteLLM's ways, and bounds on the output that
LiteLLM lowers after counting the input.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec

from gateway.ports import ProviderRequest
from gateway.providers.anthropic_answer import Events, completion
from gateway.providers.anthropic_request import known, mapped, why_not, within
from gateway.providers.dialect import Once, Prepared
from gateway.providers.http import Sending

_encode = msgspec.json.Encoder().encode


class Anthropic:
    """Implements dialect.Dialect."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._known = Once(known)

    def carries(self, request: ProviderRequest) -> bool:
        """Whether the lane asks as the sdk lane would. LiteLLM is loaded by then."""
        deployment = request.deployment
        return why_not(deployment) is None and within(self._known(deployment), request.body)

    def prepare(self, request: ProviderRequest, *, stream: bool) -> Prepared:
        """Raises whatever LiteLLM raises for a request that it refuses."""
        found = self._known(request.deployment)
        asked = mapped(found, request, stream=stream)
        reading: dict[str, Any] = {"json_mode": asked.json_mode, "names": asked.names, "now": self._now}
        return Prepared(
            Sending(found.url, asked.headers, _encode(asked.body)),
            lambda document, _: completion(document, prefix=asked.prefix, **reading),
            lambda _: Events(**reading),
            text="text",
        )
