"""Proves each minute that what Redis says was spent is what SQL has booked and what waits for it.

A difference that is seen in two runs is set right from SQL and told in the log; it is a bug, or somebody changed one of
the stores by hand. Either store away, or no moment at which both can be compared: `errors.Unavailable`, nothing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from gateway.ledger.counters import Counters, listed, unavailable
from gateway.ledger.seeds import PAUSES, Seeds
from gateway.store.tables import Account

EVERY = 60.0  # seconds
CHUNK = 200  # accounts that are compared at once
log = structlog.get_logger(__name__)


class Reconciler:
    """`drift`: by how many nano-dollars Redis and SQL differed in the last run, over all accounts."""

    def __init__(self, counters: Counters, seeds: Seeds) -> None:
        self._counters = counters
        self._seeds = seeds
        self._differing: set[str] = set()
        self.drift = 0

    async def run(self) -> dict[str, int]:
        """Compare every account that Redis knows; those that differ, and by how much Redis has too much."""
        found: dict[str, int] = {}
        scopes = await self._scopes()
        for start in range(0, len(scopes), CHUNK):
            found |= await self._compare(scopes[start : start + CHUNK])
        self.drift = sum(map(abs, found.values()))
        for scope, drift in found.items():
            log.error("ledger_drift", scope=scope, nano=drift, seen_before=scope in self._differing)
        if wrong := sorted(self._differing & found.keys()):
            await self._seeds.plant(self._counters, wrong, force=True)
            log.error("ledger_set_right", scopes=wrong)
        self._differing = found.keys() - set(wrong)
        return found

    async def _compare(self, scopes: Sequence[str]) -> dict[str, int]:
        for pause in (*PAUSES, None):
            watermark, accounts = await self._seeds.look(scopes)
            reply = await self._counters.act("audit", watermark, *listed(*scopes))
            if reply.word != "later":
                values = iter(reply.rest[2:])
                return {
                    scope: drift
                    for scope, started, spent, waiting in zip(*[values] * 4, strict=True)
                    if (drift := int(spent) - int(waiting) - _booked(accounts.get(scope), float(started)))
                }
            if pause is not None:
                await asyncio.sleep(pause)
        raise unavailable()

    async def _scopes(self) -> list[str]:
        prefix = self._counters.key("acct", "")
        cursor, found = b"0", set[str]()
        while True:
            cursor, names = await self._counters.redis.call("SCAN", cursor, "MATCH", f"{prefix}*", "COUNT", 500)
            found |= {name.decode().removeprefix(prefix) for name in names}
            if int(cursor) == 0:
                return sorted(found)


def _booked(account: Account | None, started: float) -> int:
    """What SQL has booked in the window that Redis is in; one that began since has nothing in SQL yet."""
    if account is None or (account.budget_window is not None and account.window_started_at < started):
        return 0
    return account.spent_nano
