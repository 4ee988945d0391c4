"""Makes what a configuration decides: the deployments, the routes, the stages of the pipeline. Named classes, no state.

What outlives every version of the configuration is in `Lasting`, made once; what a version decides is made anew from it.
A file that is no good raises `ConfigError`, and so does a template, a policy or a stage that it names.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import templates
from gateway.attempts import Attempts
from gateway.backends import Backends
from gateway.config.config import Config
from gateway.config.deployments import Resolved, resolve
from gateway.config.models import CustomStage
from gateway.config.problems import ConfigError, Problem
from gateway.config.problems import Path as KeyPath
from gateway.config.served_checks import check_served
from gateway.extra_stages import StageError, made, with_extra
from gateway.pipeline import Pipeline
from gateway.ports import BrandRights, Clock, Identities, Provider, Stage
from gateway.prompts.library import Library, LibraryError
from gateway.providers.facts import model_facts
from gateway.providers.mock import MockLane
from gateway.providers.sdk import SdkLane
from gateway.providers.tokens import BundledTokens
from gateway.queue.places import Places
from gateway.resilience.health import DeploymentHealth, Rules
from gateway.routing import Routes
from gateway.serving import Serving
from gateway.sim import FleetError, FleetUrls
from gateway.stages.admit import Admit
from gateway.stages.authenticate import Authenticate
from gateway.stages.cache import Cache
from gateway.stages.call import CallProvider
from gateway.stages.observe import Observe
from gateway.stages.prompt import Prompt
from gateway.stages.replay import Replay
from gateway.stages.route import Route
from gateway.stages.spend import Spend
from gateway.stages.spend_limits import LimitDefaults
from gateway.stages.spend_line import Lines
from gateway.stages.wait import Wait
from gateway.store.secrets import derive
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.redact import Redactor
from routing_policies import PolicyError

facts = functools.cache(model_facts)
UNUSABLE = (LibraryError, PolicyError, StageError, FleetError)  # what a configuration names and cannot be had


@dataclass(slots=True)
class Lasting:
    """What stays when the configuration is loaded anew: stores, and what is remembered of deployments and callers."""

    clock: Clock
    backends: Backends
    redactor: Redactor
    identities: Identities
    brands: BrandRights
    metrics: Metrics
    health: DeploymentHealth
    places: Places
    attempts: Attempts
    tokens: BundledTokens = field(default_factory=BundledTokens)
    lines: Lines = field(default_factory=Lines)
    extra: dict[CustomStage, Stage] = field(default_factory=dict)
    reached: dict[str, tuple[str | None, str | None]] = field(
        default_factory=dict, repr=False
    )  # address and key, by id

    def adopt(self, serving: Serving) -> None:
        """Act on this version's rules; what was found out about a deployment counts no more once it has another key."""
        config, before = serving.config, self.reached
        self.backends.configure(config)
        self.health.configure(rules(config))
        self.places.configure(max_waiting=config.queue.max_length)
        self.metrics.knows(serving.routes.names, [each.id for each in serving.resolved.deployments])
        self.reached = {each.id: (each.api_base, each.api_key) for each in serving.resolved.deployments}
        for name, reach in before.items():
            if self.reached.get(name) != reach:
                self.health.forget(name)  # what was found out about it was about another address or key

    def own_stage(self, wanted: CustomStage) -> Stage:
        """The one that was made when it was first named: what it remembers outlives a reload. Raises StageError."""
        if wanted not in self.extra:
            self.extra[wanted] = made(wanted)
        return self.extra[wanted]


@dataclass(frozen=True, slots=True)
class Read:
    """What the files say, before any of it is used."""

    config: Config
    resolved: Resolved
    library: Library


def pipeline(lasting: Lasting, config: Config, routes: Routes, library: Library) -> Pipeline:
    """The stages of every request, in order. Raises StageError."""
    clock, backends, metrics = lasting.clock, lasting.backends, lasting.metrics
    ledger, health, places = backends.ledger, lasting.health, lasting.places
    secret = backends.secret
    defaults = LimitDefaults(config.limits.default_max_tokens, config.limits.default_max_tokens_reasoning)
    lanes: dict[str, Provider] = {"sdk": SdkLane(lasting.redactor.text, config.timeouts.connect), "mock": MockLane()}
    per_key = config.cache.scope == "key"
    stages: dict[str, Stage] = {
        "observe": Observe(metrics, ledger, clock),
        "authenticate": Authenticate(lasting.identities),
        "replay": Replay(),
        "admit": Admit(backends.limiter, config.server.max_messages, config.limits.max_n),
        "prompt": Prompt(library, derive(secret, "atelier/prompt-nonce/v1"), lasting.brands),
        "cache": Cache(backends.cache, derive(secret, "atelier/cache/v1"), config.cache.ttl, per_key=per_key),
        "route": Route(routes, health, places),
        "wait": Wait(places, health, clock, config.queue.max_wait),
        "spend": Spend(ledger, lasting.tokens, clock, defaults, lasting.lines),
        "call": CallProvider(lanes, ledger, places, health, lasting.attempts, clock, config.retry.attempts),
    }
    if not config.cache.enabled:
        del stages["cache"]
    return Pipeline(with_extra(stages, config.pipeline.stages, lasting.own_stage))


def serving(lasting: Lasting, read: Read) -> Serving:
    """Everything that this version decides. Raises PolicyError, StageError."""
    routes = Routes(read.config, read.resolved)
    walk = pipeline(lasting, read.config, routes, read.library)
    return Serving(read.config, read.resolved, routes, read.library, walk, lasting.clock.now())


async def understand(config: Config, env: Mapping[str, str], fleet: FleetUrls) -> Read:
    """Who serves what: real deployments when there is a key, else the simulated fleet's; never both."""
    resolved = await asyncio.to_thread(resolve, config, env, facts, None)
    if resolved.wants_fleet:
        resolved = await asyncio.to_thread(resolve, config, env, facts, await fleet())
    return checked(Read(config, resolved, await asyncio.to_thread(load_library, config)))


def checked(read: Read) -> Read:
    """The same, if rules, tiers and fallbacks can be served as they are written. Raises ConfigError."""
    deployments = (*read.resolved.deployments, *(each.deployment for each in read.resolved.no_key))
    problems = check_served(read.config, deployments, read.library.templates)
    if problems:
        raise ConfigError(problems, read.config.sources.files)
    return read


def load_library(config: Config) -> Library:
    """The shipped templates and voices, and those of the admin's own folder on top. Raises LibraryError."""
    paths = [Path(templates.__file__).parent]
    if config.templates.path is not None:
        paths.append(config.templates.path)
    return Library.load(paths)


def as_problem(config: Config, error: Exception) -> ConfigError:
    """What the configuration names and cannot be had, as a mistake at the place that names it."""
    path: KeyPath = ()
    if isinstance(error, LibraryError):
        path = ("templates", "path")
    elif isinstance(error, PolicyError):
        path = ("policies", "path") if config.policies.path is not None else ("policies", "parameters")
    elif isinstance(error, StageError):
        path = ("pipeline", "stages")
    what = str(error).rstrip(".")
    return ConfigError([Problem(config.place(path), path, what, "mend it, or take it out")], config.sources.files)


def rules(config: Config) -> Rules:
    """When a deployment is taken out, as the admin set it."""
    settings = config.health
    return Rules(
        failures=settings.failures,
        open_for=settings.open_for,
        open_cap=settings.max_open,
        disabled=not settings.enabled,
    )
