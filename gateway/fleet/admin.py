"""The fleet's own calls, on every listener: /_sim/state, /_sim/settings, /_sim/faults, /_sim/journal, /_sim/reset."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from gateway.fleet.faults import Fault
from gateway.fleet.settings import plain, settings_from
from gateway.fleet.state import State

PREFIX = "/_sim/"


class Admin:
    """Answers admin calls. `refuse` closes or opens the listener of a family; `connections` counts open ones."""

    def __init__(
        self,
        state: State,
        refuse: Callable[[str, bool], Awaitable[None]],
        connections: Callable[[], dict[str, int]],
    ) -> None:
        self._state = state
        self._refuse = refuse
        self._connections = connections

    async def answer(self, http: web.BaseRequest) -> web.Response:
        """The answer to one admin call: 200 with JSON, 400 for what cannot be understood, 404 for an unknown call."""
        name = f"_{http.method.lower()}_{http.path.removeprefix(PREFIX)}"
        call: Callable[[web.BaseRequest], Awaitable[Any]] | None = getattr(self, name, None)
        if call is None:
            return _json({"error": f"No such call: {http.method} {http.path}"}, 404)
        try:
            return _json(await call(http))
        except (msgspec.DecodeError, ValueError) as error:
            return _json({"error": str(error)}, 400)

    async def _get_state(self, _: web.BaseRequest) -> dict[str, Any]:
        state = self._state
        return {
            "settings": plain(state.settings),
            "faults": [{**msgspec.to_builtins(fault), "left": left} for fault, left in state.faults.pending()],
            "in_flight": {f"{wire}/{model}": n for (wire, model), n in state.in_flight.items() if n},
            "connections": self._connections(),
        }

    async def _post_settings(self, http: web.BaseRequest) -> dict[str, Any]:
        changes = msgspec.json.decode(await http.content.read(), type=dict[str, Any])
        current = plain(self._state.settings)
        for name, value in changes.items():
            nested = isinstance(value, dict) and isinstance(current.get(name), dict)
            current[name] = {**current[name], **value} if nested else value
        self._state.settings = settings_from(current)
        return plain(self._state.settings)

    async def _post_faults(self, http: web.BaseRequest) -> Fault:
        fault = msgspec.json.decode(await http.content.read(), type=Fault)
        if fault.closes_listener:
            await self._refuse(str(fault.provider), True)
        else:
            self._state.faults.add(fault)
        return fault

    async def _delete_faults(self, http: web.BaseRequest) -> dict[str, Any]:
        model, provider = http.query.get("model"), http.query.get("provider")
        if provider is not None:
            await self._refuse(provider, False)
        else:
            self._state.faults.clear(model)
            if model is None:
                await self._refuse("*", False)
        return {"cleared": provider or model or "*"}

    async def _get_journal(self, http: web.BaseRequest) -> dict[str, Any]:
        return {"lines": self._state.journal.since(int(http.query.get("since", "0")))}

    async def _post_reset(self, _: web.BaseRequest) -> dict[str, Any]:
        self._state.reset()
        await self._refuse("*", False)
        return {"reset": True}


def _json(value: Any, status: int = 200) -> web.Response:
    headers = {"x-sim": "1", "content-type": "application/json"}
    return web.Response(status=status, body=msgspec.json.encode(value), headers=headers)
