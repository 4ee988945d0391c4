"""Runs a fleet until it is told to stop, and says where it listens.

The URLs go as one line of JSON to standard output, and to the ready file in one step, so that a reader never sees
half of it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import msgspec

from gateway.fleet.server import RunningFleet, start_fleet
from gateway.fleet.settings import Settings


def run(settings: Settings, *, with_parent: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError when a port is taken or a file cannot be written.

    `with_parent`: also end when standard input closes, as it does when the process that holds its other end dies.
    """
    asyncio.run(_serve(settings, with_parent=with_parent))


async def _serve(settings: Settings, *, with_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    if with_parent:
        loop.add_reader(sys.stdin.fileno(), stop.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    fleet = await start_fleet(settings)
    try:
        _announce(fleet, settings.ready_file)
        await stop.wait()
    finally:
        await fleet.stop()


def _announce(fleet: RunningFleet, ready_file: Path | None) -> None:
    line = msgspec.json.encode(fleet.urls)
    if ready_file is not None:
        partial = ready_file.with_name(f"{ready_file.name}.{os.getpid()}")
        partial.write_bytes(line)
        partial.replace(ready_file)
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()
