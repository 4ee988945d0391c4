"""The composition root: makes what lasts, starts it in order and stops it in reverse, puts versions of the configuration
in each other's place.

The only module that knows both sides of every port, with `assembly`, which makes what a version of the configuration
decides. What cannot start raises with one sentence; nothing is left running.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, suppress

from starlette.types import ASGIApp

from gateway import assembly
from gateway.accounts import Accounts
from gateway.accounts.new_budgets import new_budgets
from gateway.accounts.rights import Defaults
from gateway.accounts.transaction import Settings
from gateway.api import ops
from gateway.api.application import create_api, in_front
from gateway.api.state import Services
from gateway.assembly import Lasting
from gateway.backends import EFFECTS, Backends, open_backends
from gateway.changes import Changes
from gateway.clock import SystemClock
from gateway.config.config import Config
from gateway.config.history import History
from gateway.config.loader import load
from gateway.errors import ProviderError, Reason, Unavailable
from gateway.generations.running import Generations
from gateway.identities import KeyIdentities
from gateway.ledger.retention import Retention
from gateway.ledger.rollup import Rollups
from gateway.protocol import DIRECT
from gateway.providers import runtime
from gateway.providers.http import Http
from gateway.relay import Relay
from gateway.reloading import MESSAGE, News, Reloader, Texts
from gateway.reports import spend_report
from gateway.serving import Serving
from gateway.sim import Fleet, FleetUrls
from gateway.store.changes import SqlChanges
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import Digesters
from gateway.tasks import Tasks, supervise
from gateway.telemetry import log, worker_metrics
from gateway.telemetry.alerts import Alerts
from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.lag import watch_lag
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.redact import Redactor
from gateway.telemetry.tracing import open_tracing

SETTLE_TIMEOUT = 10.0  # seconds that settling may take after everything was interrupted
LOADING = "LiteLLM is still being loaded"


class Gateway:
    """The whole gateway. `start` before the first request, `stop` after the last; `asgi` is the application."""

    def __init__(
        self, config: Config, env: Mapping[str, str], redactor: Redactor, shared_fleet: FleetUrls | None = None
    ) -> None:
        self.config = config  # the one that it began with
        self._env = env
        self._redactor = redactor
        self._own_fleet = Fleet(config.simulation, config.data_dir)
        self._fleet = shared_fleet or self._own_fleet.urls
        self._tasks = Tasks()
        self._background: list[asyncio.Task[None]] = []
        self._stack = AsyncExitStack()
        self._clock = SystemClock()
        self.api = create_api(config)
        self.asgi: ASGIApp = in_front(self.api, config, DIRECT)

    @property
    def services(self) -> Services:
        found: Services = self.api.state.services
        return found

    async def start(self) -> None:
        """Open the stores, wire the pipeline, begin what runs beside the requests, and to load LiteLLM where it is needed."""
        async with AsyncExitStack() as stack:
            backends = await open_backends(self.config, self._clock, stack)
            runtime.afterwards(log.adopt_loggers)
            stack.push_async_callback(runtime.close)
            stack.push_async_callback(self._own_fleet.stop)
            with assembly.placed(self.config):
                read = await assembly.understand(self.config, self._fleet)
                await self._wire(backends, read, stack)
            self._stack = stack.pop_all()
        if assembly.needs_litellm(read.resolved) and runtime.state() != "loaded":
            self.services.unready.append(LOADING)
            self._background.append(asyncio.create_task(self._load_litellm(), name="litellm"))
        for name, work in self._beside(backends):
            self._background.append(asyncio.create_task(supervise(name, work), name=name))

    def _beside(self, backends: Backends) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What goes on for as long as the gateway does."""
        found, engine = self.services, backends.database.engine
        yield "generations", found.generations.sweep
        yield "changes", found.changes.follow
        yield "configuration", found.reloader.watch
        yield "holds", backends.sweep_holds
        yield "rollups", Rollups(engine, self._clock).run
        yield "retention", self._retention.run
        yield "spent budgets", self._lasting.spent.run
        yield "total budget", self._lasting.total.run
        yield from self._lasting.watching.beside()
        yield "lag", functools.partial(watch_lag, found.metrics)
        if backends.listen is not None:
            yield "messages", functools.partial(backends.listen, self._heard)
        if backends.shown is not None:
            yield "live", functools.partial(backends.shown.show, functools.partial(ops.at_work, found))
        if worker_metrics.count_together():
            yield "gauges", functools.partial(worker_metrics.keep_current, functools.partial(ops.read_gauges, found))

    def _heard(self, message: Mapping[str, str]) -> None:
        """Another process says what it changed."""
        if message.get("type") == MESSAGE:
            self.services.reloader.poke()
        else:
            self.services.changes.heard(message)

    async def _load_litellm(self) -> None:
        """Not ready for whoever asks, so that no load balancer sends what would wait; what needs no LiteLLM is served."""
        with suppress(ProviderError):  # what needs LiteLLM fails then; the rest is welcome all the same
            await runtime.loaded()
        self.services.unready.remove(LOADING)

    def begin_reload(self) -> None:
        """Look at the configuration's files at once."""
        self.services.reloader.poke()

    async def stop(self) -> None:
        """Let what runs end within the drain time, interrupt the rest, settle everything, close the store."""
        self.begin_drain()
        await self._tasks.drain(self._drain_timeout + SETTLE_TIMEOUT)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._stack.aclose()
        self.services.metrics.publish()

    def begin_drain(self) -> None:
        """Not ready any more; what runs may go on for the drain time, then it is ended in band."""
        if not self.services.generations.draining:
            self.services.generations.draining = True
            self._background.append(asyncio.create_task(self._end_of_drain()))

    @property
    def _drain_timeout(self) -> float:
        return self.config.server.drain_timeout

    async def _end_of_drain(self) -> None:
        await asyncio.sleep(self._drain_timeout)
        self.services.generations.interrupt_all(Reason.DRAINING)

    async def _wire(self, backends: Backends, read: assembly.Read, stack: AsyncExitStack) -> None:
        config, clock, engine = self.config, self._clock, backends.database.engine
        ledger, digests, metrics = backends.ledger, Digesters(backends.secret), Metrics()
        identities = KeyIdentities(
            SqlDirectory(engine), digests.keys, clock, None, config.keys.cache_ttl, sessions=digests.sessions
        )
        accounts = Accounts(engine, digests, clock, throttle=backends.throttle)
        tracing = await asyncio.to_thread(open_tracing, config.telemetry, self._redactor.text)
        http = Http(config.timeouts.connect)
        stack.push_async_callback(http.close)
        lasting = Lasting(clock, backends, self._redactor, identities, accounts.brands, metrics, tracing, http)
        alerts = lasting.watching.alerts
        stack.push_async_callback(lasting.watching.close)
        dependencies = self._dependencies(backends, metrics, alerts)
        changes = Changes(
            SqlChanges(engine), identities, ledger, dependencies, accounts.brands.forget, backends.announce
        )
        self._lasting, self._retention = lasting, Retention(engine, clock)
        serving = assembly.serving(lasting, read)
        news = News(History(config.data_dir, clock), metrics, alerts, backends.announce, accounts.config.on_disk)
        stall = config.stream.client_stall
        running = Generations(serving.pipeline, Relay(lasting.attempts, clock), ledger, self._tasks, clock, stall)
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
            health=lasting.health,
            places=lasting.places,
            metrics=metrics,
            more_gauges=backends.read_gauges,
            announce=backends.announce,
            reloader=Reloader(serving, self._prepare, self._adopt, news, clock),
            alerts=alerts,
            provider_budgets=lasting.spent.providers,
            shown=backends.shown,
        )
        await self._adopt(serving)
        await lasting.total.set()
        await lasting.spent.look()
        await news.began(serving)

    async def _prepare(self, texts: Texts) -> Serving:
        """What the files say now, made ready to serve; what serves already where they say the same. Raises ConfigError."""
        config = await asyncio.to_thread(load, self.config.path, self._env, texts)
        if config.version == self.services.serving.version:
            return self.services.serving
        with assembly.placed(config):
            read = await assembly.understand(config, self._fleet, self.services.serving)
            return assembly.serving(self._lasting, read)

    async def _adopt(self, serving: Serving) -> None:
        """Serve by this version from now on; what lasts is told what concerns it."""
        config, lasting, found = serving.config, self._lasting, self.services
        lasting.total.configure(config.budgets.total)
        with suppress(Unavailable):  # it is set as soon as the store is back
            await lasting.total.set()
        # nothing is awaited from here on: every request meets one version, the one before or this one
        self._redactor.add(*config.secrets())
        if config is not self.config:
            log.set_level(config.telemetry.log_level.upper())
        master, limits, content = config.master_key, config.limits, config.content
        found.identities.configure(
            master.get_secret_value() if master else None,
            config.keys.cache_ttl,
            Defaults(limits.rpm, limits.max_parallel, content.store, content.retention_days),
        )
        found.accounts.configure(
            Settings(
                on_budget=found.ledger.refresh,
                on_change=found.changes.made,
                has_master=master is not None,
                session_ttl=config.accounts.session_ttl,
                new_budgets=new_budgets(config.budgets),
            )
        )
        lasting.adopt(serving)
        self._retention.teamless_days = content.retention_days
        found.generations.use(serving.pipeline, config.stream.client_stall)
        found.adopt(serving)
        if config is not self.config and assembly.needs_litellm(serving.resolved):
            runtime.begin()

    def _dependencies(self, backends: Backends, metrics: Metrics, alerts: Alerts) -> Dependencies:
        effects = {name: EFFECTS[name] for name in backends.dependencies}
        dependencies = Dependencies(effects, self._clock, metrics, alerts)
        if backends.redis is not None:
            backends.redis.watch(lambda away: dependencies.turn("redis", away=away))
        return dependencies
