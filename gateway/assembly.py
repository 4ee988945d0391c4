"""Makes what a configuration decides: the deployments, the routes, the stages of the pipeline. Named classes, no state.

What outlives every version of the configuration is in `Lasting`, made once; what a version decides is made anew from it.
A file that is no good raises `ConfigError`, and so does a template, a policy or a stage that it names.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import templates
from gateway.attempts import Attempts
from gateway.backends import Backends
from gateway.config.config import Config
from gateway.config.deployments import Resolved, resolve
from gateway.config.files import Signature, signature
from gateway.config.models import CustomStage
from gateway.config.problems import ConfigError, Problem
from gateway.config.problems import Path as KeyPath
from gateway.config.served_checks import check_served
from gateway.extra_stages import StageError, made, with_extra
from gateway.ledger.spent_out import SpentOut
from gateway.ledger.total import TotalBudget
from gateway.pipeline import Pipeline
from gateway.ports import BrandRights, Clock, Identities, Stage
from gateway.prompts.library import Library, LibraryError
from gateway.providers.facts import carded, forget_prices, model_facts
from gateway.providers.http import Http
from gateway.providers.lanes import OF_LITELLM, lanes
from gateway.providers.tokens import BundledTokens
from gateway.queue.places import Places
from gateway.resilience.health import DeploymentHealth, Rules
from gateway.resilience.retries import Retries
from gateway.routing import Routes
from gateway.serving import Serving
from gateway.sim import FleetError, FleetUrls
from gateway.stages.admit import Admit, Total
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
from gateway.telemetry import log
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.redact import Redactor
from gateway.telemetry.tracing import Tracing
from gateway.telemetry.watching import Watching, watching
from gateway.types import AttemptResult, Balance
from routing_policies import PolicyError

facts = functools.lru_cache(4096)(model_facts)  # clients name models of wildcards
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
    tracing: Tracing
    http: Http = field(default_factory=Http)
    reached: dict[str, tuple[str | None, str | None]] = field(default_factory=dict, repr=False)  # address, key, by id
    extra: dict[CustomStage, Stage] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)
    tokens: BundledTokens = field(default_factory=BundledTokens)
    places: Places = field(init=False)
    health: DeploymentHealth = field(init=False)
    attempts: Attempts = field(init=False)
    watching: Watching = field(init=False)
    spent: SpentOut = field(init=False)
    total: TotalBudget = field(init=False)

    def __post_init__(self) -> None:
        clock, backends = self.clock, self.backends
        engine = backends.database.engine
        self.places = Places(clock, workers=backends.workers)
        self.health = DeploymentHealth(clock)
        self.attempts = Attempts(self.health, self.tokens, clock)
        self.watching = watching(clock, self.metrics, self.tracing, self.states, backends.drift, backends.first)
        self.spent = SpentOut(engine, clock)
        self.total = TotalBudget(engine, backends.ledger, clock)

    def states(self) -> dict[str, str]:
        """The breaker of each deployment that serves, by id."""
        return {name: self.health.state(name) for name in self.reached}

    def adopt(self, serving: Serving) -> None:
        """Act on this version's rules; what was found out about a deployment counts no more once it has another key."""
        config, before = serving.config, self.reached
        self.backends.configure(config)
        self.health.configure(rules(config))
        self.places.configure(max_waiting=config.queue.max_length)
        self.watching.configure(config.telemetry, config.alerts)
        self.spent.configure(serving.resolved.deployments, config.budgets.providers)
        names = [*serving.routes.names, *serving.routes.patterns]
        self.metrics.knows(names, [each.id for each in serving.resolved.deployments])
        reachable = (*serving.resolved.deployments, *(each.shown for each in serving.resolved.wildcards))
        self.reached = {each.id: (each.api_base, each.api_key) for each in reachable}
        for name, reach in before.items():
            if self.reached.get(name) != reach:  # what was found out about it was about another address or key
                self.health.forget(name)
                self.watching.watch.forget(name)

    def settled(self, results: Sequence[AttemptResult], balances: Sequence[Balance]) -> None:
        """A request has been paid for."""
        self.spent.settled(results)
        self.watching.budgets.saw(balances)

    def refused(self, balance: Balance) -> None:
        """A request could not be paid for."""
        self.watching.budgets.refused(balance)

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
    clock, backends, watched = lasting.clock, lasting.backends, lasting.watching
    ledger, health, places, secret = backends.ledger, lasting.health, lasting.places, backends.secret
    limits, server, retry = config.limits, config.server, config.retry
    defaults = LimitDefaults(
        limits.default_max_tokens,
        limits.default_max_tokens_reasoning,
        total=config.budgets.total is not None,
    )
    ways = lanes(lasting.http, lasting.redactor.text, config.timeouts.connect)
    everybody = Total(places, limits.max_parallel_total)
    retries = Retries(retry.attempts, retry.per_group, dict(retry.by_error.items()))
    stages: dict[str, Stage] = {
        "observe": Observe(lasting.metrics, ledger, clock, watched.tracing, watched.watch.told, log.request),
        "authenticate": Authenticate(lasting.identities),
        "replay": Replay(),
        "admit": Admit(
            backends.limiter, server.max_messages, limits.max_n, everybody, require_user=limits.require_user
        ),
        "prompt": Prompt(library, derive(secret, "atelier/prompt-nonce/v1"), lasting.brands),
        "cache": Cache(
            backends.cache,
            derive(secret, "atelier/cache/v1"),
            config.cache.ttl,
            per_key=config.cache.scope == "key",
        ),
        "route": Route(routes, health, places, spent_out=lasting.spent.spent_out),
        "wait": Wait(places, health, clock, config.queue.max_wait),
        "spend": Spend(ledger, lasting.tokens, clock, defaults, lasting.lines, lasting),
        "call": CallProvider(ways, ledger, places, health, lasting.attempts, clock, retries),
    }
    if not config.cache.enabled:
        del stages["cache"]
    return Pipeline(with_extra(stages, config.pipeline.stages, lasting.own_stage))


