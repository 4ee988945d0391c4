"""How late the event loop runs its timers: the first sign of work that blocks it."""

from __future__ import annotations

import asyncio

from gateway.telemetry.metrics import Metrics

INTERVAL = 0.5  # seconds


async def watch_lag(metrics: Metrics) -> None:
    """Sample for ever."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + INTERVAL
        await asyncio.sleep(INTERVAL)
        metrics.loop_lag(loop.time() - due)
