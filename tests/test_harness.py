"""The harness itself: both kinds of gateway answer, through the same fleet."""

from __future__ import annotations

from typing import Any

from tests.harness import FleetThread, GatewayProcess, GatewayThread, GatewayUnderTest

HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "hello there"}]}


def ask(gateway: GatewayUnderTest, fleet: FleetThread) -> None:
    with gateway.http(gateway.key(max_budget=1.0)) as http:
        answer = http.post("/v1/chat/completions", json=HELLO)
    assert answer.json()["choices"][0]["message"]["content"] == "hello there", answer.text
    [record] = fleet.settled(1)
    assert (record.wire, record.model, record.outcome) == ("openai", "echo", "completed")
    assert "x-atelier-simulated" not in answer.headers


def test_a_gateway_in_this_process_answers(gateway: GatewayThread, fleet: FleetThread) -> None:
    ask(gateway, fleet)
    assert not gateway.gateway.services.simulated


def test_a_gateway_process_answers_and_stops_cleanly(gateway_process: GatewayProcess, fleet: FleetThread) -> None:
    ask(gateway_process, fleet)
    gateway_process.kill()
    fleet.reset()
    gateway_process.restart()
    ask(gateway_process, fleet)
