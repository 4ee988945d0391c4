"""Raises the alerts that nobody turns: deployments that are out of service, books that disagree.

Looks once a second at what is in memory anyway; asks no store. What became of attempts is told by the observe stage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gateway.errors import Fault
from gateway.ledger.prices import usd
from gateway.ports import Clock
from gateway.telemetry.alerts import Alerts
from gateway.types import AttemptResult

INTERVAL = 1.0  # seconds
UNTRIED = 300.0  # seconds after which a deployment that nobody tries any more counts as back
DRIFTING = 300.0  # seconds for which books have to disagree; they do for a moment whenever one is behind
SAYS_NOTHING = frozenset({Fault.CALLER, Fault.CONTEXT_WINDOW, Fault.CONTENT_POLICY, Fault.RATE_LIMITED})


class Watch:
    """`states`: the breakers of those that serve now. `drift`: nano-dollars that Redis and SQL differ by. `also` looks too."""

    def __init__(
        self,
        alerts: Alerts,
        clock: Clock,
        states: Callable[[], Mapping[str, str]],
        drift: Callable[[], int] = lambda: 0,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        self._alerts = alerts
        self._clock = clock
        self._states = states
        self._drift = drift
        self._also = also
        self._faults: dict[str, Fault | None] = {}  # the last one since it last answered
        self._open_at: dict[str, float] = {}
        self._drifting_since: float | None = None

    def told(self, result: AttemptResult) -> None:
        """An attempt has ended."""
        deployment_id = result.intent.deployment_id
        if deployment_id in self._faults and result.fault not in SAYS_NOTHING:
            self._faults[deployment_id] = result.fault

    def forget(self, deployment_id: str) -> None:
        """It has another address or key: what became of its attempts counts no more."""
        self._faults.pop(deployment_id, None)
        self._open_at.pop(deployment_id, None)

    def look(self) -> None:
        """Turn alerts on and off as it stands."""
        now = self._clock.monotonic()
        states = self._states()
        for gone in self._faults.keys() - states.keys():
            self._alerts.turn("deployment", gone, on=False)
        self._faults = {deployment_id: self._faults.get(deployment_id) for deployment_id in states}
        self._open_at = {deployment_id: at for deployment_id, at in self._open_at.items() if deployment_id in states}
        for deployment_id, state in states.items():
            self._look_at(deployment_id, state, now)
        self._look_at_books(now)
        self._also()

    async def run(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """For ever."""
        while True:
            self.look()
            await sleep(INTERVAL)

    def _look_at(self, deployment_id: str, state: str, now: float) -> None:
        fault = self._faults[deployment_id]
        if state == "open":
            self._open_at[deployment_id] = now
        out = state != "closed" and now - self._open_at.get(deployment_id, now) < UNTRIED
        if fault is Fault.CREDENTIALS:
            message = "The provider refuses the gateway's credentials."
        else:
            message = f"Out of service after failures in a row (the last one: {fault.value if fault else 'unknown'})."
        self._alerts.turn("deployment", deployment_id, on=out or fault is Fault.CREDENTIALS, message=message)

    def _look_at_books(self, now: float) -> None:
        drift = self._drift()
        if drift == 0:
            self._drifting_since = None
        elif self._drifting_since is None:
            self._drifting_since = now
        since = self._drifting_since
        message = f"Redis and SQL have disagreed by {usd(abs(drift))} USD for five minutes or longer."
        self._alerts.turn("ledger", "drift", on=since is not None and now - since >= DRIFTING, message=message)
