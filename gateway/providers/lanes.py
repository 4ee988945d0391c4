"""All ways to a provider, by the name that a deployment's card has for each; `Provider` is the same for all of them."""

from __future__ import annotations

from collections.abc import Callable

from gateway.ports import Provider
from gateway.providers.http import Http
from gateway.providers.mock import MockLane
from gateway.providers.sdk import SdkLane
from gateway.providers.translate import TranslateLane
from gateway.providers.wire import WireLane

OF_LITELLM = frozenset({"sdk", "translate"})  # what they send is LiteLLM's work


def lanes(http: Http, redact: Callable[[str], str], connect_timeout: float) -> dict[str, Provider]:
    """`http` is shared by the lanes that send by themselves; seconds."""
    sdk = SdkLane(redact, connect_timeout)
    return {
        "sdk": sdk,
        "mock": MockLane(),
        "wire": WireLane(http, redact, sdk),
        "translate": TranslateLane(http, redact, sdk),
    }
