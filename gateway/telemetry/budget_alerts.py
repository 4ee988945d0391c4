"""Raises an alert when so much of a budget is spent, once for each share and window of the budget.

Fed with the balances that the ledger answers anyway; asks nothing itself. An account that nobody uses any more is
looked at when its window ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.ledger.prices import usd
from gateway.ports import Clock
from gateway.telemetry.alerts import Alerts
from gateway.types import Balance


@dataclass(frozen=True, slots=True)
class _Passed:
    """What an account has raised in a window."""

    resets_at: float | None
    shares: tuple[float, ...]


class BudgetAlerts:
    """`shares`: of a budget's limit, such as 0.8 and 1."""

    def __init__(self, alerts: Alerts, clock: Clock, shares: Sequence[float]) -> None:
        self._alerts = alerts
        self._clock = clock
        self._passed: dict[str, _Passed] = {}
        self.configure(shares)

    def configure(self, shares: Sequence[float]) -> None:
        """Go by these from now on."""
        self._shares = tuple(sorted(set(shares)))

    def saw(self, balances: Sequence[Balance]) -> None:
        """The accounts of a request, as they stand. Cheap: of most requests nothing is passed."""
        for balance in balances:
            limit = balance.limit or 0
            shares = tuple(share for share in self._shares if limit > 0 and balance.spent >= share * limit)
            now = _Passed(balance.resets_at, shares)
            before = self._passed.get(balance.scope)
            if before == now or (before is None and not shares):
                continue
            self._replace(balance.scope, before, now)
            for share in shares:
                self._alerts.turn(
                    "budget", subject(balance.scope, share, now.resets_at), on=True, message=told(balance)
                )

    def look(self) -> None:
        """Clear what belongs to windows that have ended."""
        now = self._clock.now()
        ended = [scope for scope, each in self._passed.items() if each.resets_at is not None and each.resets_at <= now]
        for scope in ended:
            self._replace(scope, self._passed[scope], None)

    def _replace(self, scope: str, before: _Passed | None, now: _Passed | None) -> None:
        """Remember what is passed now, and clear what is not any more."""
        if before is not None:
            kept = now.shares if now is not None and now.resets_at == before.resets_at else ()
            for share in set(before.shares) - set(kept):
                self._alerts.turn("budget", subject(scope, share, before.resets_at), on=False)
        if now is not None and now.shares:
            self._passed[scope] = now
        else:
            self._passed.pop(scope, None)


def subject(scope: str, share: float, resets_at: float | None) -> str:
    """Another one for each account, share and window."""
    window = "" if resets_at is None else f" until {moment(resets_at)}"
    return f"{scope} at {share:.0%}{window}"


def told(balance: Balance) -> str:
    limit = balance.limit or 0
    resets = "" if balance.resets_at is None else f" It begins anew at {moment(balance.resets_at)}."
    return f"{usd(balance.spent)} of {usd(limit)} USD are spent.{resets}"


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
