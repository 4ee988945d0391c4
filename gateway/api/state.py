"""What the routes need of the app, typed. `app.py` makes it once and hangs it on `app.state`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fastapi import Request

from gateway.accounts import Accounts
from gateway.api.bodies import Bounds
from gateway.api.delivery import Pace
from gateway.changes import Changes
from gateway.config.deployments import NoKey
from gateway.generations.running import Generations
from gateway.identities import KeyIdentities
from gateway.ledger.records import SqlRecords
from gateway.oidc import Oidc
from gateway.ports import Clock, Health, Ledger
from gateway.prompts.library import Library
from gateway.queue.places import Places
from gateway.reports import Days, Filters, SpendReport, Viewer
from gateway.routing import Routes
from gateway.telemetry.dependencies import Dependencies
from gateway.telemetry.metrics import Metrics
from gateway.types import Deployment


@dataclass(slots=True)
class Services:
    """Everything behind the routes."""

    clock: Clock
    identities: KeyIdentities
    accounts: Accounts
    changes: Changes
    dependencies: Dependencies
    ledger: Ledger
    records: SqlRecords
    spend_report: Callable[[Viewer, Days, str, Filters], Awaitable[SpendReport]]
    generations: Generations
    routes: Routes
    library: Library
    health: Health
    places: Places
    metrics: Metrics
    more_gauges: Callable[[Metrics], None]  # sets those that the stores know
    bounds: Bounds
    pace: Pace
    total_timeout: float
    deployments: tuple[Deployment, ...] = ()
    no_key: tuple[NoKey, ...] = ()
    simulated: bool = False
    oidc: Oidc | None = None  # where people may sign in by an identity provider
    unready: list[str] = field(default_factory=list)  # reasons not to take requests


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found
