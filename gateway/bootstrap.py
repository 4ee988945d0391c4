"""Answers `/health/live` within a second of the process's start, and everything else once the gateway is loaded.

Imports nothing heavy itself: the gateway is imported in a thread while this serves. A start that fails ends the process
with one sentence and exit code 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import secrets
import signal
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import uvicorn

from gateway.protocol import BoundedProtocol

LOAD_PATIENCE = 60.0  # seconds that an early request waits
LIVE = frozenset({"/health/live", "/health/liveliness"})
SWEPT_AFTER = 20_000  # objects that were made and not freed
DRAIN_MARGIN = 15.0  # seconds on top of the drain time before connections are cut


class Loaded(Protocol):
    """A gateway that is there; see `gateway.app.Gateway`."""

    asgi: Callable[..., Awaitable[None]]

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def begin_drain(self) -> None: ...
    def begin_reload(self) -> None: ...


def complain(sentence: str) -> None:
    """Tell the person who started it."""
    sys.stderr.write(f"{sentence}\n")


@dataclass(frozen=True, slots=True)
class Program:
    """What to serve: `load` runs in a thread; `ready` is told when requests are welcome, `failed` why they never will be.

    `expected` says whether a failed start's exception is a sentence for the person who started it. `accept_early`: take
    connections from the first moment on; without it they are left to those who share the socket until all is loaded.
    """

    load: Callable[[], Loaded]
    ready: Callable[[], Awaitable[None]]
    expected: Callable[[BaseException], bool]
    drain_timeout: float = 60.0
    failed: Callable[[str], None] = complain
    accept_early: bool = True


class Bootstrap:
    """The ASGI application from the first moment on."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._gateway: Loaded | None = None  # once it takes requests
        self._loaded = asyncio.Event()  # loading is over, well or not
        self._stop = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self.failure: str | None = None
        self.on_failure: Callable[[], None] = lambda: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._gateway is not None:
            await self._gateway.asgi(scope, receive, send)
        elif scope["type"] == "http":
            await self._early(scope, receive, send)

    def begin_drain(self) -> None:
        if self._gateway is not None:
            self._gateway.begin_drain()

    def begin_reload(self) -> None:
        if self._gateway is not None:
            self._gateway.begin_reload()

    async def _early(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in LIVE:
            await answer(send, 200, {"status": "alive"})
            return
        if not scope["path"].startswith("/health"):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._loaded.wait(), LOAD_PATIENCE)
        if self._gateway is not None:
            await self._gateway.asgi(scope, receive, send)
        else:
            await answer(send, 503, STARTING)

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self._life = asyncio.create_task(self._live())
        if not self._program.accept_early:
            await self._loaded.wait()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._stop.set()
        await self._life
        await send({"type": "lifespan.shutdown.complete"})

    async def _live(self) -> None:
        """Load, start, wait for the end, stop; in one task, so that everything opens and closes in the same one."""
        try:
            with unswept():
                gateway = await asyncio.to_thread(self._program.load)
                await gateway.start()
        except Exception as error:
            self._give_up(error)
            return
        self._gateway = gateway
        self._loaded.set()
        try:
            if not self._stop.is_set():
                await self._program.ready()
            await self._stop.wait()
        except Exception as error:
            self._give_up(error)
        finally:
            await gateway.stop()

    def _give_up(self, error: Exception) -> None:
        self.failure = str(error) if self._program.expected(error) else traceback.format_exc()
        self._loaded.set()
        self.on_failure()


@contextlib.contextmanager
def unswept() -> Iterator[None]:
    """No garbage collection while modules are imported: each sweep over them would stop the loop for 0.1 s and more.

    What is there afterwards stays for good, so no later sweep looks at it again. What requests leave behind has hardly a
    cycle in it: sweeping it seldom costs less, and keeps no more than some megabytes.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(SWEPT_AFTER)
        gc.enable()


class Server(uvicorn.Server):
    """uvicorn, with two things added: the first signal begins the drain at once, and what is to end begins no listening."""

    def __init__(self, config: uvicorn.Config, bootstrap: Bootstrap, listeners: Sequence[socket.socket]) -> None:
        super().__init__(config)
        self._bootstrap = bootstrap
        self.sockets = list(listeners)
        bootstrap.on_failure = self._give_up

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as requests to drain; uvicorn's own way dies of the signal when all is done.

        SIGHUP asks to look at the configuration's files.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._bootstrap.begin_reload)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._asked_to_end, number)
        yield

    def _asked_to_end(self, number: int) -> None:
        self._bootstrap.begin_drain()
        self.handle_exit(number, None)
        self._stay_deaf()

    def _give_up(self) -> None:
        self.should_exit = True
        self._stay_deaf()

    def _stay_deaf(self) -> None:
        if not self.started:
            self.sockets.clear()


def serve(program: Program, listeners: Sequence[socket.socket]) -> int:
    """Serve until a signal; the exit code says how it went."""
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.run(_serve(program, listeners))


async def _serve(program: Program, listeners: Sequence[socket.socket]) -> int:
    bootstrap = Bootstrap(program)
    config = uvicorn.Config(
        bootstrap,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="on",
        http=BoundedProtocol,
        ws="none",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=round(program.drain_timeout + DRAIN_MARGIN),
    )
    server = Server(config, bootstrap, listeners)
    await server.serve(sockets=server.sockets)
    if bootstrap.failure is not None:
        program.failed(bootstrap.failure)
        return 1
    return 0


def listen(host: str, port: int, *, together: bool = False) -> socket.socket:
    """A bound socket; `together`: several processes of ours bind the same one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if together:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(2048)
        listener.set_inheritable(False)
    except OSError:
        listener.close()
        raise
    return listener


STARTING = {
    "error": {
        "message": "The gateway is starting. Please try again in a few seconds.",
        "type": "server_error",
        "param": None,
        "code": "service_starting",
    }
}


async def answer(send: Any, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(data)).encode()),
        (b"x-request-id", f"req_{secrets.token_hex(12)}".encode()),
    ]
    if status == 503:
        headers += [(b"retry-after", b"2"), (b"x-should-retry", b"true")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
