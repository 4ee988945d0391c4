"""One deployment from one entry of the model list: id, key, price, times, bounds, what goes to the provider layer.

Pure, but for what LiteLLM knows of a model, which comes in as `ModelFacts`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from gateway.config.config import Config
from gateway.config.credentials import access
from gateway.config.deployment_prices import adjusted, price_of
from gateway.config.litellm_keys import OLDER_NAMES, PASSED_ON
from gateway.config.litellm_kinds import seconds
from gateway.config.litellm_models import LitellmParams, ModelEntry
from gateway.config.references import CREDENTIALS
from gateway.config.weights import orders, weights
from gateway.types import Deployment, Endpoint, Price

SIMULATED_KEY = "simulated"
MODES = {
    "chat": Endpoint.CHAT,
    "completion": Endpoint.CHAT,
    "responses": Endpoint.CHAT,
    "embedding": Endpoint.EMBEDDINGS,
}
NANO = 1_000_000_000
_KEPT_IN_SIMULATION = ("drop_params", "mock_response")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:/@-]+")
_CALL_ARGUMENTS = ("api_version", "organization", "mock_response")


@dataclass(frozen=True, slots=True)
class Facts:
    """What LiteLLM knows of a model. `mode` is its word: "chat", "embedding", …; windows are tokens."""

    provider: str
    price: Price = field(default_factory=Price)
    mode: str = "chat"
    context_window: int | None = None
    max_output: int | None = None
    reasoning: bool = False


class UnknownModelError(Exception):
    """LiteLLM does not know whose model this is. The message: what is wrong, a semicolon, how to mend it."""


class ModelFacts(Protocol):
    """Looks a model up; no network. Raises `UnknownModelError` when no provider can be told from the name.

    `base_model` is the name to take price and windows from, where the model's own is only a deployment's.
    """

    def __call__(self, model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts: ...


Carded = Callable[[Deployment], Deployment]  # puts a deployment into its lane, with its card


def uncarded(deployment: Deployment) -> Deployment:
    """The deployment in the lane that takes every one."""
    return deployment


@dataclass(frozen=True, slots=True)
class Built:
    """A deployment, and the variable that it lacks before it can be called."""

    deployment: Deployment
    missing: str | None
    mock: bool


class Builder:
    """Builds what one configuration's entries mean in one environment."""

    def __init__(self, config: Config, env: Mapping[str, str]) -> None:
        self._config = config
        self._env = {**env, **{name: value.get_secret_value() for name, value in config.environment_variables.items()}}
        self._tiers = _tiers(config)
        self._ids = {entry.model_info.id for entry in config.model_list}
        self._given: set[str] = set()
        self._weights = weights(config.model_list)
        self._orders = orders(config.model_list)

    def build(self, index: int, entry: ModelEntry, facts: Facts, id_: str) -> Built:
        """The deployment of the entry at `index`. `entry` may name a concrete model where the file has a wildcard."""
        config, params, info = self._config, entry.litellm_params, entry.model_info
        router, stream = config.router_settings, config.stream
        reach = access(params, facts.provider, self.absent(index), self._env)
        usual_timeout = router.timeout or config.litellm_settings.request_timeout or config.timeouts.total
        deployment = Deployment(
            id=id_,
            group=entry.model_name,
            provider=facts.provider,
            model=full_name(params, facts.provider),
            endpoint=MODES[info.mode or facts.mode],
            price=adjusted(price_of(facts.price, params, info), facts.provider, config.prices),
            api_base=params.api_base or params.base_url,
            api_key=reach.key.get_secret_value() if reach.key else None,
            params=_call_arguments(entry, drop_params=config.litellm_settings.drop_params),
            weight=self._weights[index],
            order=self._orders[index],
            tier=info.tier or self._tiers.get(entry.model_name),
            max_parallel=params.max_parallel_requests or router.default_max_parallel_requests or None,
            rpm=params.rpm or None,
            tpm=params.tpm or None,
            tags=frozenset(params.tags),
            access_groups=frozenset(info.access_groups),
            budget=None if params.max_budget is None else round(params.max_budget * NANO),
            budget_window=seconds(params.budget_duration) if params.budget_duration else None,
            context_window=info.max_input_tokens or facts.context_window,
            max_output=info.max_output_tokens or info.max_tokens or facts.max_output,
            reasoning=facts.reasoning if info.supports_reasoning is None else info.supports_reasoning,
            timeout=params.timeout or usual_timeout,
            ttft_timeout=params.stream_timeout or stream.ttft_timeout,
            idle_timeout=stream.idle_timeout,
            lane="sdk" if params.mock_response is None else "mock",
        )
        return Built(deployment, reach.missing, params.mock_response is not None)

    def absent(self, index: int) -> str | None:
        """The variable of a credential that the entry asks for and that is not set; a session token may be."""
        names = sorted(CREDENTIALS - {"aws_session_token"})
        variables = (self._config.absent_variable(("model_list", index, "litellm_params", name)) for name in names)
        return next((variable for variable in variables if variable), None)

    def has_any(self, variables: Sequence[str]) -> bool:
        """Whether one of these variables is set."""
        return any(self._env.get(name) for name in variables)

    def new_id(self, entry: ModelEntry, provider: str) -> str:
        """The file's id, or group, provider and model; each is given out once."""
        name = entry.litellm_params.model.removeprefix(f"{provider}/")
        return self.own_id(entry) or self.unique(f"{entry.model_name}/{provider}/{name}")

    def own_id(self, entry: ModelEntry) -> str | None:
        """The file's id; where another deployment has it already, as LiteLLM lets it, with `#2`."""
        given = entry.model_info.id
        if given is None or given not in self._given:
            self._given.add(given or "")
            return given
        return self.unique(given)

    def unique(self, wanted: str) -> str:
        """`wanted` without what an id cannot have; a repeat gets `#2`."""
        plain = _NOT_IN_IDS.sub("-", wanted)
        candidate, repeat = plain, 1
        while candidate in self._ids:
            repeat += 1
            candidate = f"{plain}#{repeat}"
        self._ids.add(candidate)
        return candidate


