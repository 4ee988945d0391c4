"""Anthropic's dialect for the translate lane: asked by LiteLLM's mapping, read by readers of our own.

What it leaves to the sdk lane: embeddings, deployments whose settings change LiteLLM's ways, and bounds on the output that
LiteLLM lowers after counting the input.
"""

from __future__ import annotations

import functools

import msgspec

from gateway.ports import ProviderRequest
from gateway.providers import anthropic_request
from gateway.providers.anthropic_answer import Events, completion
from gateway.providers.dialect import Once, Prepared
from gateway.providers.http import Sending
from gateway.types import Endpoint

_encode = msgspec.json.Encoder().encode


class Anthropic:
    """Implements dialect.Dialect."""

    def __init__(self) -> None:
        self._known = Once(anthropic_request.known)

    def carries(self, request: ProviderRequest) -> bool:
        """Whether the lane asks as the sdk lane would. LiteLLM is loaded by then."""
        deployment = request.deployment
        if deployment.endpoint is not Endpoint.CHAT or anthropic_request.obstacle(deployment):
            return False
        return anthropic_request.within(self._known(deployment), request.body)

    def prepare(self, request: ProviderRequest, *, stream: bool) -> Prepared:
        known = self._known(request.deployment)
        mapped = anthropic_request.mapped(known, request, stream=stream)
        reading = {"json_mode": mapped.json_mode, "names": mapped.names}
        return Prepared(
            Sending(known.url, mapped.headers, _encode(mapped.body)),
            functools.partial(completion, **reading, prefix=mapped.prefix),
            functools.partial(Events, **reading),
        )
