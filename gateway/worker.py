"""A worker's end of the line to its supervisor: one socket, one JSON object a line, in both directions.

When the line closes, the supervisor is gone, however it went: the worker then drains, as if it had been asked to end,
and is ended when it takes too long: nobody else would.
What the supervisor cannot be told any more is told on stderr.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Self

from gateway.sim import FleetError

NUMBER = "ATELIER_WORKER"  # 1..N
LISTENER = "ATELIER_LISTEN_FD"  # the socket that all workers accept from
LINE = "ATELIER_SUPERVISOR_FD"
LATE = "ATELIER_ACCEPT_LATE"  # "1": others serve, so connections are theirs until this one is loaded

PATIENCE = 120.0  # seconds to end in, without a supervisor

Urls = dict[str, str]


class Worker:
    """One worker's place under its supervisor."""

    def __init__(self, number: int, listener: socket.socket, line: socket.socket, *, late: bool) -> None:
        self.number = number
        self.listener = listener
        self.late = late
        self.patience = PATIENCE
        self._line = line
        self._fleet: concurrent.futures.Future[Urls] = concurrent.futures.Future()
        for each in (listener, line):
            each.set_inheritable(False)
        threading.Thread(target=self._listen, name="supervisor", daemon=True).start()

    @classmethod
    def of(cls, env: MutableMapping[str, str]) -> Self | None:
        """The place that a supervisor gave this process; None where there is none. Leaves only the number in `env`."""
        listener, line, late = (env.pop(name, None) for name in (LISTENER, LINE, LATE))
        if listener is None or line is None:
            return None
        sockets = (socket.socket(fileno=int(each)) for each in (listener, line))
        return cls(int(env[NUMBER]), *sockets, late=late == "1")

    def ready(self) -> None:
        """Requests are welcome."""
        with suppress(OSError):
            self._tell({"ready": True})

    def failed(self, sentence: str) -> None:
        """Why this worker cannot start."""
        try:
            self._tell({"failed": sentence})
        except OSError:
            sys.stderr.write(f"{sentence}\n")

    async def fleet(self) -> Urls:
        """The addresses of the simulated fleet, which the supervisor starts at the first asking. Raises FleetError."""
        with suppress(OSError):
            self._tell({"wants": "fleet"})
        return await asyncio.wrap_future(self._fleet)

    def _tell(self, what: dict[str, Any]) -> None:
        self._line.sendall(json.dumps(what).encode() + b"\n")

    def _listen(self) -> None:
        with suppress(OSError), self._line.makefile("rb") as lines:
            for line in lines:
                self._hear(json.loads(line))
        self._hear({"fleet_failed": "The supervisor is gone."})
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(self.patience)  # a thread of its own, which ends with the process
        os._exit(1)

    def _hear(self, told: dict[str, Any]) -> None:
        if self._fleet.done():
            return
        if "fleet" in told:
            self._fleet.set_result(told["fleet"])
        else:
            self._fleet.set_exception(FleetError(told["fleet_failed"]))