def full_name(params: LitellmParams, provider: str) -> str:
    """The model with its provider before it where the file names the provider apart."""
    if params.custom_llm_provider is None or params.model.startswith(f"{provider}/"):
        return params.model
    return f"{provider}/{params.model}"


def plain_id(text: str) -> str:
    """`text` without what an id cannot have."""
    return _NOT_IN_IDS.sub("-", text)


def simulated(deployment: Deployment, urls: Mapping[str, str]) -> Deployment:
    """The same deployment, served by the fleet: in its own wire format where the fleet speaks it, else in OpenAI's."""
    own = deployment.provider in urls and deployment.endpoint is Endpoint.CHAT
    wire = deployment.provider if own else "openai"
    return replace(
        deployment,
        provider=wire,
        model=f"{wire}/{deployment.model_name}",
        api_base=urls[wire],
        api_key=SIMULATED_KEY,
        params={name: value for name, value in deployment.params.items() if name in _KEPT_IN_SIMULATION},
        simulated=True,
    )


def with_its_key(deployment: Deployment, carded: Carded) -> Deployment:
    """A deployment that lacks its key, in the lane that it will be in once it has it."""
    card = carded(replace(deployment, api_key=deployment.api_key or SIMULATED_KEY))
    return replace(deployment, card=card.card, lane=card.lane)


def _tiers(config: Config) -> dict[str, str]:
    """Group to tier, by the first virtual model that names the group."""
    out: dict[str, str] = {}
    for virtual in config.routing.models.values():
        for tier, group in virtual.tiers.items():
            out.setdefault(group, tier)
    return out


def _call_arguments(entry: ModelEntry, *, drop_params: bool | None) -> dict[str, Any]:
    """What goes to the provider layer as it is, beside model, address and key."""
    params = entry.litellm_params
    named = {name: getattr(params, name) for name in _CALL_ARGUMENTS}
    named["base_model"] = entry.model_info.base_model
    named["drop_params"] = drop_params if params.drop_params is None else params.drop_params
    given = params.model_extra or {}
    older = {name: given.get(old) for old, name in OLDER_NAMES.items()}
    further = older | {name: value for name, value in given.items() if name in PASSED_ON}
    return {name: value for name, value in (named | further).items() if value is not None}
