"""From the model list to deployments: which of them can be called, which are simulated, which stand for many models.

Either every deployment is real or every one is simulated, never both. A model that LiteLLM does not know raises
`ConfigError` with the entry's line; in a file of LiteLLM's that has others, it is left out with a warning, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from gateway.config.building import (
    MODES,
    SIMULATED_KEY,
    Builder,
    Built,
    Carded,
    Facts,
    ModelFacts,
    UnknownModelError,
    plain_id,
    simulated,
    uncarded,
    with_its_key,
)
from gateway.config.config import Config
from gateway.config.credentials import USUAL
from gateway.config.deployment_prices import pico_dollars
from gateway.config.litellm_models import ModelEntry
from gateway.config.price_words import unpriced
from gateway.config.problems import ConfigError, Problem
from gateway.config.wildcards import Wildcard
from gateway.types import Deployment

__all__ = [
    "SIMULATED_KEY",
    "Carded",
    "Facts",
    "ModelFacts",
    "NoKey",
    "Resolved",
    "UnknownModelError",
    "Wildcard",
    "pico_dollars",
    "resolve",
]


@dataclass(frozen=True, slots=True)
class NoKey:
    """A deployment that cannot be called, and the environment variable that would change it."""

    deployment: Deployment
    variable: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """`deployments` can be called, and are either all real or all `simulated`; those in `no_key` are in no plan.

    `groups` has the same deployments by group; a group without any is not in it. `wildcards` are the entries that
    stand for many models, in the order of the file; those without a key are in `no_key` too, with a `*` in their model.
    """

    deployments: tuple[Deployment, ...]
    no_key: tuple[NoKey, ...]
    simulated: bool
    wants_fleet: bool = False  # nothing real can be called, and simulation is allowed
    warnings: tuple[Problem, ...] = ()
    groups: Mapping[str, tuple[Deployment, ...]] = field(default_factory=dict)
    wildcards: tuple[Wildcard, ...] = ()


def resolve(
    config: Config,
    env: Mapping[str, str],
    facts: ModelFacts,
    fleet_urls: Mapping[str, str] | None,
    carded: Carded = uncarded,
) -> Resolved:
    """Decide what is served and by whom.

    `fleet_urls`: the simulated fleet's address for each wire format ("openai", "anthropic", "gemini"), or None where
    there is no fleet. It serves only while nothing real can be called and `simulation.mode` is "auto".
    `carded` puts each deployment into its lane, as it is going to be called.
    Raises `ConfigError` for models that LiteLLM does not know, in a file of ours or where nothing else is served.
    """
    entries = _Entries(config, env, facts)
    found = list(entries.read())
    if entries.problems and not (config.of_litellm and (found or entries.wildcards)):
        raise ConfigError(entries.problems)
    entries.warnings += [replace(each, what=f"{each.what}, so it is left out") for each in entries.problems]
    real = entries.skipped_with_key or any(each.missing is None and not each.mock for each in found)
    real = real or any(each.missing is None for each in entries.wildcards)
    wants_fleet = not real and config.simulation.mode == "auto"
    urls = fleet_urls if wants_fleet else None
    ready = tuple(carded(each) for each in _ready(found, urls))
    lacking = [(each.deployment, each.missing) for each in found]
    lacking += [(each.shown, each.missing) for each in entries.wildcards]
    no_key = tuple(
        NoKey(with_its_key(each, carded), missing) for each, missing in lacking if missing is not None and urls is None
    )
    groups: dict[str, tuple[Deployment, ...]] = {}
    for each in ready:
        groups[each.group] = (*groups.get(each.group, ()), each)
    wildcards = tuple(_served(each, urls, carded) for each in entries.wildcards)
    return Resolved(ready, no_key, urls is not None, wants_fleet, tuple(entries.warnings), groups, wildcards)


def _ready(found: Iterable[Built], urls: Mapping[str, str] | None) -> Iterator[Deployment]:
    for each in found:
        if urls is not None:
            yield simulated(each.deployment, urls)
        elif each.missing is None:
            yield each.deployment


def _served(wildcard: Wildcard, urls: Mapping[str, str] | None, carded: Carded) -> Wildcard:
    """The wildcard, served by the fleet where that serves everything."""
    if urls is None:
        return replace(wildcard, shown=with_its_key(wildcard.shown, carded), carded=carded)
    shown = carded(simulated(wildcard.shown, urls))
    return replace(wildcard, shown=shown, missing=None, fleet=urls, carded=carded)


class _Entries:
    """One walk over the model list; gathers wildcards, problems and warnings beside what it yields."""

    def __init__(self, config: Config, env: Mapping[str, str], facts: ModelFacts) -> None:
        self._config = config
        self._builder = Builder(config, env)
        self._facts = facts
        self.skipped_with_key = False
        self.wildcards: list[Wildcard] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def read(self) -> Iterator[Built]:
        for index, entry in enumerate(self._config.model_list):
            if entry.is_out:
                continue
            if entry.is_wildcard:
                self.wildcards.append(self._wildcard(index, entry))
                continue
            facts = self._known(index, entry)
            if facts and (entry.model_info.mode or facts.mode) in MODES:
                yield self._built(index, entry, facts)
                continue
            if facts:
                self._warn(index, "models of this kind are not served yet", "only chat and embedding models are")
            if entry.litellm_params.api_key:
                self.skipped_with_key = True

    def _built(self, index: int, entry: ModelEntry, facts: Facts) -> Built:
        built = self._builder.build(index, entry, facts, self._builder.new_id(entry, facts.provider))
        if built.deployment.price.source == "unknown":
            self._warn(index, *unpriced(facts.provider, budgeted=self._config.has_budgets))
        return built

    def _known(self, index: int, entry: ModelEntry) -> Facts | None:
        if entry.litellm_params.model.startswith("auto_router/"):
            self._warn(index, "LiteLLM's routers do not run here", "see `routing.models` and `routing.rules`")
            return None
        try:
            return self._ask(entry)
        except UnknownModelError as error:
            path = ("model_list", index, "litellm_params", "model")
            what, _, mend = str(error).partition("; ")
            self.problems.append(Problem(self._config.place(path), path, what, mend))
            return None

    def _ask(self, entry: ModelEntry) -> Facts:
        params = entry.litellm_params
        return self._facts(
            params.model, custom_llm_provider=params.custom_llm_provider, base_model=entry.model_info.base_model
        )

    def _wildcard(self, index: int, entry: ModelEntry) -> Wildcard:
        """The entry with its patterns. Whose models they are may only be known once a model is asked for."""
        params, builder = entry.litellm_params, self._builder
        try:
            facts = self._ask(entry)
        except UnknownModelError:
            facts = Facts("*")
        shown_facts = replace(facts, mode=facts.mode if facts.mode in MODES else "chat")
        id_ = builder.own_id(entry) or builder.unique(entry.model_name.replace("*", "any"))
        built = builder.build(index, _as_chat(entry), shown_facts, id_)
        missing = built.missing
        if facts.provider == "*" and missing is not None and builder.absent(index) is None:
            missing = None if builder.has_any(USUAL) else USUAL[0]
        return Wildcard(
            pattern=entry.model_name,
            model=params.model,
            shown=built.deployment,
            missing=missing,
            build=partial(self._concrete, index, entry, id_),
            provider_of=self._provider_of,
        )

    def _concrete(self, index: int, entry: ModelEntry, id_: str, model: str) -> Built | None:
        """The deployment of one model behind a wildcard; its id is the wildcard's with the model after it."""
        params = entry.litellm_params.model_copy(update={"model": model})
        concrete = entry.model_copy(update={"litellm_params": params})
        try:
            facts = self._ask(concrete)
        except UnknownModelError:
            return None
        if (entry.model_info.mode or facts.mode) not in MODES:
            return None
        name = model.removeprefix(f"{facts.provider}/")
        return self._builder.build(index, concrete, facts, plain_id(f"{id_}/{facts.provider}/{name}"))

    def _provider_of(self, name: str) -> str | None:
        try:
            return self._facts(name, custom_llm_provider=None, base_model=None).provider
        except UnknownModelError:
            return None

    def _warn(self, index: int, what: str, mend: str) -> None:
        path = ("model_list", index)
        self.warnings.append(Problem(self._config.place(path), path, what, mend))


def _as_chat(entry: ModelEntry) -> ModelEntry:
    """The entry with a kind that is served, so that it can be shown."""
    if entry.model_info.mode in (None, *MODES):
        return entry
    return entry.model_copy(update={"model_info": entry.model_info.model_copy(update={"mode": None})})
