"""Refuses media that LiteLLM would fetch: the gateway opens no address that a request names (S2).

OpenAI-compatible providers get an address as it was written, and fetch it themselves or refuse. Anthropic and Vertex
take https addresses, which LiteLLM passes on. Everything else is refused here; should LiteLLM know a further way to
fetch, `runtime` has shut it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.errors import Fault, ProviderError
from gateway.providers.params import OPENAI_FORMAT
from gateway.types import Deployment, JsonObject

FETCH_THEMSELVES = frozenset({"anthropic", "vertex_ai", "vertex_ai_beta"})
ADDRESSES = frozenset({"url", "image_url", "file_id", "file_url", "video_url", "file_uri", "uri"})


def refuse_addresses(deployment: Deployment, body: JsonObject) -> None:
    """Raises ProviderError for an address in `messages` that this deployment's provider does not open itself."""
    if deployment.provider in OPENAI_FORMAT:
        return
    allowed = ("data:", "https://") if deployment.provider in FETCH_THEMSELVES else ("data:",)
    for address in addresses(body.get("messages")):
        if ":" in address and not address.startswith(allowed):
            raise refusal()


def refusal() -> ProviderError:
    return ProviderError(
        Fault.CALLER,
        "This provider does not open this address. Please send the image or file inline, as a data URI.",
        status=400,
        code="unsupported_image_url",
        param="messages",
    )


def addresses(value: Any, name: str = "") -> Iterator[str]:
    """Every address at any depth of the messages' parts; texts are no addresses."""
    if isinstance(value, str):
        if name in ADDRESSES:
            yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in {"text", "arguments"}:
                yield from addresses(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from addresses(item, name)
