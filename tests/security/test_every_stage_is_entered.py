"""S21: no route, method or stream flag gets an answer past a stage; every entered stage is exited once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.stages import ORDER
from gateway.types import Call, Outcome
from tests.harness import FleetThread, GatewayThread, wait_until

HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
TEMPLATE = {"model": "echo", "messages": [], "prompt": {"id": "summary", "variables": {"text": "Bread needs time."}}}
VECTORS = {"model": "embed", "input": "hello"}
REQUESTS = [
    *[(path, {**body, "stream": stream}) for path in ("/v1/chat/completions", "/chat/completions")
      for body in (HELLO, TEMPLATE) for stream in (False, True)],
    *[(path, body) for path in ("/v1/embeddings", "/embeddings") for body in (VECTORS, {**VECTORS, "stream": True})],
]  # fmt: skip


class Spy:
    """Stands before a stage and writes down what happens to it."""

    def __init__(self, name: str, stage: Any, seen: list[tuple[str, str]]) -> None:
        self.name, self.stage, self.seen = name, stage, seen

    async def enter(self, call: Call) -> None:
        await self.stage.enter(call)
        self.seen.append(("enter", self.name))

    async def exit(self, call: Call, outcome: Outcome) -> None:
        self.seen.append(("exit", self.name))
        await self.stage.exit(call, outcome)


@pytest.fixture(scope="module")
def cached(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    with GatewayThread(tmp_path_factory.mktemp("stages"), running_fleet, cache={"enabled": True}) as running:
        yield running


@pytest.fixture
def seen(cached: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    pipeline = cached.gateway.services.generations._pipeline
    assert len(pipeline.stages) == len(ORDER)
    found: list[tuple[str, str]] = []
    spies = tuple(Spy(name, stage, found) for name, stage in zip(ORDER, pipeline.stages, strict=True))
    monkeypatch.setattr(pipeline, "stages", spies)
    return found


def walk(last: str) -> list[tuple[str, str]]:
    entered = ORDER[: ORDER.index(last) + 1]
    return [("enter", name) for name in entered] + [("exit", name) for name in reversed(entered)]


@pytest.mark.parametrize(("path", "body"), REQUESTS)
def test_every_stage_is_entered_and_exited(
    cached: GatewayThread, fleet: FleetThread, seen: list[tuple[str, str]], path: str, body: dict[str, Any]
) -> None:
    with cached.http(headers={"x-atelier-cache": "off"}) as http:
        answer = http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    wait_until(lambda: len(seen) == 2 * len(ORDER), "the last exit")
    assert seen == walk("call")


@pytest.mark.parametrize("stream", [False, True])
def test_a_hit_of_the_cache_has_passed_everything_before_it(
    cached: GatewayThread, fleet: FleetThread, seen: list[tuple[str, str]], stream: bool
) -> None:
    body = {**HELLO, "messages": [{"role": "user", "content": f"remember this {stream}"}]}
    with cached.http() as http:
        http.post("/v1/chat/completions", json=body)
        wait_until(lambda: len(seen) == 2 * len(ORDER), "the last exit")
        seen.clear()
        answer = http.post("/v1/chat/completions", json={**body, "stream": stream})
    assert answer.headers["x-atelier-cache"] == "hit"
    assert len(fleet.settled(1)) == 1
    wait_until(lambda: len(seen) == 12, "the last exit")
    assert seen == walk("cache")


@pytest.mark.parametrize(
    ("body", "before"),
    [
        ({"model": 3}, "admit"),
        ({"model": "echo", "messages": [], "prompt": {"id": "nowhere"}}, "prompt"),
        ({"model": "nowhere", "messages": [{"role": "user", "content": "x"}]}, "route"),
    ],
)
def test_a_refusal_exits_what_was_entered(
    cached: GatewayThread, fleet: FleetThread, seen: list[tuple[str, str]], body: dict[str, Any], before: str
) -> None:
    with cached.http() as http:
        assert http.post("/v1/chat/completions", json=body).status_code >= 400
    entered = ORDER[ORDER.index(before) - 1]
    wait_until(lambda: len(seen) == 2 * ORDER.index(before), "the last exit")
    assert seen == walk(entered)
    assert fleet.ended == []
