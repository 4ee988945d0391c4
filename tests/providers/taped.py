"""Our own connections, answered from a cassette: what the recorder knows are other clients."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

from vcr.request import Request

from gateway.providers.addresses import ALWAYS
from gateway.providers.http import Http, Sending
from gateway.providers.http1 import Connection
from gateway.providers.origin import Origin
from gateway.providers.pool import Pool
from tests.providers.unwired import Unwired


@contextlib.contextmanager
def from_tape(tape: Any) -> Iterator[None]:
    """Every request of `Http` is answered by `tape`, which raises for one that is not on it."""

    async def asked(_: Http, sending: Sending) -> Connection:
        answer = tape.play_response(Request("POST", sending.url, sending.data, {**ALWAYS, **sending.headers}))
        data: bytes = answer["body"]["string"]
        fields = [f"{name}: {value}" for name, values in answer["headers"].items() for value in values]
        status = answer["status"]["code"]
        head = "\r\n".join([f"HTTP/1.1 {status} Taped", *fields, f"content-length: {len(data)}", "", ""])
        connection = Connection(asyncio.get_running_loop(), Origin(False, "provider.invalid", 80), lambda _: None)
        connection.connection_made(Unwired())
        connection.send(b"", b"")
        connection.data_received(head.encode() + data)
        return connection

    with mock.patch.object(Http, "_asked", asked), mock.patch.object(Pool, "give_back"):
        yield
