"""Raises an alert when so much of a budget is spent, once for each share and window of the budget.

Fed with the balances that the ledger answers anyway; asks nothing itself. An account that nobody uses any more is
looked at when its window ends. Holds are exact, so the last of a budget is hardly ever spent: it is used up once it
refuses a request.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.ledger.prices import usd
from gateway.ledger.scopes import TOTAL
from gateway.ports import Clock
from gateway.telemetry.alerts import Alerts
from gateway.types import Balance

CENT = 10_000_000  # nano-dollars
ALL = 1.0  # the share at which a budget is used up
HALF = 2  # a budget of which less than half is spent refuses a request for its size


@dataclass(frozen=True, slots=True)
class _Passed:
    """What an account has raised in a window. `refused`: the limit, nano-dollars, under which it refused a request."""

    resets_at: float | None
    shares: tuple[float, ...]
    refused: int = 0


class BudgetAlerts:
    """`shares`: of a budget's limit, such as 0.8 and 1."""

    def __init__(self, alerts: Alerts, clock: Clock, shares: Sequence[float]) -> None:
        self._alerts = alerts
        self._clock = clock
        self._passed: dict[str, _Passed] = {}
        self.configure(shares)

    def configure(self, shares: Sequence[float]) -> None:
        """Go by these from now on."""
        self._shares = tuple(sorted(set(shares))) or (math.inf,)

    def saw(self, balances: Sequence[Balance]) -> None:
        """The accounts of a request, as they stand. Cheap: of most requests nothing is passed."""
        for balance in balances:
            before = self._passed.get(balance.scope)
            if before is None and (not balance.limit or balance.spent < self._shares[0] * balance.limit):
                continue
            same = before is not None and before.resets_at == balance.resets_at
            self._note(balance, before.refused if before is not None and same else 0)

    def refused(self, balance: Balance) -> None:
        """The account had too little left for a request, whatever is held: it stays used up until it gets more."""
        limit = balance.limit or 0
        if HALF * balance.spent >= limit:
            self._note(balance, limit)

    def _note(self, balance: Balance, refused: int) -> None:
        limit, before = balance.limit or 0, self._passed.get(balance.scope)
        refused = refused if limit <= refused else 0
        shares = tuple(each for each in self._shares if limit and _passes(balance.spent, limit, each, refused))
        now = _Passed(balance.resets_at, shares, refused)
        if before == now or (before is None and not shares):
            return
        self._replace(balance.scope, before, now)
        for share in shares:
            self._alerts.turn(
                "budget", subject(balance.scope, share, now.resets_at), on=True, message=told(balance, share)
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


def _passes(spent: int, limit: int, share: float, refused: int) -> bool:
    return spent >= share * limit or (share == ALL and refused > 0)


def subject(scope: str, share: float, resets_at: float | None) -> str:
    """Another one for each account, share and window."""
    window = "" if resets_at is None else f" until {moment(resets_at)}"
    return f"{scope} at {share:.0%}{window}"


def told(balance: Balance, share: float) -> str:
    """One or two sentences for people."""
    amounts = f"({dollars(balance.spent)} of {dollars(balance.limit or 0)})"
    whose = f"budget of {owner(balance.scope)}"
    said = f"The {whose} is used up" if share >= ALL else f"{round(share * 100, 1):g} % of the {whose} is spent"
    resets = "" if balance.resets_at is None else f" It begins anew at {moment(balance.resets_at)}."
    return f"{said} {amounts}.{resets}"


def owner(scope: str) -> str:
    """An account in an admin's words."""
    kind, _, name = scope.partition(":")
    return "the whole gateway" if scope == TOTAL else f"{kind} '{name}'"


def dollars(nano: int) -> str:
    """$1, $0.80, $0.00012: from one cent on, whole cents, and never more than it is."""
    nano -= nano % CENT if nano >= CENT else 0
    whole, _, fraction = usd(nano).partition(".")
    return f"${whole}.{fraction:0<2}" if fraction else f"${whole}"


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
