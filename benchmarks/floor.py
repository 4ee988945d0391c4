"""The Python floor: bytes in, bytes out through uvicorn and aiohttp, and nothing else that a gateway would do.

With `--scan` it also finds the usage in each answer, which is the least a gateway that bills has to do. What the
upstream answers is passed on; an upstream that is away breaks the request, and with it the measurement.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
MARK = b'"usage":{'
PROVIDER_HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-provider"}


class Passthrough:
    """The ASGI application: POST goes to the upstream, GET is answered here."""

    def __init__(self, upstream: str, key: str, *, scan: bool) -> None:
        self._upstream = upstream
        self._credential = b"Bearer " + key.encode()
        self._scan = scan
        self._session: aiohttp.ClientSession
        self.tokens = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["method"] == "GET":
            await respond(send, 200, b"{}")
        elif (b"authorization", self._credential) not in scope["headers"]:
            await respond(send, 401, b"{}")
        else:
            await self._pass_on(scope["path"], receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self._session:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _pass_on(self, path: str, receive: Receive, send: Send) -> None:
        usage = Usage() if self._scan else None
        body = await read(receive)
        async with self._session.post(self._upstream + path, data=body, headers=PROVIDER_HEADERS) as response:
            kind = response.headers.get("content-type", "application/json").encode()
            if kind.startswith(b"text/event-stream"):
                headers = [(b"content-type", kind)]
                await send({"type": "http.response.start", "status": response.status, "headers": headers})
                async for part in response.content.iter_any():
                    if usage is not None:
                        usage.feed(part)
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            else:
                data = await response.read()
                if usage is not None:
                    usage.feed(data)
                await respond(send, response.status, data)
        if usage is not None:
            self.tokens += usage.tokens


class Usage:
    """Finds the usage in the bytes of an answer, wherever they are cut; `tokens` is 0 until then."""

    def __init__(self) -> None:
        self._rest = b""
        self.tokens = 0

    def feed(self, part: bytes) -> None:
        window = self._rest + part
        at = window.find(MARK)
        if at < 0:
            self._rest = window[1 - len(MARK) :]
            return
        try:
            usage, _ = json.JSONDecoder().raw_decode(window[at + len(MARK) - 1 :].decode())
        except ValueError:  # the rest of it is still on its way
            self._rest = window[at:]
            return
        self._rest = b""
        self.tokens = usage["total_tokens"]


async def read(receive: Receive) -> bytes:
    """The request's whole body."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def respond(send: Send, status: int, data: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": data})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("upstream", help="http://host:port")
    parser.add_argument("--key", required=True)
    parser.add_argument("--scan", action="store_true")
    options = parser.parse_args()
    uvicorn.run(
        Passthrough(options.upstream, options.key, scan=options.scan),
        port=options.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )


if __name__ == "__main__":
    main()
