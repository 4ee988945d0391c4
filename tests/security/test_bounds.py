"""S14: what is too much is cut off early, costs little memory, and holds nobody up."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness import MASTER, FleetThread, GatewayProcess

CHAT = "/v1/chat/completions"
MB = 1_000_000
FIVE_GB = 5_000 * MB
PIECE = b"10000\r\n" + b"a" * 65_536 + b"\r\n"  # one chunk
HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
MOST_GROWTH = 50 * MB


def upload(gateway: GatewayProcess, key: str, declared: str) -> tuple[int, int]:
    """Try to send 5 GB. What was sent until the connection was cut, and the status that came."""
    sent = status = 0
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{declared}\r\n\r\n"
        connection.sendall(head.encode())
        try:
            while sent < FIVE_GB:
                connection.sendall(PIECE)
                sent += len(PIECE)
                if not status and answered(connection):
                    status = status_of(connection)
        except ConnectionError:
            pass
    return sent, status


def answered(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(30)


def status_of(connection: socket.socket) -> int:
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def resident(gateway: GatewayProcess) -> tuple[int, int]:
    """Bytes in memory now, and at most since the last `forget_peak`."""
    assert gateway.process is not None
    lines = Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines()
    found = {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in lines)
        if "kB" in value
    }
    return found["VmRSS"], found["VmHWM"]


def forget_peak(gateway: GatewayProcess) -> None:
    assert gateway.process is not None
    Path(f"/proc/{gateway.process.pid}/clear_refs").write_text("5")


@pytest.fixture(scope="module")
def warmed(gateway_process: GatewayProcess) -> GatewayProcess:
    """Has served a few requests as large as they may be, so that its heap has its usual size."""
    with gateway_process.http() as http_client:
        assert http_client.post(CHAT, json=HELLO).status_code == 200
        largest = {"model": "nowhere", "messages": [{"role": "user", "content": ";base64," + "a" * (31 * MB)}]}
        for _ in range(3):
            assert http_client.post(CHAT, json=largest).status_code == 404
    return gateway_process


@pytest.fixture
def warm(warmed: GatewayProcess) -> GatewayProcess:
    forget_peak(warmed)
    return warmed


@pytest.mark.parametrize("declared", ["Transfer-Encoding: chunked", f"Content-Length: {FIVE_GB}"])
@pytest.mark.parametrize(("key", "status"), [(MASTER, 413), ("sk-atl-wrong", 401)])
def test_five_gigabytes_are_cut_off(warm: GatewayProcess, key: str, status: int, declared: str) -> None:
    before, _ = resident(warm)
    sent, seen = upload(warm, key, declared)
    _, peak = resident(warm)
    assert seen == status
    assert sent < 200 * MB
    assert peak - before < MOST_GROWTH, (before, peak)


def test_bombs_and_depth_cost_little(warm: GatewayProcess) -> None:
    bomb = gzip.compress(b"\0" * (400 * MB), 1)
    before, _ = resident(warm)
    with warm.http() as http_client:
        for _ in range(3):
            answer = http_client.post(CHAT, content=bomb, headers={"content-encoding": "gzip"})
            assert answer.status_code == 413
        for opening in (b"[", b'{"a":'):
            answer = http_client.post(CHAT, content=opening * 200_000)
            assert answer.status_code == 400
        for _ in range(5):
            answer = http_client.post(CHAT, json={**HELLO, "messages": [{}] * 100_000})
            assert answer.status_code == 400
    _, peak = resident(warm)
    assert peak - before < MOST_GROWTH, (before, peak)


def test_two_hundred_slow_clients_stop_nobody(warm: GatewayProcess, fleet: FleetThread) -> None:
    begun = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\nAuthorization: Bearer {MASTER}\r\n"
    before, _ = resident(warm)
    slow = [socket.create_connection(("127.0.0.1", warm.port), timeout=10) for _ in range(200)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(begun.encode() + (b"\r\n{" if number % 2 else b""))
        with warm.http() as http_client:
            for _ in range(10):
                assert http_client.post(CHAT, json=HELLO).status_code == 200
                for connection in slow[::2]:
                    connection.sendall(b"X")
            assert http_client.get("/health/ready").status_code == 200
    finally:
        for connection in slow:
            connection.close()
    _, peak = resident(warm)
    assert peak - before < MOST_GROWTH, (before, peak)


def test_after_all_of_it_the_gateway_is_as_before(warm: GatewayProcess, fleet: FleetThread) -> None:
    with warm.http() as http_client:
        answers = [http_client.post(CHAT, json=HELLO) for _ in range(5)]
    assert all(json.loads(answer.content)["choices"] for answer in answers)
    assert "Traceback" not in warm.log()
    assert "task_failed" not in warm.log()
    deadline = time.monotonic() + 10
    while open_files(warm) > 60 and time.monotonic() < deadline:
        httpx.get(f"{warm.url}/health/live", verify=False, trust_env=False)
    assert open_files(warm) <= 60


def open_files(gateway: GatewayProcess) -> int:
    assert gateway.process is not None
    return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))
