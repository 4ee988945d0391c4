"""Starts the simulated fleet as a process beside the gateway, and ends it with the gateway, however that ends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.config.models import Simulation

START_TIMEOUT = 30.0  # seconds
FleetUrls = Callable[[], Awaitable[dict[str, str]]]  # addresses by wire format; may raise FleetError


class FleetError(Exception):
    """The fleet did not start. The message says why."""


class Fleet:
    """One fleet process; its journal lies in the data folder."""

    def __init__(self, settings: Simulation, data_dir: Path) -> None:
        self._settings = settings
        self._journal = data_dir / "fleet-journal.jsonl"
        self._process: asyncio.subprocess.Process | None = None
        self._urls: dict[str, str] | None = None
        self._starting = asyncio.Lock()

    async def urls(self) -> dict[str, str]:
        """Addresses by wire format; the first to ask starts it. Raises FleetError."""
        async with self._starting:
            if self._urls is None:
                self._urls = await self.start()
            return self._urls

    async def start(self) -> dict[str, str]:
        """Addresses by wire format. Raises FleetError."""
        settings = self._settings
        options = [
            "--speed", str(settings.speed), "--ttft", str(settings.ttft),
            "--tokens-per-second", str(settings.tokens_per_second), "--journal", str(self._journal),
            "--until-stdin-closes",
        ]  # fmt: skip
        if settings.concurrency is not None:
            options += ["--concurrency", str(settings.concurrency)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.fleet", *options,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output = self._process.stdout
        try:
            line = await asyncio.wait_for(output.readline(), START_TIMEOUT) if output is not None else b""
        except TimeoutError as error:
            raise FleetError(f"The simulated fleet did not start within {START_TIMEOUT:g} s.") from error
        if not line:
            raise FleetError("The simulated fleet did not start; its own message is above.")
        urls: dict[str, str] = json.loads(line)
        return urls

    async def stop(self) -> None:
        """Ask it to end, and wait a moment."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()
