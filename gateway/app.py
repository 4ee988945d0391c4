"""The composition root: names every concrete class, wires them, starts them in order and stops them in reverse.

The only module that knows both sides of every port. What cannot start raises with one sentence; nothing is left running.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from starlette.types import ASGIApp

import templates
from gateway.accounts import Accounts
from gateway.accounts.rights import Defaults
from gateway.accounts.transaction import Settings
from gateway.api import ops
from gateway.api.application import create_api
from gateway.api.bodies import MEGABYTE, Bounds
from gateway.api.delivery import Pace
from gateway.api.outermost import Outermost
from gateway.api.state import Services
from gateway.attempts import Attempts
from gateway.backends import EFFECTS, Backends, open_backends
from gateway.changes import Changes
from gateway.clock import SystemClock
from gateway.config.config import Config
from gateway.config.deployments import Resolved, resolve
from gateway.errors import Reason
from gateway.extra_stages import with_extra
from gateway.generations.running import Generations
from gateway.identities import KeyIdentities
from gateway.ledger.retention import Retention
from gateway.ledger.rollup import Rollups
from gateway.oidc import Oidc, OidcSettings
from gateway.pipeline import Pipeline
from gateway.ports import Clock, Provider, Stage
from gateway.prompts.library import Library
from gateway.providers import runtime
from gateway.providers.facts import model_facts
from gateway.providers.mock import MockLane
from gateway.providers.sdk import SdkLane
from gateway.providers.tokens import BundledTokens
from gateway.queue.places import Places
from gateway.relay import Relay
from gateway.reports import spend_report
from gateway.resilience.health import DeploymentHealth, Rules
from gateway.routing import Routes
from gateway.sim import Fleet, FleetUrls
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
from gateway.stages.wait import Wait
from gateway.store.changes import Change, SqlChanges
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import Digesters, derive
from gateway.tasks import Tasks, supervise
from gateway.telemetry import log, worker_metrics
from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.lag import watch_lag
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.redact import Redactor

SETTLE_TIMEOUT = 10.0  # seconds that settling may take after everything was interrupted


class Gateway:
    """The whole gateway. `start` before the first request, `stop` after the last; `asgi` is the application."""

    def __init__(
        self, config: Config, env: Mapping[str, str], redactor: Redactor, shared_fleet: FleetUrls | None = None
    ) -> None:
        self.config = config
        self._shared_fleet = shared_fleet
        self._env = env
        self._redactor = redactor
        self._tasks = Tasks()
        self._background: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()
        self._clock = SystemClock()
        self.api = create_api(config)
        self.asgi: ASGIApp = Outermost(self.api, config.server.trusted_hosts)

    @property
    def services(self) -> Services:
        found: Services = self.api.state.services
        return found

    async def start(self) -> None:
        """Open the stores, load LiteLLM in a thread, wire the pipeline, begin what runs beside the requests."""
        config = self.config
        async with AsyncExitStack() as stack:
            backends = await open_backends(config, self._clock, stack)
            await asyncio.to_thread(runtime.load)
            stack.push_async_callback(runtime.close)
            log.adopt_loggers()
            resolved = await self._resolve(stack)
            library = await asyncio.to_thread(load_library, config)
            self._wire(backends, resolved, library)
            self._stack = stack.pop_all()
        for name, work in self._beside(backends):
            self._background.append(asyncio.create_task(supervise(name, work), name=name))

    def _beside(self, backends: Backends) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What goes on for as long as the gateway does."""
        found, engine, days = self.services, backends.database.engine, self.config.content.retention_days
        yield "generations", found.generations.sweep
        yield "changes", found.changes.follow
        yield "holds", backends.sweep_holds
        yield "rollups", Rollups(engine, self._clock).run
        yield "retention", Retention(engine, self._clock, teamless_days=days).run
        yield "lag", functools.partial(watch_lag, found.metrics)
        if backends.listen is not None:
            yield "messages", functools.partial(backends.listen, found.changes.heard)
        if backends.shown is not None:
            yield "live", functools.partial(backends.shown.show, functools.partial(ops.at_work, found))
        if worker_metrics.count_together():
            yield "gauges", functools.partial(worker_metrics.keep_current, functools.partial(ops.read_gauges, found))

    async def stop(self) -> None:
        """Let what runs end within the drain time, interrupt the rest, settle everything, close the store."""
        self.begin_drain()
        await self._tasks.drain(self.config.server.drain_timeout + SETTLE_TIMEOUT)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._stack.aclose()

    def begin_drain(self) -> None:
        """Not ready any more; what runs may go on for the drain time, then it is ended in band."""
        if not self.services.generations.draining:
            self.services.generations.draining = True
            self._background.append(asyncio.create_task(self._end_of_drain()))

    async def _end_of_drain(self) -> None:
        await asyncio.sleep(self.config.server.drain_timeout)
        self.services.generations.interrupt_all(Reason.DRAINING)

    async def _resolve(self, stack: AsyncExitStack) -> Resolved:
        """Real deployments when there is a key, else the simulated fleet's; never both."""
        config, env = self.config, self._env
        facts = functools.cache(model_facts)
        resolved = await asyncio.to_thread(resolve, config, env, facts, None)
        if not resolved.wants_fleet:
            return resolved
        if self._shared_fleet is not None:
            return resolve(config, env, facts, await self._shared_fleet())
        fleet = Fleet(config.simulation, config.data_dir)
        stack.push_async_callback(fleet.stop)
        return resolve(config, env, facts, await fleet.start())

    def _wire(self, backends: Backends, resolved: Resolved, library: Library) -> None:
        config, clock, engine, secret = self.config, self._clock, backends.database.engine, backends.secret
        ledger, digests = backends.ledger, Digesters(secret)
        routes = Routes(config, resolved)
        metrics = Metrics(routes.names, [d.id for d in resolved.deployments])
        dependencies = self._dependencies(backends, metrics)
        identities = self._identities(backends, digests)
        accounts = self._accounts(backends, digests)
        changes = Changes(
            SqlChanges(engine), identities, ledger, dependencies, accounts.brands.forget, backends.announce
        )
        health = DeploymentHealth(clock, rules(config))
        tokens = BundledTokens()
        attempts = Attempts(health, tokens, clock)
        places = Places(clock, max_waiting=config.queue.max_length, workers=backends.workers)
        defaults = LimitDefaults(config.limits.default_max_tokens, config.limits.default_max_tokens_reasoning)
        lanes: dict[str, Provider] = {"sdk": SdkLane(self._redactor.text, config.timeouts.connect), "mock": MockLane()}
        stages: dict[str, Stage] = {
            "observe": Observe(metrics, ledger, clock),
            "authenticate": Authenticate(identities),
            "replay": Replay(),
            "admit": Admit(backends.limiter, config.server.max_messages, config.limits.max_n),
            "prompt": Prompt(library, derive(secret, "atelier/prompt-nonce/v1"), accounts.brands),
            "cache": Cache(
                backends.cache,
                derive(secret, "atelier/cache/v1"),
                config.cache.ttl,
                per_key=config.cache.scope == "key",
            ),
            "route": Route(routes, health, places),
            "wait": Wait(places, health, clock, config.queue.max_wait),
            "spend": Spend(ledger, tokens, clock, defaults),
            "call": CallProvider(lanes, ledger, places, health, attempts, clock, config.retry.attempts),
        }
        if not config.cache.enabled:
            del stages["cache"]
        pipeline = Pipeline(with_extra(stages, config.pipeline.stages))
        relay = Relay(attempts, clock)
        running = Generations(pipeline, relay, ledger, self._tasks, clock, config.stream.client_stall)
        self.api.state.services = Services(
            clock=clock,
            identities=identities,
            accounts=accounts,
            changes=changes,
            dependencies=dependencies,
            ledger=ledger,
            records=backends.records(clock),
            spend_report=functools.partial(spend_report, engine),
            generations=running,
            routes=routes,
            library=library,
            health=health,
            places=places,
            metrics=metrics,
            more_gauges=backends.read_gauges,
            bounds=Bounds(
                round(config.server.max_body_mb * MEGABYTE),
                round(config.server.max_media_body_mb * MEGABYTE),
                config.server.max_depth,
            ),
            pace=Pace(
                config.stream.commit_after,
                config.stream.heartbeat,
                litellm_headers=config.server.compat_headers == "litellm",
            ),
            total_timeout=config.timeouts.total,
            deployments=resolved.deployments,
            no_key=resolved.no_key,
            simulated=resolved.simulated,
            oidc=oidc(config, clock),
        )

    def _dependencies(self, backends: Backends, metrics: Metrics) -> Dependencies:
        effects = {name: EFFECTS[name] for name in backends.dependencies}
        dependencies = Dependencies(effects, self._clock, metrics)
        if backends.redis is not None:
            backends.redis.watch(lambda away: dependencies.turn("redis", away=away))
        return dependencies

    def _identities(self, backends: Backends, digests: Digesters) -> KeyIdentities:
        config = self.config
        return KeyIdentities(
            SqlDirectory(backends.database.engine),
            digests.keys,
            self._clock,
            config.master_key.get_secret_value() if config.master_key else None,
            config.keys.cache_ttl,
            sessions=digests.sessions,
            defaults=Defaults(
                config.limits.rpm, config.limits.max_parallel, config.content.store, config.content.retention_days
            ),
        )

    def _accounts(self, backends: Backends, digests: Digesters) -> Accounts:
        """What they change is told to `Changes`, and to the ledger what it means for budgets."""

        async def made(changed: Sequence[Change]) -> None:
            await self.services.changes.made(changed)

        settings = Settings(
            on_budget=backends.ledger.refresh,
            on_change=made,
            has_master=self.config.master_key is not None,
            session_ttl=self.config.accounts.session_ttl,
        )
        return Accounts(backends.database.engine, digests, self._clock, throttle=backends.throttle, settings=settings)


def oidc(config: Config, clock: Clock) -> Oidc | None:
    """The identity provider that the admin configured, if any."""
    settings = config.accounts.oidc
    return Oidc(OidcSettings(settings.issuer, settings.client_id), clock) if settings is not None else None


def load_library(config: Config) -> Library:
    """The shipped templates and voices, and those of the admin's own folder on top."""
    paths = [Path(templates.__file__).parent]
    if config.templates.path is not None:
        paths.append(config.templates.path)
    return Library.load(paths)


def rules(config: Config) -> Rules:
    """When a deployment is taken out, as the admin set it."""
    settings = config.health
    return Rules(
        failures=settings.failures,
        open_for=settings.open_for,
        open_cap=settings.max_open,
        disabled=not settings.enabled,
    )
