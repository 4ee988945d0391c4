"""05, 09, 10, 11, 12: credentials, cache, cost, bounds and a large file, each asked a few requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness import FleetThread
from tests.litellm_files.conftest import FileGateway, Pair


@pytest.fixture
def serve(tmp_path: Path, fleet: FleetThread) -> Iterator[Callable[[str], Pair]]:
    with ExitStack() as stack:

        def serving(name: str) -> Pair:
            gateway = stack.enter_context(FileGateway(tmp_path, fleet, name))
            return Pair(gateway, fleet, name)

        yield serving


def test_a_lent_credential_reaches_its_deployment(serve: Callable[[str], Pair]) -> None:
    pair = serve("05")

    assert pair.ours("writer") == ["writer-direct"]
    served = pair.gateway.gateway.services.deployments
    assert {each.api_key for each in served if each.provider == "azure"} == {"sk-azure-0123456789"}
    assert [each.deployment.group for each in pair.gateway.gateway.services.no_key] == ["cloud"]


def test_equal_requests_are_answered_from_the_cache(serve: Callable[[str], Pair]) -> None:
    pair = serve("09")
    key = pair.gateway.key(team_id=None)
    with pair.gateway.http(key) as http:
        body = {
            "model": "cached",
            "messages": [{"role": "user", "content": "the same"}],
            "max_tokens": 4000,
            "temperature": 0,
        }
        answers = [http.post("/v1/chat/completions", json=body) for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].headers["x-atelier-cache"] == "hit"


def test_usage_based_routing_goes_where_less_was_used(serve: Callable[[str], Pair]) -> None:
    pair = serve("09")
    asked = [pair.ours("cached", messages=[{"role": "user", "content": f"number {n}"}]) for n in range(4)]

    assert sorted(name for names in asked for name in names) == ["cached-one"] * 2 + ["cached-two"] * 2


def test_a_watched_request_costs_what_the_file_says(serve: Callable[[str], Pair]) -> None:
    pair = serve("10")

    assert pair.ours("watched") == ["watched-model"]
    usage = pair.answer.json()["usage"]
    cost = (usage["prompt_tokens"] + 2 * usage["completion_tokens"]) / 1_000_000
    assert float(pair.answer.headers["x-atelier-cost"]) == pytest.approx(cost)


def test_included_models_and_variables_of_the_file_serve(serve: Callable[[str], Pair]) -> None:
    pair = serve("11")

    assert pair.ours("house") == ["llama-house"]
    assert pair.ours("least") in (["least-one"], ["least-two"])
    assert pair.ours("least", {"least-one": "500", "least-two": "500"}) in (
        ["least-one", "least-two"], ["least-two", "least-one"],
    )  # fmt: skip


def test_a_large_file_serves_what_is_served_and_says_what_is_not(serve: Callable[[str], Pair]) -> None:
    pair = serve("12")

    assert pair.ours("gpt-6-luna") == ["gpt-6-luna"]
    failing = pair.ours("gpt-6-astra", {"gpt-6-astra": "401"})
    assert failing[-1] == "claude-sonnet-5-5"
    for name in ("pictures", "picks-itself", "asleep"):
        assert pair.ours(name) == []
        assert pair.answer.status_code == 404, name
