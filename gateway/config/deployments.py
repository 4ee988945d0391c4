"""From the model list to deployments: ids, prices, times, and which of them can be called.

Either every deployment is real or every one is simulated, never both. What LiteLLM knows of a model comes in through
`ModelFacts`; a model that it does not know raises `ConfigError` with the entry's line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any, Protocol

from gateway.config.config import Config
from gateway.config.credentials import access
from gateway.config.ignored import PASSED_ON
from gateway.config.litellm_models import Costs, LitellmParams, ModelEntry
from gateway.config.problems import ConfigError, Problem
from gateway.config.references import CREDENTIALS
from gateway.types import Deployment, Endpoint, Price

SIMULATED_KEY = "simulated"
_KEPT_IN_SIMULATION = ("drop_params", "mock_response")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._:/@-]+")
_MODES = {
    "chat": Endpoint.CHAT,
    "completion": Endpoint.CHAT,
    "responses": Endpoint.CHAT,
    "embedding": Endpoint.EMBEDDINGS,
}
_CALL_ARGUMENTS = ("api_version", "organization", "mock_response")
_PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "request": "input_cost_per_request",
}
_BILLED_AS_INPUT: tuple[str, ...] = ("cached_input", "cache_write", "audio_input")
_BILLED_AS_OUTPUT: tuple[str, ...] = ("reasoning", "audio_output")


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


@dataclass(frozen=True, slots=True)
class NoKey:
    """A deployment that cannot be called, and the environment variable that would change it."""

    deployment: Deployment
    variable: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """`deployments` can be called, and are either all real or all `simulated`; those in `no_key` are in no plan.

    `groups` has the same deployments by group; a group without any is not in it.
    """

    deployments: tuple[Deployment, ...]
    no_key: tuple[NoKey, ...]
    simulated: bool
    wants_fleet: bool = False  # nothing real can be called, and simulation is allowed
    warnings: tuple[Problem, ...] = ()
    groups: Mapping[str, tuple[Deployment, ...]] = field(default_factory=dict)


def resolve(
    config: Config, env: Mapping[str, str], facts: ModelFacts, fleet_urls: Mapping[str, str] | None
) -> Resolved:
    """Decide what is served and by whom.

    `fleet_urls`: the simulated fleet's address for each wire format ("openai", "anthropic", "gemini"), or None where
    there is no fleet. It serves only while nothing real can be called and `simulation.mode` is "auto".
    Raises `ConfigError` for models that LiteLLM does not know.
    """
    entries = _Entries(config, env, facts)
    found = list(entries.read())
    if entries.problems:
        raise ConfigError(entries.problems)
    real = entries.skipped_with_key or any(each.missing is None and not each.mock for each in found)
    wants_fleet = not real and config.simulation.mode == "auto"
    urls = fleet_urls if wants_fleet else None
    if urls is not None:
        ready = tuple(_simulated(each.deployment, urls) for each in found)
        no_key: tuple[NoKey, ...] = ()
    else:
        ready = tuple(each.deployment for each in found if each.missing is None)
        no_key = tuple(NoKey(each.deployment, each.missing) for each in found if each.missing is not None)
    groups: dict[str, tuple[Deployment, ...]] = {}
    for each in ready:
        groups[each.group] = (*groups.get(each.group, ()), each)
    return Resolved(ready, no_key, urls is not None, wants_fleet, tuple(entries.warnings), groups)


@dataclass(frozen=True, slots=True)
class _Found:
    deployment: Deployment
    missing: str | None
    mock: bool


class _Entries:
    """One walk over the model list; gathers problems and warnings beside what it yields."""

    def __init__(self, config: Config, env: Mapping[str, str], facts: ModelFacts) -> None:
        self._config = config
        self._env = {**env, **{name: value.get_secret_value() for name, value in config.environment_variables.items()}}
        self._facts = facts
        self._tiers = _tiers(config)
        self._ids = {entry.model_info.id for entry in config.model_list}
        self.skipped_with_key = False
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def read(self) -> Iterator[_Found]:
        for index, entry in enumerate(self._config.model_list):
            facts = self._known(index, entry)
            endpoint = _MODES.get(entry.model_info.mode or facts.mode) if facts else None
            if facts and endpoint is None:
                self._warn(index, "models of this kind are not served yet", "only chat and embedding models are")
            if facts and endpoint:
                yield self._found(index, entry, facts, endpoint)
            elif entry.litellm_params.api_key:
                self.skipped_with_key = True

    def _known(self, index: int, entry: ModelEntry) -> Facts | None:
        params = entry.litellm_params
        if "*" in entry.model_name or params.model.startswith("auto_router/"):
            self._warn(index, "wildcards and LiteLLM's routers are not served yet", "list each model by its name")
            return None
        try:
            return self._facts(
                params.model, custom_llm_provider=params.custom_llm_provider, base_model=entry.model_info.base_model
            )
        except UnknownModelError as error:
            path = ("model_list", index, "litellm_params", "model")
            what, _, mend = str(error).partition("; ")
            self.problems.append(Problem(self._config.place(path), path, what, mend))
            return None

    def _found(self, index: int, entry: ModelEntry, facts: Facts, endpoint: Endpoint) -> _Found:
        config, params, info = self._config, entry.litellm_params, entry.model_info
        reach = access(params, facts.provider, self._absent(index), self._env)
        price = _price(facts.price, params, info)
        if price.source == "unknown":
            self._warn(
                index, "no price is known, so it counts as free", "set input_cost_per_token, output_cost_per_token"
            )
        deployment = Deployment(
            id=self._id(entry, facts.provider),
            group=entry.model_name,
            provider=facts.provider,
            model=_full_name(params, facts.provider),
            endpoint=endpoint,
            price=price,
            api_base=params.api_base or params.base_url,
            api_key=reach.key.get_secret_value() if reach.key else None,
            params=_call_arguments(entry, drop_params=config.litellm_settings.drop_params),
            weight=1 if params.weight is None else params.weight,
            order=1 if params.order is None else params.order,
            tier=info.tier or self._tiers.get(entry.model_name),
            max_parallel=params.max_parallel_requests or config.general_settings.max_parallel_requests,
            context_window=info.max_input_tokens or facts.context_window,
            max_output=info.max_output_tokens or info.max_tokens or facts.max_output,
            reasoning=facts.reasoning if info.supports_reasoning is None else info.supports_reasoning,
            timeout=params.timeout or config.timeouts.total,
            ttft_timeout=params.stream_timeout or config.stream.ttft_timeout,
            idle_timeout=config.stream.idle_timeout,
            lane="sdk" if params.mock_response is None else "mock",
        )
        return _Found(deployment, reach.missing, params.mock_response is not None)

    def _absent(self, index: int) -> str | None:
        """The variable of a credential that the entry asks for and that is not set; a session token may be."""
        names = sorted(CREDENTIALS - {"aws_session_token"})
        variables = (self._config.absent_variable(("model_list", index, "litellm_params", name)) for name in names)
        return next((variable for variable in variables if variable), None)

    def _id(self, entry: ModelEntry, provider: str) -> str:
        if entry.model_info.id:
            return entry.model_info.id
        name = entry.litellm_params.model.removeprefix(f"{provider}/")
        plain = _NOT_IN_IDS.sub("-", f"{entry.model_name}/{provider}/{name}")
        candidate, repeat = plain, 1
        while candidate in self._ids:
            repeat += 1
            candidate = f"{plain}#{repeat}"
        self._ids.add(candidate)
        return candidate

    def _warn(self, index: int, what: str, mend: str) -> None:
        path = ("model_list", index)
        self.warnings.append(Problem(self._config.place(path), path, what, mend))


def _full_name(params: LitellmParams, provider: str) -> str:
    """The model with its provider before it where the file names the provider apart."""
    if params.custom_llm_provider is None or params.model.startswith(f"{provider}/"):
        return params.model
    return f"{provider}/{params.model}"


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
    further = {name: value for name, value in (params.model_extra or {}).items() if name in PASSED_ON}
    return {name: value for name, value in (named | further).items() if value is not None}


def _price(known: Price, *costs: Costs) -> Price:
    """`known`, with the file's prices over it; the first that names a class counts.

    A new input price also replaces what LiteLLM says of cached and audio input, a new output price what it says of
    reasoning and audio output: they are billed at the new price unless the file names them as well.
    """
    given: dict[str, Any] = {}
    for name, key in _PRICES.items():
        value = next((each for cost in costs if (each := getattr(cost, key)) is not None), None)
        if value is not None:
            given[name] = pico_dollars(value)
    if not given:
        return known
    reset = _BILLED_AS_INPUT if "input" in given else ()
    reset += _BILLED_AS_OUTPUT if "output" in given else ()
    return replace(known, **{**dict.fromkeys((*reset, "long_from", "long")), **given, "source": "config"})


def pico_dollars(dollars: float) -> int:
    """Dollars as whole pico-dollars, rounded up; exact for every price that is written with up to 12 decimals."""
    return int(Decimal(str(dollars)).scaleb(12).to_integral_value(ROUND_CEILING))


def _simulated(deployment: Deployment, urls: Mapping[str, str]) -> Deployment:
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
