"""The fleet's listeners: one a provider family, and one for admin calls that is never closed by a fault.

A port that is taken raises OSError at the start; nothing else can fail, for the fleet depends on nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.fleet.admin import PREFIX, Admin
from gateway.fleet.anthropic_wire import AnthropicWire
from gateway.fleet.exchange import Exchange
from gateway.fleet.faults import Fault
from gateway.fleet.gemini_wire import GeminiWire
from gateway.fleet.journal import Journal
from gateway.fleet.openai_wire import OpenAIWire
from gateway.fleet.pacing import Clock, SystemClock
from gateway.fleet.settings import Settings
from gateway.fleet.state import State
from gateway.fleet.wire import Wire

ADMIN = "admin"
API_BASES = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta", ADMIN: ""}  # what LiteLLM's api_base must end with

_WIRES: tuple[Wire, ...] = (OpenAIWire(), AnthropicWire(), GeminiWire())
_SHUTDOWN = 0.2  # seconds that running answers get when the fleet stops
_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    """A listening socket that can be closed and opened again on its port."""

    def __init__(self, handler: _Handler, host: str, port: int) -> None:
        self._protocols = web.Server(self._serve, handler_cancellation=True, access_log=None)
        self._handler = handler
        self._busy: set[web.RequestHandler] = set()
        self._host = host
        self.port = port
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        return len(self._protocols.connections)

    async def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._protocols, self._host, self.port, backlog=1024)
            self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Refuse new connections and drop the idle ones; running answers go on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            for connection in self._protocols.connections:
                if connection in self._busy:
                    connection.close()
                else:
                    connection.force_close()

    async def stop(self) -> None:
        self.close()
        await self._protocols.shutdown(_SHUTDOWN)

    async def _serve(self, http: web.BaseRequest) -> web.StreamResponse:
        self._busy.add(http.protocol)
        try:
            return await self._handler(http)
        finally:
            self._busy.discard(http.protocol)


class RunningFleet:
    """A fleet that is up. `urls` are, family by family, what LiteLLM wants as `api_base`; "admin" takes admin calls."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._listeners: dict[str, Listener] = {}
        self._admin = Admin(state, self.refuse, self._connections)

    @property
    def journal(self) -> Journal:
        return self._state.journal

    @property
    def settings(self) -> Settings:
        return self._state.settings

    @property
    def urls(self) -> dict[str, str]:
        return {name: self.origin(name) + API_BASES[name] for name in self._listeners}

    def origin(self, name: str) -> str:
        """Scheme, host and port of one listener."""
        return f"http://{self._state.settings.host}:{self._listeners[name].port}"

    def configure(self, settings: Settings) -> None:
        """Replace the settings for the requests to come."""
        self._state.settings = settings

    def fault(self, kind: str, **members: object) -> None:
        """Set a fault; the members are those of `faults.Fault`. ValueError: it would close a listener, as `refuse` does."""
        fault = Fault(kind=kind, **members)  # type: ignore[arg-type]
        if fault.closes_listener:
            raise ValueError("A whole provider is refused with `refuse`.")
        self._state.faults.add(fault)

    async def refuse(self, family: str, refusing: bool = True) -> None:  # noqa: FBT001, FBT002 - reads well
        """Close a family's listener ("*": all of them but the admin's), or open it again. ValueError: no such family."""
        names = [name for name in self._listeners if name != ADMIN] if family == "*" else [family]
        for name in names:
            if name not in self._listeners or name == ADMIN:
                raise ValueError(f"There is no provider {name!r}.")
            if refusing:
                self._listeners[name].close()
            else:
                await self._listeners[name].open()

    async def reset(self) -> None:
        """Everything as it was at the start; the journal forgets what has ended."""
        self._state.reset()
        await self.refuse("*", refusing=False)

    async def stop(self) -> None:
        """Stop listening, end running answers, close the journal."""
        self._state.stopping = True
        await asyncio.gather(*(listener.stop() for listener in self._listeners.values()))
        self._state.journal.close()

    async def _open(self, wires: dict[str, Wire]) -> None:
        settings = self._state.settings
        for name, wire in wires.items():
            self._listeners[name] = Listener(self._serving(wire), settings.host, settings.ports.get(name, 0))
        self._listeners[ADMIN] = Listener(self._admin_only, settings.host, settings.ports.get(ADMIN, 0))
        for listener in self._listeners.values():
            await listener.open()

    def _serving(self, wire: Wire) -> _Handler:
        async def serve(http: web.BaseRequest) -> web.StreamResponse:
            if http.path.startswith(PREFIX):
                return await self._admin.answer(http)
            return await Exchange(self._state, wire, http).run()

        return serve

    async def _admin_only(self, http: web.BaseRequest) -> web.StreamResponse:
        return await self._admin.answer(http)

    def _connections(self) -> dict[str, int]:
        return {name: listener.connections for name, listener in self._listeners.items()}


async def start_fleet(settings: Settings | None = None, clock: Clock | None = None) -> RunningFleet:
    """Start a fleet in this event loop. Raises OSError when a port is taken or the journal cannot be opened."""
    fleet = RunningFleet(State(settings or Settings(), clock or SystemClock()))
    try:
        await fleet._open({wire.name: wire for wire in _WIRES})  # noqa: SLF001 - the one who makes it
    except OSError:
        await fleet.stop()
        raise
    return fleet
