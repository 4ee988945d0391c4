"""Connections that misbehave before, around and after a request are closed, and nobody else notices."""

from __future__ import annotations

import http.client
import json
import logging
import re
import socket
import time
from collections.abc import Iterator

import pytest

from gateway import protocol
from tests.api.shapes import HELLO
from tests.harness import MASTER, FleetThread, GatewayThread

REQUEST_ID = re.compile(r"req_[0-9a-f]{24}")


@pytest.fixture
def connection(gateway: GatewayThread) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as made:
        yield made


def answer(connection: socket.socket) -> tuple[int, dict[str, str]]:
    """One answer's status and headers, its body read."""
    found = http.client.HTTPResponse(connection)
    found.begin()
    body = found.read()
    assert found.status < 400 or {"message", "type", "param", "code"} <= set(json.loads(body)["error"])
    return found.status, {name.lower(): value for name, value in found.getheaders()}


def closed(connection: socket.socket) -> bool:
    """Whether the other end closes it, after whatever it still sends."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("sent", [b"", b"GET", b"GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_headers_that_never_end_are_given_up(
    gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEADER_PATIENCE", 0.1)
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(sent)
        assert closed(connection)


def test_a_second_request_whose_headers_never_end_is_given_up(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer(connection)[0] == 200
    monkeypatch.setattr(protocol, "HEADER_PATIENCE", 0.1)
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHo")
    assert closed(connection)


def test_an_idle_connection_stays_open_between_requests(
    gateway: GatewayThread, connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADER_PATIENCE", 0.05)
    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer(connection)[0] == 200
    connection.settimeout(0.3)
    with pytest.raises(TimeoutError):
        connection.recv(1)


def test_endless_headers_are_refused(connection: socket.socket) -> None:
    connection.sendall(b"GET /v1/me HTTP/1.1\r\nHost: x\r\n")
    line = b"X-Filler: " + b"a" * 8_000 + b"\r\n"
    status = 0
    for _ in range(200):
        try:
            connection.sendall(line)
        except ConnectionError:
            break
    try:
        status, _ = answer(connection)
    except ConnectionResetError:
        status = 431  # the refusal was lost to the reset that followed it
    assert status == 431


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00", b"HELO mail\r\n\r\n", b"GET /\xff\x00 HTTP/1.1\r\n\r\n"])
def test_what_is_no_http_is_refused_in_shape(connection: socket.socket, sent: bytes) -> None:
    connection.sendall(sent)
    status, headers = answer(connection)
    assert status == 400
    assert REQUEST_ID.fullmatch(headers["x-request-id"])
    assert closed(connection)


def test_a_body_that_goes_on_after_the_answer_is_cut(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MOST_LEFTOVER", 1_000_000)
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n")
    assert answer(connection)[0] == 401
    with pytest.raises(ConnectionError):
        for _ in range(1_000):
            connection.sendall(b"a" * 65_536)


def test_a_body_that_drips_after_the_answer_is_cut(connection: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LEFTOVER_PATIENCE", 0.1)
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\na")
    assert answer(connection)[0] == 401
    assert closed(connection)


def test_the_rest_of_a_refused_body_does_not_disturb_the_next_request(connection: socket.socket) -> None:
    body = b"GET /nowhere HTTP/1.1\r\n\r\n" * 40_000
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode())
    assert answer(connection)[0] == 401
    connection.sendall(body)
    connection.sendall(f"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MASTER}\r\n\r\n".encode())
    assert answer(connection)[0] == 200


def test_a_slow_upload_has_time(connection: socket.socket, fleet: FleetThread) -> None:
    body = json.dumps(HELLO).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MASTER}\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
    for byte in body:
        connection.sendall(bytes([byte]))
    assert answer(connection)[0] == 200


def test_requests_have_no_second_log_line(
    gateway: GatewayThread, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = logging.getLogger("uvicorn.access")
    monkeypatch.setattr(access, "propagate", True)
    with caplog.at_level(logging.INFO), gateway.http() as client:
        assert client.get("/v1/me?key=sk-secret").status_code == 200
    assert [record for record in caplog.records if record.name == "uvicorn.access"] == []


def test_many_idle_and_dripping_connections_stop_nobody(gateway: GatewayThread, fleet: FleetThread) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nAuthorization: Bearer "
    slow = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(200)]
    try:
        for number, each in enumerate(slow):
            each.sendall(head + (MASTER.encode() + b"\r\n\r\n{" if number % 2 else b""))
        started = time.monotonic()
        with gateway.http() as client:
            for _ in range(20):
                assert client.post("/v1/chat/completions", json=HELLO).status_code == 200
        assert time.monotonic() - started < 20
    finally:
        for each in slow:
            each.close()
