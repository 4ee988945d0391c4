"""The bytes of one answer on their way out: whole, streamed, torn off, or cut by a TCP reset."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping

from aiohttp import web

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # linger on, for no time


class Sender:
    """Owns the response of one request. Writing to a client that has left raises ConnectionError."""

    def __init__(self, http: web.BaseRequest, headers: Mapping[str, str]) -> None:
        self._http = http
        self._headers = dict(headers)
        self.response: web.StreamResponse = web.Response(status=500)

    async def whole(
        self,
        status: int,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> None:
        """Send a whole answer with its length."""
        merged = {**self._headers, **(headers or {}), "content-type": content_type}
        self.response = web.Response(status=status, body=body, headers=merged)
        await self.response.prepare(self._http)
        await self.response.write_eof()

    async def begin(self, content_type: str) -> None:
        """Send the headers of a streamed answer (200, chunked)."""
        headers = {**self._headers, "content-type": content_type, "cache-control": "no-cache"}
        self.response = web.StreamResponse(headers=headers)
        self.response.enable_chunked_encoding()
        await self.response.prepare(self._http)

    async def write(self, data: bytes) -> None:
        if data:
            await self.response.write(data)

    async def finish(self) -> None:
        """End a streamed answer in good order."""
        await self.response.write_eof()

    async def torn(self, body: bytes) -> None:
        """Announce all of `body`, send half of it, close the connection."""
        self.response = web.StreamResponse(headers={**self._headers, "content-type": "application/json"})
        self.response.content_length = len(body)
        await self.response.prepare(self._http)
        await self.response.write(body[: len(body) // 2])
        if self._http.transport is not None:
            self._http.transport.close()

    def reset(self) -> None:
        """Cut the connection with a TCP reset; what was written before is still delivered."""
        transport = self._http.transport
        if transport is None:
            return
        # The duplicate shares the socket's options, and works with loops whose own socket objects cannot set any.
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
