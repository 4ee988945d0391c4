"""What the routes need of the app, typed. `app.py` makes it once and hangs it on `app.state`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request

from gateway.accounts import Accounts
from gateway.api.bodies import MEGABYTE, Bounds
from gateway.api.delivery import Pace
from gateway.changes import Changes
from gateway.config.deployments import NoKey
from gateway.generations.running import Generations
from gateway.identities import KeyIdentities
from gateway.ledger.records import SqlRecords
from gateway.oidc import Oidc, OidcSettings
from gateway.ports import Clock, Health, Ledger
from gateway.prompts.library import Library
from gateway.queue.places import Places
from gateway.reloading import Reloader
from gateway.reports import Days, Filters, SpendReport, Viewer
from gateway.routing import Routes
from gateway.serving import Serving
from gateway.state.live import RedisLive
from gateway.telemetry.alerts import Alerts
from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.metrics import Metrics
from gateway.types import Balance, Deployment


@dataclass(slots=True)
class Services:
    """Everything behind the routes. `adopt` puts another version of the configuration in the place of the one before."""

    clock: Clock
    identities: KeyIdentities
    accounts: Accounts
    changes: Changes
    dependencies: Dependencies
    ledger: Ledger
    records: SqlRecords
    spend_report: Callable[[Viewer, Days, str, Filters], Awaitable[SpendReport]]
    generations: Generations
    health: Health
    places: Places
    metrics: Metrics
    more_gauges: Callable[[Metrics], None]  # sets those that the stores know
    announce: Callable[[dict[str, str]], Awaitable[None]] | None  # to the other processes, where there are any
    reloader: Reloader
    provider_budgets: Callable[[], list[Balance]] = list  # as far as this process knows
    shown: RedisLive | None = None  # what every worker does, where there are several
    alerts: Alerts | None = None  # what is wrong at the moment
    unready: list[str] = field(default_factory=list)  # reasons not to take requests
    serving: Serving = field(init=False)
    bounds: Bounds = field(init=False)
    pace: Pace = field(init=False)
    oidc: Oidc | None = field(init=False)  # where people may sign in by an identity provider

    def adopt(self, serving: Serving) -> None:
        """Serve by this version from now on."""
        server, stream, sso = serving.config.server, serving.config.stream, serving.config.accounts.oidc
        self.serving = serving
        plain, media = round(server.max_body_mb * MEGABYTE), round(server.max_media_body_mb * MEGABYTE)
        self.bounds = Bounds(plain, media, server.max_depth)
        litellm = server.compat_headers == "litellm"
        self.pace = Pace(stream.commit_after, stream.heartbeat, litellm_headers=litellm)
        self.oidc = Oidc(OidcSettings(sso.issuer, sso.client_id), self.clock) if sso is not None else None

    @property
    def routes(self) -> Routes:
        return self.serving.routes

    @property
    def library(self) -> Library:
        return self.serving.library

    @property
    def total_timeout(self) -> float:
        return self.serving.config.timeouts.total

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        return self.serving.resolved.deployments

    @property
    def no_key(self) -> tuple[NoKey, ...]:
        return self.serving.resolved.no_key

    @property
    def simulated(self) -> bool:
        return self.serving.resolved.simulated


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found
