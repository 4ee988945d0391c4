"""The first and the last moments of a server: what is answered while it loads, and what a failed start leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from typing import Any

import pytest
import uvicorn

from gateway.bootstrap import Bootstrap, Program, Server, listen
from tests.core.fakes import ticks


class Ended(Exception):
    """A reason that a person can mend."""


class FakeGateway:
    """Answers "served"; notes its life."""

    def __init__(self, broken: Exception | None = None) -> None:
        self.life: list[str] = []
        self.broken = broken

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'"served"'})

    async def start(self) -> None:
        self.life.append("start")
        if self.broken is not None:
            raise self.broken

    async def stop(self) -> None:
        self.life.append("stop")

    def begin_drain(self) -> None:
        self.life.append("drain")


class Bench:
    """A bootstrap with its lifespan begun; `load` goes on when `loading` is set."""

    def __init__(self, gateway: FakeGateway, ready: Exception | None = None, *, accept_early: bool = True) -> None:
        self.gateway, self.loading, self.given_up = gateway, threading.Event(), list[str]()
        self.loading.set()
        self.readied = 0

        def load() -> Any:
            assert self.loading.wait(10)
            return gateway

        async def told() -> None:
            self.readied += 1
            if ready is not None:
                raise ready

        self.bootstrap = Bootstrap(
            Program(load, told, lambda error: isinstance(error, Ended), accept_early=accept_early)
        )
        self.bootstrap.on_failure = lambda: self.given_up.append("given up")
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def begin(self) -> None:
        self.life = asyncio.create_task(self.bootstrap({"type": "lifespan"}, self._events.get, self._told.put))
        self._events.put_nowait({"type": "lifespan.startup"})
        assert (await self._told.get())["type"] == "lifespan.startup.complete"

    async def loaded(self) -> None:
        await self.bootstrap._loaded.wait()
        await ticks()

    async def end(self) -> None:
        self._events.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.wait_for(self.life, 10)
        assert (await self._told.get())["type"] == "lifespan.shutdown.complete"

    async def get(self, path: str) -> tuple[int, Any, dict[bytes, bytes]]:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.bootstrap({"type": "http", "path": path, "headers": []}, None, send)
        return sent[0]["status"], json.loads(sent[1]["body"]), dict(sent[0]["headers"])


async def test_while_it_loads_it_lives_and_is_not_ready() -> None:
    bench = Bench(FakeGateway())
    bench.loading.clear()
    await bench.begin()
    assert (await bench.get("/health/live"))[:2] == (200, {"status": "alive"})
    status, body, headers = await bench.get("/health/ready")
    assert (status, body["error"]["code"]) == (503, "service_starting")
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert {b"retry-after", b"x-should-retry", b"x-request-id"} <= set(headers)
    bench.loading.set()
    await bench.loaded()
    await bench.end()


async def test_a_request_that_comes_early_waits_and_is_served() -> None:
    bench = Bench(FakeGateway())
    bench.loading.clear()
    await bench.begin()
    early = asyncio.create_task(bench.get("/v1/models"))
    await ticks()
    assert not early.done()
    bench.loading.set()
    assert (await early)[:2] == (200, "served")
    assert (await bench.get("/health/live"))[:2] == (200, "served")
    await bench.end()
    assert bench.gateway.life == ["start", "stop"]


@pytest.mark.parametrize(
    ("broken", "shown"), [(Ended("The folder is full."), "The folder is full."), (KeyError("bug"), "Traceback")]
)
async def test_a_start_that_fails_is_told_and_lets_nobody_wait(broken: Exception, shown: str) -> None:
    bench = Bench(FakeGateway(broken))
    bench.loading.clear()
    await bench.begin()
    early = asyncio.create_task(bench.get("/v1/models"))
    await ticks()
    bench.loading.set()
    assert (await early)[0] == 503
    assert bench.given_up == ["given up"]
    assert bench.bootstrap.failure is not None
    assert bench.bootstrap.failure.startswith(shown)
    assert (bench.readied, bench.gateway.life) == (0, ["start"])
    await bench.end()


async def test_a_failure_at_the_last_step_ends_it_too() -> None:
    bench = Bench(FakeGateway(), ready=Ended("The demo key cannot be written."))
    await bench.begin()
    await bench.loaded()
    assert bench.given_up == ["given up"]
    assert bench.bootstrap.failure == "The demo key cannot be written."
    await bench.end()
    assert bench.gateway.life == ["start", "stop"]


async def test_a_signal_while_it_loads_ends_it_without_a_welcome() -> None:
    bench = Bench(FakeGateway())
    bench.loading.clear()
    await bench.begin()
    bench.bootstrap.begin_drain()
    ending = asyncio.create_task(bench.end())
    await ticks()
    bench.loading.set()
    await ending
    assert (bench.readied, bench.gateway.life) == (0, ["start", "stop"])


async def test_one_beside_others_accepts_when_it_is_loaded() -> None:
    bench = Bench(FakeGateway(), accept_early=False)
    bench.loading.clear()
    beginning = asyncio.create_task(bench.begin())
    await ticks()
    assert not beginning.done()
    bench.loading.set()
    await beginning
    assert (await bench.get("/v1/models"))[:2] == (200, "served")
    await bench.end()


@pytest.mark.parametrize("broken", [None, Ended("The store is away.")])
async def test_one_that_is_to_end_before_it_listens_never_does(broken: Exception | None) -> None:
    loading = threading.Event()
    gateway, told = FakeGateway(broken), list[str]()

    def load() -> Any:
        assert loading.wait(10)
        return gateway

    async def ready() -> None:
        told.append("ready")

    program = Program(load, ready, lambda error: isinstance(error, Ended), failed=told.append, accept_early=False)
    bootstrap = Bootstrap(program)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = Server(uvicorn.Config(bootstrap, log_config=None, lifespan="on", ws="none"), bootstrap, [listener])
    serving = asyncio.create_task(server.serve(sockets=server.sockets))
    await ticks()
    if broken is None:
        os.kill(os.getpid(), signal.SIGTERM)
        await ticks()
    loading.set()
    await asyncio.wait_for(serving, 10)
    with listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.getsockname(), timeout=1)
    assert bootstrap.failure == (None if broken is None else "The store is away.")


async def test_a_drain_is_passed_on() -> None:
    bench = Bench(FakeGateway())
    await bench.begin()
    await bench.loaded()
    bench.bootstrap.begin_drain()
    await bench.end()
    assert bench.gateway.life == ["start", "drain", "stop"]


def test_a_port_in_use_is_an_oserror_and_leaves_no_socket() -> None:
    first = listen("127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="in use"):
            listen("127.0.0.1", first.getsockname()[1])
    finally:
        first.close()