def serving(lasting: Lasting, read: Read) -> Serving:
    """Everything that this version decides. Raises PolicyError, StageError."""
    routes = Routes(read.config, read.resolved)
    walk = pipeline(lasting, read.config, routes, read.library)
    return Serving(read.config, read.resolved, routes, read.library, walk, lasting.clock.now())


async def understand(config: Config, fleet: FleetUrls, before: Serving | None = None) -> Read:
    """Who serves what: real deployments when there is a key, else the simulated fleet's; never both. Raises ConfigError.

    What real providers have served `before` is never simulated: nobody would notice that the answers are made up.
    """
    env = config.sources.environment
    resolved = await asyncio.to_thread(resolve, config, env, facts, None, carded)
    if before is not None:
        after_real(config, resolved, before)
    if resolved.wants_fleet:
        resolved = await asyncio.to_thread(resolve, config, env, facts, await fleet(), carded)
    if not resolved.wildcards:  # whose models are looked up as they are asked for
        forget_prices()
    return checked(Read(config, resolved, await asyncio.to_thread(load_library, config)))


def needs_litellm(resolved: Resolved) -> bool:
    """Whether a request may come that only LiteLLM can send."""
    reachable = (*resolved.deployments, *(each.shown for each in resolved.wildcards if each.missing is None))
    return any(each.lane in OF_LITELLM for each in reachable)


def after_real(config: Config, resolved: Resolved, before: Serving) -> None:
    """Raises ConfigError where a key has gone that served until now, though nobody took it out of the file."""
    problems = before.config.sources.lost(config.sources)
    if not problems and resolved.wants_fleet and not before.resolved.simulated:
        path: KeyPath = ("simulation", "mode")
        what, mend = "no deployment has a key any more, so answers would be made up", "set a key; to simulate, restart"
        problems.append(Problem(config.place(path), path, what, mend))
    if problems:
        raise ConfigError(problems, config.sources.files)


def checked(read: Read) -> Read:
    """The same, if rules, tiers and fallbacks can be served as they are written. Raises ConfigError."""
    problems = check_served(read.config, read.resolved, read.library.templates)
    if problems:
        raise ConfigError(problems, read.config.sources.files)
    return read


def tried(config: Config, env: Mapping[str, str]) -> Read:
    """Everything that the configuration names, made and thrown away; without a fleet. Raises ConfigError."""
    with placed(config):
        read = checked(Read(config, resolve(config, env, facts, None, carded), load_library(config)))
        Routes(config, read.resolved)
        with_extra({}, config.pipeline.stages)
    return read


def load_library(config: Config) -> Library:
    """The shipped templates and voices, and those of the admin's own folder on top. Raises LibraryError."""
    paths = [Path(templates.__file__).parent]
    if config.templates.path is not None:
        paths.append(config.templates.path)
    return _library(tuple(paths), signature((), paths))


@functools.lru_cache(maxsize=2)
def _library(paths: tuple[Path, ...], _as_they_are: Signature) -> Library:
    """Reading it is most of the work of a reload, and it is seldom what was changed."""
    return Library.load(paths)


@contextmanager
def placed(config: Config) -> Iterator[None]:
    """What the configuration names and cannot be had becomes a mistake at the place that names it: a ConfigError."""
    try:
        yield
    except UNUSABLE as error:
        raise as_problem(config, error) from error


def as_problem(config: Config, error: Exception) -> ConfigError:
    """What the configuration names and cannot be had, as mistakes at the place that names it."""
    path: KeyPath = ()
    said = [str(error).rstrip(".")]
    if isinstance(error, LibraryError):
        path, said = ("templates", "path"), list(error.problems)
    elif isinstance(error, PolicyError):
        path = _policy_place(config, said[0])
    elif isinstance(error, StageError):
        names = [stage.name for stage in config.pipeline.stages]
        path = ("pipeline", "stages", next((at for at, name in enumerate(names) if repr(name) in said[0]), 0))
    mend = "mend it, or take it out" if path else "try again"
    problems = [Problem(config.place(path), path, what, mend) for what in said]
    return ConfigError(problems, config.sources.files)


def _policy_place(config: Config, said: str) -> KeyPath:
    """The parameter, or else the policy, that the sentence names; the folder where it names neither."""
    for name, parameters in config.policies.parameters.items():
        if repr(name) in said:
            return ("policies", "parameters", name, *(key for key in parameters if repr(key) in said))
    return ("policies", "path")


def rules(config: Config) -> Rules:
    """When a deployment is taken out, as the admin set it."""
    settings = config.health
    return Rules(
        failures=settings.failures,
        open_for=settings.open_for,
        open_cap=settings.max_open,
        failures_by_error=dict(settings.failures_by_error.items()),
        disabled=not settings.enabled,
    )
