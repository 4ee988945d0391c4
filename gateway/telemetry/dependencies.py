"""Which of the stores behind the gateway are away: for /health/ready, a metric, alerts and the log, in one place.

Whoever notices says so by `turn`; what is said twice is heard once. Nothing here asks a store anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from gateway.ports import Clock
from gateway.telemetry.alerts import Alerts
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _State:
    away_since: float | None = None  # wall clock


class Dependencies:
    """`effects`: each dependency's name, and what its absence means to people."""

    def __init__(
        self, effects: Mapping[str, str], clock: Clock, metrics: Metrics, alerts: Alerts | None = None
    ) -> None:
        self._effects = effects
        self._clock = clock
        self._metrics = metrics
        self._alerts = alerts
        self._states = {name: _State() for name in effects}
        for name in effects:
            metrics.dependency_up(name, up=True)

    def turn(self, name: str, *, away: bool) -> None:
        """The dependency was found to be away, or to answer."""
        state = self._states[name]
        if away == (state.away_since is not None):
            return
        now = self._clock.now()
        if away:
            log.warning("dependency_away", dependency=name, effect=self._effects[name])
        else:
            log.warning("dependency_back", dependency=name, seconds=round(now - (state.away_since or now), 3))
        state.away_since = now if away else None
        self._metrics.dependency_up(name, up=not away)
        if self._alerts is not None:
            self._alerts.turn("dependency", name, on=away, message=f"It does not answer: {self._effects[name]}.")

    def degraded(self) -> list[dict[str, object]]:
        """Those that are away: since when (Unix seconds), and what that means."""
        return [
            {"dependency": name, "since": state.away_since, "effect": self._effects[name]}
            for name, state in self._states.items()
            if state.away_since is not None
        ]
