"""The whole configuration as one frozen value: what the file says, what LiteLLM's blocks mean for our sections, and
where each of it stood. Made by `loader.load`; its repr never shows a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PrivateAttr, SecretStr

from gateway.config import models, money_models, routing_models, watching_models
from gateway.config.files import Sources
from gateway.config.kinds import Name, Names, Strict
from gateway.config.litellm_models import ModelEntry
from gateway.config.litellm_settings import GeneralSettings, LitellmSettings, RouterSettings
from gateway.config.positions import Section, place
from gateway.config.problems import Mark, Problem
from gateway.config.problems import Path as KeyPath
from gateway.config.taken import Taken, of_litellm


def _texts(value: Any) -> Any:
    if not isinstance(value, dict):
        return {} if value is None else value
    return {
        name: each if isinstance(each, SecretStr) else str(each) for name, each in value.items() if each is not None
    }


class ConfigFile(Strict):
    """What a file may hold at its top level, beside the blocks of LiteLLM's that have no meaning here."""

    include: Names = Field(default=(), description="Further files, relative to this one.")
    server: models.Server = Field(default=models.Server(), description="Address, bounds and browsers.")
    admin: models.Admin = Field(default=models.Admin(), description="Where the admin routes are.")
    stream: models.Stream = Field(default=models.Stream(), description="Times of streamed answers.")
    timeouts: models.Timeouts = Field(default=models.Timeouts(), description="Times of every request.")
    limits: models.Limits = Field(default=models.Limits(), description="Bounds of requests and keys.")
    routing: routing_models.Routing = Field(
        default=routing_models.Routing(), description="Which model group serves a request."
    )
    groups: Mapping[str, routing_models.Group] = Field(default={}, description="Settings of single model groups.")
    health: models.Health = Field(default=models.Health(), description="When a failing deployment is left out.")
    retry: models.Retry = Field(default=models.Retry(), description="How often a request is tried.")
    queue: models.Queue = Field(default=models.Queue(), description="Waiting for a free place.")
    cache: models.Cache = Field(default=models.Cache(), description="Answers kept for repeated requests.")
    templates: models.Templates = Field(
        default=models.Templates(), description="Prompt templates and brand voices of your own."
    )
    policies: models.Policies = Field(default=models.Policies(), description="Routing policies of your own.")
    pipeline: models.Pipeline = Field(default=models.Pipeline(), description="Stages of your own.")
    keys: models.Keys = Field(default=models.Keys(), description="Virtual keys.")
    accounts: models.Accounts = Field(default=models.Accounts(), description="People who sign in.")
    content: models.Content = Field(default=models.Content(), description="What is kept of requests without a team.")
    store: models.Store = Field(default=models.Store(), description="Where accounts, ledger and shared state lie.")
    budgets: money_models.Budgets = Field(
        default=money_models.Budgets(), description="Budgets that belong to nobody, and those of new accounts."
    )
    prices: money_models.Prices = Field(default=money_models.Prices(), description="Discounts and margins.")
    telemetry: watching_models.Telemetry = Field(default=watching_models.Telemetry(), description="Logs and traces.")
    alerts: watching_models.Alerts = Field(
        default=watching_models.Alerts(), description="Who is told when something is wrong."
    )
    simulation: models.Simulation = Field(default=models.Simulation(), description="Answers without a provider key.")
    dashboard: models.Dashboard = Field(default=models.Dashboard(), description="The dashboard beside the gateway.")
    model_list: tuple[ModelEntry, ...] = Field(min_length=1, description="LiteLLM's: the deployments.")
    router_settings: RouterSettings = Field(
        default=RouterSettings(), description="LiteLLM's: fallbacks, aliases, cooldowns."
    )
    litellm_settings: LitellmSettings = Field(
        default=LitellmSettings(), description="LiteLLM's: fallbacks, time limits."
    )
    general_settings: GeneralSettings = Field(default=GeneralSettings(), description="LiteLLM's: the master key.")
    environment_variables: Annotated[Mapping[str, SecretStr], BeforeValidator(_texts)] = Field(
        {}, description="LiteLLM's: variables for `os.environ/NAME`; they win over the environment."
    )


