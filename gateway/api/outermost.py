"""The outermost layer: a request id on every response, bounds on what reaches the app, and a clean 500 for a bug.

Plain ASGI. It decides nothing else, and it looks at `scope["path"]` only, never at a Host header's idea of it (S3).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

import msgspec
import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import GatewayError, InternalError, InvalidRequest, TooLarge
from gateway.ids import hexadecimal

log = structlog.get_logger(__name__)

PLAIN_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")
HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z")
MOST_HEADER_BYTES = 16_384


class Outermost:
    """Wraps the whole app."""

    def __init__(self, app: ASGIApp, trusted_hosts: Sequence[str] = ("*",)) -> None:
        self._app = app
        self._hosts = tuple(host.lower() for host in trusted_hosts)
        self._good_host: bytes | None = None  # the last that was: mostly it is the next one too

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        size, host, given = self._head(scope["headers"])
        request_id = given.decode() if given and PLAIN_ID.match(given) else f"req_{hexadecimal(24)}"
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        problem = self._refusal(size, host)
        try:
            if problem is not None:
                await answer(problem, sent)
                return
            await self._app(scope, receive, sent)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("request_broke", request_id=request_id, path=scope["path"][:200])
            if not started:
                await answer(InternalError("Something went wrong inside the gateway."), sent)

    def _head(self, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes, bytes]:
        """Bytes of the headers; the first host; the first id."""
        size, host, given = 0, None, None
        for name, value in headers:
            size += len(name) + len(value)
            if name == b"host" and host is None:
                host = value
            elif name == b"x-request-id" and given is None:
                given = value
        return size, host or b"", given or b""

    def _refusal(self, size: int, host: bytes) -> GatewayError | None:
        if size > MOST_HEADER_BYTES:
            error = TooLarge(f"The request's headers are larger than {MOST_HEADER_BYTES} bytes.")
            error.status = 431
            return error
        if host == self._good_host:
            return None
        problem = self._judge(host.decode("latin-1").lower())
        if problem is None:
            self._good_host = host
        return problem

    def _judge(self, host: str) -> GatewayError | None:
        if not HOST.match(host):
            return InvalidRequest("The Host header is missing or malformed.", code="invalid_host")
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() and ":" in host else host
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in self._hosts):
            return InvalidRequest("This gateway does not answer for that host name.", code="invalid_host")
        return None


async def answer(error: GatewayError, send: Send) -> None:
    data = msgspec.json.encode(error.body())
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in error.headers().items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": data})
