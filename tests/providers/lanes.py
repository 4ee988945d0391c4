"""Every lane in one process, chosen as a deployment's card says; what a fast lane hands to the sdk lane is counted."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.ports import Provider, ProviderRequest
from gateway.providers import facts
from gateway.providers.errors import Redact
from gateway.providers.http import Http
from gateway.providers.sdk import SdkLane
from gateway.providers.translate import TranslateLane
from gateway.providers.wire import WireLane
from gateway.types import Chunk, Completion, Deployment, JsonObject


def carded(deployment: Deployment) -> Deployment:
    """The deployment as it is loaded: with its card, in the lane that the card names."""
    return deployment if deployment.card is not None else facts.carded(deployment)


class HandedOver:
    """The sdk lane as the fast lanes' way out. `handed` counts the requests that took it."""

    def __init__(self, sdk: Provider) -> None:
        self._sdk = sdk
        self.handed = 0

    async def complete(self, request: ProviderRequest) -> Completion:
        self.handed += 1
        return await self._sdk.complete(request)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        self.handed += 1
        return self._sdk.stream(request)

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return self._sdk.dropped(deployment, body)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A lane like any other, that gives each request to the lane which its deployment's card names."""

    lanes: Mapping[str, Provider]

    def _of(self, request: ProviderRequest) -> tuple[Provider, ProviderRequest]:
        deployment = carded(request.deployment)
        return self.lanes[deployment.lane], replace(request, deployment=deployment)

    async def complete(self, request: ProviderRequest) -> Completion:
        lane, asked = self._of(request)
        return await lane.complete(asked)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        lane, asked = self._of(request)
        return lane.stream(asked)

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        loaded = carded(deployment)
        return self.lanes[loaded.lane].dropped(loaded, body)


@dataclass(frozen=True, slots=True)
class Lanes:
    """`slow` is LiteLLM alone; `chosen` is what a gateway would take."""

    slow: Provider
    way_out: HandedOver
    chosen: Chosen = field(repr=False)


@contextlib.asynccontextmanager
async def all_lanes(redact: Redact, connect: float = 5.0) -> AsyncIterator[Lanes]:
    """The lanes as the gateway makes them, over connections of their own."""
    http, sdk = Http(connect), SdkLane(redact, connect)
    way_out = HandedOver(sdk)
    fast = {"wire": WireLane(http, redact, way_out), "translate": TranslateLane(http, redact, way_out)}
    try:
        yield Lanes(sdk, way_out, Chosen({"sdk": sdk, **fast}))
    finally:
        await http.close()