class Config(ConfigFile):
    """A checked configuration. LiteLLM's settings are already in our sections, where those do not say otherwise.

    Groups are named by their own names everywhere, never by an alias; paths no longer depend on the current folder.
    """

    path: Path
    data_dir: Path
    secret: SecretStr | None = None
    warnings: tuple[Problem, ...] = ()
    taken: tuple[Taken, ...] = ()  # what became of each key of LiteLLM's blocks
    overridden: Mapping[str, str] = {}  # variables that won over another value of the file, each with its key
    default_fallbacks: tuple[Name, ...] = ()
    aliases: Mapping[str, str] = {}
    _root: Section = PrivateAttr()
    _absent: Mapping[KeyPath, str] = PrivateAttr()
    _secrets: frozenset[str] = PrivateAttr()
    _sources: Sources = PrivateAttr()

    @property
    def master_key(self) -> SecretStr | None:
        """An admin key that may also call models; None when there is none."""
        return self.general_settings.master_key

    @cached_property
    def group_names(self) -> tuple[str, ...]:
        """The model groups, in the order of the file."""
        return tuple(dict.fromkeys(entry.model_name for entry in self.model_list))

    def group_of(self, model: str) -> str | None:
        """The group that a client's `model` means, by its own name or an alias; None for unknown and virtual ones."""
        name = self.aliases.get(model, model)
        return name if name in self.group_names else None

    def policy_of(self, group: str) -> str:
        """The name of the policy that ranks this group's deployments."""
        own = self.groups.get(group)
        return (own.policy if own else None) or self.routing.policy

    @cached_property
    def has_budgets(self) -> bool:
        """Whether the file sets a budget for anything; accounts may have some all the same."""
        entries = (entry.litellm_params.max_budget for entry in self.model_list)
        return self.budgets != money_models.Budgets() or any(budget is not None for budget in entries)

    def fallback_groups(self, group: str) -> tuple[str, ...]:
        """Where to go on when `group` fails: its fallbacks, each followed by its own; each once, never itself.

        Where it has none: the default ones in their place. LiteLLM walks the same way.
        """
        order = {group: None}
        ahead = list(reversed(self._own_fallbacks(group) or self.default_fallbacks))
        while ahead:
            here = ahead.pop()
            if here not in order:
                order[here] = None
                ahead += reversed(self._own_fallbacks(here))
        del order[group]
        return tuple(order)

    def _own_fallbacks(self, group: str) -> tuple[str, ...]:
        settings = self.groups.get(group)
        return settings.fallbacks if settings else ()

    def secrets(self) -> frozenset[str]:
        """Every value that must never be seen: provider keys, master key, passwords in URLs, what `redact` lists."""
        return self._secrets

    @property
    def sources(self) -> Sources:
        """The files that it was read from."""
        return self._sources

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change with every byte of its files."""
        return self._sources.version

    def with_source(
        self, root: Section, absent: Mapping[KeyPath, str], secrets: frozenset[str], sources: Sources
    ) -> Self:
        """The same, knowing what it was read from. For the loader."""
        self._root, self._absent, self._secrets, self._sources = root, absent, secrets, sources
        return self

    @property
    def of_litellm(self) -> bool:
        """Whether it was read from a file without any section of ours: then it is read as leniently as LiteLLM does."""
        return of_litellm(self._root, ConfigFile.model_fields)

    def place(self, path: KeyPath) -> Mark:
        """Where the value at `path` stands."""
        return place(self._root, path)

    def absent_variable(self, path: KeyPath) -> str | None:
        """The environment variable that the credential at `path` asks for and that is not set."""
        return self._absent.get(path)
