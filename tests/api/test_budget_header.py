"""`x-atelier-budget-remaining`: what is not spent, after a whole answer and before a stream; only where there is a limit."""

from __future__ import annotations

from decimal import Decimal

from tests.harness import FleetThread, GatewayThread


def ask(gateway: GatewayThread, key: str, *, stream: bool) -> str | None:
    body = {"model": "gpt", "stream": stream, "max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]}
    with gateway.http(key) as http:
        answer = http.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers.get("x-atelier-budget-remaining")


def test_the_header_says_what_is_left_of_the_budget(gateway: GatewayThread, fleet: FleetThread) -> None:
    key = gateway.key(max_budget=1)
    assert ask(gateway, key, stream=True) == "1"
    left = Decimal(ask(gateway, key, stream=False) or 0)
    assert Decimal("0.99") < left < 1
    with gateway.http(key) as http:
        assert Decimal(http.get("/v1/me").json()["spend"]["left"]) == left


def test_a_key_without_a_limit_has_no_such_header(gateway: GatewayThread, fleet: FleetThread) -> None:
    assert ask(gateway, gateway.key(), stream=False) is None
