"""The parent of several workers: it hands all of them one listening socket, starts them again when they die, ends them.

It serves nothing itself and imports nothing heavy. Connections that no worker has accepted wait in the one queue, so the
death of a worker loses none of them. When the supervisor itself is killed, its lines to the workers close and they drain.
A start that fails while no worker has ever been ready ends all of them, and its sentence is told once.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from gateway.sim import FleetError
from gateway.worker import LATE, LINE, LISTENER, NUMBER

logger = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds; the very first restart has none
LONG_LIFE = 60.0  # seconds after which an earlier death counts no more
LAST_WORDS = 1.0  # seconds for what a worker wrote before it ended
LONGEST_LINE = 1_048_576  # bytes


class FleetProcess(Protocol):
    """The simulated fleet; see `gateway.sim.Fleet`."""

    async def start(self) -> dict[str, str]: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Crew:
    """What to run, how often, and who is told. `patience`: seconds that workers may take to end when asked.

    `fleet` is started when the first worker asks for it. `ready` is called once every worker has been ready, `ended` with
    the number of each worker that is no more.
    """

    command: Sequence[str]
    env: Mapping[str, str]
    size: int
    patience: float
    fleet: FleetProcess
    ready: Callable[[], None]
    ended: Callable[[int], None]


class Pauses:
    """How long to wait before a worker is started again: not at all, then from 0.5 s to 10 s; anew after a minute."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lived: float) -> float:
        """Seconds to wait after a life of `lived` seconds."""
        pause = 0.0 if lived >= LONG_LIFE else self._next
        self._next = min(pause * 2, LONGEST_PAUSE) or FIRST_PAUSE
        return pause


@dataclass(slots=True)
class _Child:
    number: int
    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ready: bool = False
    sentence: str | None = None

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


class Supervisor:
    """Runs a crew to its end."""

    def __init__(
        self,
        crew: Crew,
        listener: socket.socket,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._crew = crew
        self._listener = listener
        self._clock = clock
        self._sleep = sleep
        self._children: dict[int, _Child] = {}
        self._stopping = asyncio.Event()
        self._been_ready: set[int] = set()  # numbers of workers
        self._fleet: asyncio.Task[dict[str, str]] | None = None
        self._given_up = False
        self._exit_code = 0

    async def run(self) -> int:
        """Until a signal, or until no worker can be started; the exit code says how it went."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_end, number)
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload)
        impatience = asyncio.create_task(self._lose_patience())
        await asyncio.gather(*(self._keep(number) for number in range(1, self._crew.size + 1)))
        impatience.cancel()
        if self._fleet is not None:
            self._fleet.cancel()
            await self._crew.fleet.stop()
        return self._exit_code

    def _asked_to_end(self, number: int) -> None:
        """Pass the wish on. A terminal's SIGINT reaches the workers as well, and two of them end a drain at once."""
        again = self._stopping.is_set()
        self._stop(number if again else signal.SIGTERM)

    def _asked_to_reload(self) -> None:
        """Pass it on to those who can; who is still loading reads the files anyway."""
        for child in self._children.values():
            if child.ready:
                child.send_signal(signal.SIGHUP)

    def _stop(self, number: int) -> None:
        self._stopping.set()
        self._listener.close()  # so that nobody waits in its queue once the workers have closed theirs
        for child in self._children.values():
            child.send_signal(number)

    async def _lose_patience(self) -> None:
        await self._stopping.wait()
        await self._sleep(self._crew.patience)
        for child in self._children.values():
            logger.error("worker_killed", worker=child.number, pid=child.process.pid, waited=self._crew.patience)
            child.send_signal(signal.SIGKILL)

    async def _keep(self, number: int) -> None:
        """One worker after the other, in the place of that number."""
        pauses = Pauses()
        while not self._stopping.is_set():
            began = self._clock()
            try:
                child = await self._start(number)
            except OSError as error:
                pause = pauses.after(0.0)
                logger.error("worker_not_started", worker=number, error=str(error), restart_in=pause)  # noqa: TRY400
            else:
                code = await self._live(child)
                pause = pauses.after(self._clock() - began)
                self._bury(child, code, pause)
            if not self._stopping.is_set():
                await self._rest(pause)

    async def _start(self, number: int) -> _Child:
        """A process with its end of a new line. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            handed = {
                NUMBER: number,
                LISTENER: self._listener.fileno(),
                LINE: theirs.fileno(),
                LATE: int(any(child.ready for child in self._children.values())),
            }
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._crew.command,
                    env={**self._crew.env, **{name: str(value) for name, value in handed.items()}},
                    stdin=subprocess.DEVNULL,
                    pass_fds=(handed[LISTENER], handed[LINE]),
                )
            except OSError:
                ours.close()
                raise
        reader, writer = await asyncio.open_connection(sock=ours, limit=LONGEST_LINE)
        child = self._children[number] = _Child(number, process, reader, writer)
        if self._stopping.is_set():
            child.send_signal(signal.SIGTERM)
        return child

    async def _live(self, child: _Child) -> int:
        """The exit code, once it has ended and all it said was heard."""
        hearing = asyncio.create_task(self._hear(child))
        code = await child.process.wait()
        await asyncio.wait({hearing}, timeout=LAST_WORDS)
        hearing.cancel()
        child.writer.close()
        del self._children[child.number]
        self._crew.ended(child.number)
        return code

    async def _hear(self, child: _Child) -> None:
        with suppress(ValueError, OSError):  # it died in the middle of a line
            async for line in child.reader:
                told: dict[str, Any] = json.loads(line)
                if "failed" in told:
                    child.sentence = told["failed"]
                elif "ready" in told:
                    self._is_ready(child)
                else:
                    await self._share_fleet(child)

    def _is_ready(self, child: _Child) -> None:
        child.ready = True
        before = len(self._been_ready)
        self._been_ready.add(child.number)
        if before < self._crew.size == len(self._been_ready):
            self._crew.ready()

    async def _share_fleet(self, child: _Child) -> None:
        if self._fleet is None or (self._fleet.done() and self._fleet.exception() is not None):
            self._fleet = asyncio.create_task(self._crew.fleet.start())
        told: dict[str, Any]
        try:
            told = {"fleet": await asyncio.shield(self._fleet)}
        except (FleetError, OSError) as error:
            told = {"fleet_failed": str(error)}
        child.writer.write(json.dumps(told).encode() + b"\n")

    def _bury(self, child: _Child, code: int, pause: float) -> None:
        """What the end of a worker means."""
        facts = {"worker": child.number, "pid": child.process.pid, "exit_code": code, "error": child.sentence}
        if self._given_up:
            return
        if self._stopping.is_set():
            if code != 0 and (child.ready or code != -signal.SIGTERM):
                self._exit_code = 1
                logger.error("worker_ended_badly", **facts)
        elif code > 0 and not self._been_ready:
            self._given_up, self._exit_code = True, code
            wordless = (
                f"Worker {child.number} ended with exit code {code} before it was ready; its own words are above."
            )
            sys.stderr.write(f"{child.sentence or wordless}\n")
            self._stop(signal.SIGTERM)
        else:
            logger.warning("worker_ended", restart_in=pause, **facts)

    async def _rest(self, pause: float) -> None:
        """Sleep, unless the end comes first."""
        pausing = asyncio.ensure_future(self._sleep(pause))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({pausing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        pausing.cancel()
        stopping.cancel()


def supervise(crew: Crew, listener: socket.socket) -> int:
    """Run it to its end; the exit code says how it went."""

    async def run() -> int:
        return await Supervisor(crew, listener).run()

    return asyncio.run(run())
