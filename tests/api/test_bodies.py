"""Bodies within bounds: size, media, depth, encoding, JSON; and the key comes before all of them."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.api import bodies
from tests.api.shapes import HELLO, refused
from tests.harness import MASTER, FleetThread, GatewayThread

CHAT = "/v1/chat/completions"
MB = 1_000_000


def raw(gateway: GatewayThread, data: bytes) -> http.client.HTTPResponse:
    """Send bytes as they are, and read one answer; the connection stays half-written."""
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
    connection.sendall(data)
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.body = answer.read()  # type: ignore[attr-defined]
    connection.close()
    return answer


def head(key: str, *lines: str) -> bytes:
    all_lines = [f"POST {CHAT} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {key}", *lines]
    return "\r\n".join([*all_lines, "", ""]).encode()


def of_size(size: int, marker: str = "") -> bytes:
    """A chat request of exactly `size` bytes, for a model that does not exist: nothing is sent on."""
    start = b'{"model":"nowhere","messages":[{"role":"user","content":"' + marker.encode()
    end = b'"}]}'
    return start + b"a" * (size - len(start) - len(end)) + end


@pytest.mark.parametrize("path", [CHAT, "/v1/embeddings", "/key/generate", "/key/delete"])
@pytest.mark.parametrize("body", [b"{broken", b"", b"[" * 100_000, b"\xff\xfe", of_size(40 * MB)])
def test_a_wrong_key_is_refused_whatever_the_body(gateway: GatewayThread, path: str, body: bytes) -> None:
    with gateway.http("sk-atl-wrong") as client:
        refused(client.post(path, content=body), 401, "invalid_api_key")


@pytest.mark.parametrize("length", ["Content-Length: 9999999999", "Transfer-Encoding: chunked", "Content-Length: 10"])
@pytest.mark.parametrize("path", [CHAT, "/key/generate"])
def test_a_wrong_key_is_refused_before_the_body_comes(gateway: GatewayThread, length: str, path: str) -> None:
    started = time.monotonic()
    request = head("sk-atl-wrong", length, "Expect: 100-continue").replace(CHAT.encode(), path.encode())
    answer = raw(gateway, request)
    assert answer.status == 401
    assert answer.headers["x-request-id"]
    assert time.monotonic() - started < 5


def test_sizes_without_media(gateway: GatewayThread, fleet: FleetThread) -> None:
    with gateway.http() as client:
        refused(client.post(CHAT, content=of_size(2 * MB)), 404, "model_not_found", "model")
        refused(client.post(CHAT, content=of_size(2 * MB + 1)), 413, "request_too_large")
        refused(client.post("/key/generate", content=of_size(2 * MB + 1)), 413, "request_too_large")
    assert fleet.ended == []


def test_sizes_with_media(gateway: GatewayThread) -> None:
    mark = "data:image/png;base64,"
    with gateway.http() as client:
        refused(client.post(CHAT, content=of_size(32 * MB, mark)), 404, "model_not_found", "model")
        refused(client.post(CHAT, content=of_size(32 * MB + 1, mark)), 413, "request_too_large")


def test_a_length_that_is_too_large_is_refused_at_once(gateway: GatewayThread) -> None:
    answer = raw(gateway, head(MASTER, f"Content-Length: {33 * MB}"))
    assert answer.status == 413
    assert json.loads(answer.body)["error"]["code"] == "request_too_large"  # type: ignore[attr-defined]


@pytest.mark.parametrize("length", ["-5", "5e3", "x", "5, 7", ""])
def test_lengths_that_are_no_numbers_never_reach_the_app(gateway: GatewayThread, length: str) -> None:
    assert raw(gateway, head(MASTER, f"Content-Length: {length}")).status == 400


def test_two_lengths_at_once_never_reach_the_app(gateway: GatewayThread) -> None:
    for second in ("Transfer-Encoding: chunked", "Content-Length: 6"):
        assert raw(gateway, head(MASTER, "Content-Length: 5", second) + b"hello").status == 400


def test_a_length_shorter_than_the_body_cuts_it(gateway: GatewayThread) -> None:
    body = json.dumps(HELLO).encode()
    assert raw(gateway, head(MASTER, "Content-Length: 10") + body).status == 400


def chunks(total: int, piece: int = 64 * 1024) -> Iterator[bytes]:
    for _ in range(total // piece):
        yield b"a" * piece


def test_chunked_bodies_are_counted(gateway: GatewayThread, fleet: FleetThread) -> None:
    def parts() -> Iterator[bytes]:
        yield from (json.dumps(HELLO).encode()[at : at + 7] for at in range(0, 200, 7))

    with gateway.http() as client:
        assert client.post(CHAT, content=parts()).status_code == 200
        refused(client.post(CHAT, content=chunks(34 * MB)), 413, "request_too_large")
        refused(client.post(CHAT, content=chunks(3 * MB)), 413, "request_too_large")


def zipped(gateway: GatewayThread, data: bytes, encoding: str = "gzip") -> httpx.Response:
    with gateway.http(headers={"content-encoding": encoding}) as client:
        return client.post(CHAT, content=data)


def test_gzip_is_read(gateway: GatewayThread, fleet: FleetThread) -> None:
    answer = zipped(gateway, gzip.compress(json.dumps(HELLO).encode()))
    assert answer.json()["choices"][0]["message"]["content"] == "hello there"
    refused(zipped(gateway, gzip.compress(of_size(2 * MB))), 404, "model_not_found", "model")


def test_gzip_bombs_and_ruins(gateway: GatewayThread, fleet: FleetThread) -> None:
    good = gzip.compress(json.dumps(HELLO).encode())
    refused(zipped(gateway, gzip.compress(of_size(2 * MB + 1))), 413, "request_too_large")
    refused(zipped(gateway, gzip.compress(b"\0" * 300 * MB)), 413, "request_too_large")
    refused(zipped(gateway, good + b"\0" * MB), 400, "invalid_encoding")
    refused(zipped(gateway, good + good), 400, "invalid_encoding")
    refused(zipped(gateway, good[:-6]), 400, "invalid_encoding")
    refused(zipped(gateway, b"no gzip at all"), 400, "invalid_encoding")
    for encoding in ("br", "deflate", "gzip, gzip", "zstd"):
        refused(zipped(gateway, zlib.compress(b"{}"), encoding), 400, "invalid_encoding")
    assert fleet.ended == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"{", b"nul", b"[]", b'"text"', b"3", b"null", b"true", b'{"model": "echo",}', b"{'model': 1}",
        b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b'{"\\udfff": 1}',
        b'{"a": "\xff"}', b'{"a": 01}', b'{"a": +1}', b'{"a": "\x01"}', b"{} {}", b"\xef\xbb\xbf{}", b"model=echo",
        '{"a": 1}'.encode("utf-16"), b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
)  # fmt: skip
def test_what_is_no_json_object(gateway: GatewayThread, fleet: FleetThread, body: bytes) -> None:
    with gateway.http() as client:
        for path in (CHAT, "/v1/embeddings"):
            refused(client.post(path, content=body), 400, "invalid_json")
    assert fleet.ended == []


def nested(levels: int) -> Any:
    value: Any = "x"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_depth(gateway: GatewayThread, fleet: FleetThread) -> None:
    with gateway.http() as client:
        assert client.post(CHAT, json={**HELLO, "extra": nested(31)}).status_code == 200
        refused(client.post(CHAT, json={**HELLO, "extra": nested(32)}), 400, "invalid_json")


def test_the_last_of_two_equal_members_counts_everywhere(gateway: GatewayThread, fleet: FleetThread) -> None:
    key = gateway.key(models=["claude-echo"])
    body = b'{"model": "claude-echo", "messages": [{"role": "user", "content": "x"}], "model": "echo"}'
    with gateway.http(key) as client:
        refused(client.post(CHAT, content=body), 403, "model_not_allowed", "model")
    assert fleet.ended == []


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=x"])
def test_the_content_type_decides_nothing(gateway: GatewayThread, fleet: FleetThread, kind: str) -> None:
    with gateway.http(headers={"content-type": kind}) as client:
        assert client.post(CHAT, content=json.dumps(HELLO)).status_code == 200


def test_numbers_of_any_size_do_no_harm(gateway: GatewayThread, fleet: FleetThread) -> None:
    huge = "9" * 400
    with gateway.http() as client:
        for name in ("seed", "max_tokens", "n", "temperature", "unknown"):
            body = json.dumps(HELLO)[:-1] + f', "{name}": {huge}}}'
            assert client.post(CHAT, content=body).status_code in {200, 400}, name


def test_too_many_messages(gateway: GatewayThread, fleet: FleetThread) -> None:
    message = {"role": "user", "content": "x"}
    with gateway.http() as client:
        refused(
            client.post(CHAT, json={"model": "echo", "messages": [message] * 1001}), 400, "invalid_value", "messages"
        )
        assert client.post(CHAT, json={"model": "echo", "messages": [message] * 1000}).status_code == 200


def test_headers_that_are_too_large(gateway: GatewayThread) -> None:
    with gateway.http(headers={"x-padding": "x" * 17_000}) as client:
        refused(client.get("/v1/me"), 431, "request_too_large")
    with gateway.http(headers={"x-padding": "x" * 12_000}) as client:
        assert client.get("/v1/me").status_code == 200


def test_a_body_that_never_ends_is_given_up(gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.2)
    answer = raw(gateway, head(MASTER, "Content-Length: 100") + b"{")
    assert answer.status == 408
    assert json.loads(answer.body)["error"]["code"] == "request_timeout"  # type: ignore[attr-defined]


@pytest.fixture
def bounded(running_fleet: FleetThread, tmp_path: Path) -> Iterator[GatewayThread]:
    server = {"max_body_mb": 0.001, "max_media_body_mb": 0.002, "max_depth": 4, "max_messages": 2}
    with GatewayThread(tmp_path, running_fleet, server=server) as running:
        yield running


def test_bounds_are_the_admins(bounded: GatewayThread, fleet: FleetThread) -> None:
    with bounded.http() as client:
        assert client.post(CHAT, json=HELLO).status_code == 200
        refused(client.post(CHAT, content=of_size(1001)), 413, "request_too_large")
        refused(client.post(CHAT, content=of_size(1900, ";base64,")), 404, "model_not_found", "model")
        refused(client.post(CHAT, content=of_size(2001, ";base64,")), 413, "request_too_large")
        refused(client.post(CHAT, json={**HELLO, "extra": nested(4)}), 400, "invalid_json")
        three = {"model": "echo", "messages": HELLO["messages"] * 3}
        refused(client.post(CHAT, json=three), 400, "invalid_value", "messages")
