"""A client that leaves, at each point where it can: the provider is let go within a second, the books have one record."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from gateway.fleet import Pacing, Settings
from tests.faults.audit import read
from tests.harness import FleetThread, GatewayProcess

WIRES = ("gpt", "claude", "gemini")
SLOW = Pacing(ttft=0.3, tokens_per_second=50)


@pytest.fixture(scope="module")
def slow_fleet() -> Iterator[FleetThread]:
    fleet = FleetThread(Settings(pacing=SLOW))
    yield fleet
    fleet.close()


@pytest.fixture(scope="module")
def served(slow_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("cuts"), slow_fleet) as running:
        with running.http(running.key()) as http:  # a provider's first request is slower than a client here is patient
            for model in WIRES:
                assert http.post("/v1/chat/completions", json={**body(model, stream=False), "max_tokens": 1}).is_success
        yield running


def body(model: str, *, stream: bool) -> dict[str, object]:
    text = "Tell me about lighthouses in 120 words."
    extra = {"stream_options": {"include_usage": True}} if stream else {}
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": text}], **extra}


def before_headers(http: httpx.Client, model: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/chat/completions", json=body(model, stream=True), timeout=0.15)


def in_a_whole_answer(http: httpx.Client, model: str) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post("/v1/chat/completions", json=body(model, stream=False), timeout=0.6)


def at_the_first_token(http: httpx.Client, model: str) -> None:
    with http.stream("POST", "/v1/chat/completions", json=body(model, stream=True)) as answer:
        next(answer.iter_raw())


def mid_stream(http: httpx.Client, model: str) -> None:
    with http.stream("POST", "/v1/chat/completions", json=body(model, stream=True)) as answer:
        for number, _ in enumerate(answer.iter_raw()):
            if number == 15:
                return


def after_the_last_token(http: httpx.Client, model: str) -> None:
    with http.stream("POST", "/v1/chat/completions", json=body(model, stream=True)) as answer:
        for piece in answer.iter_raw():
            if b'"finish_reason":"stop"' in piece:
                return


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    "leave", [before_headers, at_the_first_token, mid_stream, after_the_last_token, in_a_whole_answer]
)
def test_the_provider_is_let_go_within_a_second(
    served: GatewayProcess, slow_fleet: FleetThread, leave: Callable[[httpx.Client, str], None], model: str
) -> None:
    slow_fleet.reset()
    slow_fleet.configure(pacing=SLOW)
    key = served.key(max_budget=5)
    with served.http(key) as http:
        leave(http, model)
    left = time.time()
    (record,) = slow_fleet.settled(1)
    assert record.ended_at is not None
    assert record.ended_at - left < 1.0
    assert record.disconnected_at is not None or leave is after_the_last_token
    request_id = str(record.client_request_id).partition(":")[0]
    status = settled_status(served, request_id)
    assert status in ({"cancelled", "completed"} if leave is after_the_last_token else {"cancelled"})
    books = read(served.data_dir)
    assert [attempt for attempt in books.lines if attempt[0] == request_id] == [(request_id, 1)]
    compare_all(served, slow_fleet)


def settled_status(served: GatewayProcess, request_id: str) -> str | None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        status = read(served.data_dir).requests.get(request_id)
        if status is not None:
            return status
        time.sleep(0.02)
    return None


def compare_all(served: GatewayProcess, fleet: FleetThread) -> None:
    ended = {str(record.client_request_id).partition(":")[0] for record in fleet.ended}
    books = read(served.data_dir)
    for attempt, line in books.lines.items():
        if attempt[0] in ended:
            (record,) = [r for r in fleet.ended if str(r.client_request_id) == f"{attempt[0]}:{attempt[1]}"]
            assert line["output_tokens"] >= record.billed.output


def test_a_client_that_resets_its_connection_is_noticed_like_one_that_closes_it(
    served: GatewayProcess, slow_fleet: FleetThread
) -> None:
    slow_fleet.reset()
    slow_fleet.configure(pacing=SLOW)
    key = served.key(max_budget=5)
    content = (
        b'{"model":"gpt","stream":true,"messages":[{"role":"user","content":"Tell me about rivers in 90 words."}]}'
    )
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as client:
        client.sendall(head.encode() + content)
        client.recv(2000)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    (record,) = slow_fleet.settled(1)
    assert record.outcome == "client_disconnected"


def test_a_cancelled_generation_is_charged_for_what_was_made_and_told_so(
    served: GatewayProcess, slow_fleet: FleetThread
) -> None:
    slow_fleet.reset()
    slow_fleet.configure(pacing=SLOW)
    key = served.key(max_budget=5)
    with served.http(key) as http, http.stream("POST", "/v1/chat/completions", json=body("gpt", stream=True)) as answer:
        pieces = answer.iter_raw()
        for _ in range(5):
            next(pieces)
        generation = answer.headers["x-atelier-generation-id"]
        with served.http(key) as other:
            stopped = other.post(f"/v1/generations/{generation}/cancel")
            assert stopped.status_code == 200, stopped.text
            again = other.post(f"/v1/generations/{generation}/cancel")
            assert again.json()["status"] == "cancelled"
        rest = b"".join(pieces)
    assert b'"cancelled"' in rest
    assert stopped.json()["status"] == "cancelled"
    assert stopped.json()["cost_nano"] > 0


def test_another_tenants_generation_can_neither_be_seen_nor_stopped(served: GatewayProcess) -> None:
    key, stranger = served.key(user_id="ann"), served.key(user_id="bob")
    with served.http(key) as http:
        done = http.post("/v1/chat/completions", json={**body("gpt", stream=False), "max_tokens": 5})
    generation = done.headers["x-atelier-generation-id"]
    with served.http(stranger) as http:
        seen = http.get(f"/v1/generations/{generation}")
        stopped = http.post(f"/v1/generations/{generation}/cancel")
        unknown = http.get("/v1/generations/gen-0")
    assert seen.status_code == stopped.status_code == unknown.status_code == 404
    assert seen.json()["error"]["code"] == unknown.json()["error"]["code"] == "not_found"
