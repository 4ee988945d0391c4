"""`budgets` of config.yaml over HTTP: the whole gateway's is never overrun, a provider's is left out, new accounts get theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.ledger.scopes import TOTAL
from tests.harness import FleetThread, GatewayThread, Stores, config_of, deployment, wait_until

WORDS = {"messages": [{"role": "user", "content": "one two three"}], "max_tokens": 10}


def ask(gateway: GatewayThread, key: str, model: str = "echo") -> httpx.Response:
    with gateway.http(key) as http:
        return http.post("/v1/chat/completions", json={"model": model, **WORDS})


def spent(gateway: GatewayThread) -> tuple[int | None, int, int]:
    """Limit, spent and held of the whole gateway."""
    (balance,) = gateway.run(gateway.gateway.services.ledger.balances([TOTAL]))
    return balance.limit, balance.spent, balance.held


@pytest.fixture(params=["embedded", "scaled"])
def start(
    request: pytest.FixtureRequest, tmp_path: Path, running_fleet: FleetThread
) -> Iterator[Callable[..., GatewayThread]]:
    """Starts a gateway with these budgets, on each set-up."""
    stores: Stores | None = request.getfixturevalue("empty_stores")() if request.param == "scaled" else None
    running: list[GatewayThread] = []

    def make(**sections: Any) -> GatewayThread:
        gateway = GatewayThread(tmp_path, running_fleet, stores, **sections)
        gateway.start()
        running.append(gateway)
        return gateway

    yield make
    for gateway in running:
        gateway.stop()


def test_all_keys_together_never_overrun_the_total(start: Callable[..., GatewayThread]) -> None:
    gateway = start(budgets={"total": {"limit": 0.0004, "days": 1}})
    keys = [gateway.key(key_alias=f"k{number}") for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: ask(gateway, keys[number % 4]), range(60)))
    codes = {answer.status_code for answer in answers}
    assert codes == {200, 429}
    limit, total, held = spent(gateway)
    assert (limit, held) == (400_000, 0)
    assert 0 < total <= 400_000
    refused = next(answer for answer in reversed(answers) if answer.status_code == 429).json()["error"]
    assert refused["budget"]["scope"] == TOTAL
    assert not {"limit", "spent", "held"} & set(refused["budget"])
    assert ask(gateway, gateway.master).status_code == 429


def test_admins_see_what_is_left_of_the_total_and_of_providers_budgets(start: Callable[..., GatewayThread]) -> None:
    gateway = start(budgets={"total": {"limit": 0.0004, "days": 1}, "providers": {"openai": {"limit": 1}}})
    key = gateway.key()

    def budgets(by: str) -> list[dict[str, Any]] | None:
        with gateway.http(by) as http:
            found: list[dict[str, Any]] | None = http.get("/v1/status").json().get("budgets")
        return found

    total, provider = budgets(gateway.master) or []
    assert (total["scope"], total["budget_nano"], total["used_up"]) == (TOTAL, 400_000, False)
    assert total["spend"]["left_nano"] == 400_000
    assert total["spend"]["resets_at"] is not None
    assert (provider["scope"], provider["budget"], provider["spend"]["resets_at"]) == ("provider:openai", "1", None)
    wait_until(lambda: ask(gateway, key).status_code == 429, "the total's refusal", timeout=20)
    total, provider = budgets(gateway.master) or []
    assert total["used_up"]
    assert 200_000 < total["spend"]["spent_nano"] <= 400_000
    assert provider["spend"]["spent_nano"] == total["spend"]["spent_nano"]
    assert budgets(key) is None


def test_a_reload_sets_and_takes_away_the_total(
    start: Callable[..., GatewayThread], running_fleet: FleetThread
) -> None:
    gateway = start()
    key = gateway.key()
    assert ask(gateway, key).status_code == 200
    assert spent(gateway) == (None, 0, 0)

    def reload(**sections: Any) -> None:
        gateway.config_file.write_text(json.dumps(config_of(running_fleet, **sections)))
        gateway.run(gateway.gateway.services.reloader.reload("test"))

    reload(budgets={"total": {"limit": 0.000001}})
    wait_until(lambda: ask(gateway, key).status_code == 429, "the total's refusal", timeout=5)
    error = ask(gateway, key).json()["error"]
    assert error["code"] == "insufficient_quota"
    assert "The budget of the whole gateway" in error["message"]
    reload(budgets={"total": {"limit": 1}})
    wait_until(lambda: ask(gateway, key).status_code == 200, "the higher total", timeout=5)
    reload(budgets={"total": {"limit": 0.000001}})
    wait_until(lambda: ask(gateway, key).status_code == 429, "the lower total", timeout=5)
    reload()
    assert ask(gateway, key).status_code == 200


def test_a_provider_or_deployment_that_has_spent_its_budget_is_left_out(
    start: Callable[..., GatewayThread], running_fleet: FleetThread
) -> None:
    pair = [
        deployment("two", "openai/echo", running_fleet.urls),
        deployment("two", "anthropic/echo", running_fleet.urls),
    ]
    alone = deployment("alone", "gemini/echo", running_fleet.urls)
    alone["litellm_params"] |= {"max_budget": 0.000001, "budget_duration": "1d"}
    models = {"model_list": [*pair, alone]}
    sections = {"routing": {"policy": "priority"}, **models}
    gateway = start(budgets={"providers": {"openai": {"limit": 0.000001, "days": 1}}}, **sections)
    key = gateway.key()
    first = ask(gateway, key, "two")
    assert first.headers["x-atelier-deployment"].startswith("two/openai")
    wait_until(
        lambda: ask(gateway, key, "two").headers["x-atelier-deployment"].startswith("two/anthropic"),
        "the other provider",
        timeout=10,
    )
    assert ask(gateway, key, "alone").status_code == 200
    wait_until(lambda: ask(gateway, key, "alone").status_code == 429, "a group whose budgets are spent", timeout=10)
    assert "budgets of the deployments of 'alone' are spent" in ask(gateway, key, "alone").json()["error"]["message"]


def test_what_is_made_without_a_budget_gets_one(start: Callable[..., GatewayThread]) -> None:
    budgets = {"new_keys": {"limit": 5, "days": 30}, "new_users": {"limit": 6}, "new_teams": {"limit": 7, "days": 1}}
    gateway = start(budgets=budgets)
    with gateway.http() as http:
        key = http.post("/key/generate", json={"user_id": "ida", "team_id": "red", "max_budget": None}).json()
        own = http.post("/admin/keys", json={"name": "own", "budget": 1}).json()
        team = http.get("/admin/teams/red").json()
        user = http.get("/admin/users/ida").json()
        made = http.post("/admin/keys", json={"name": "made"}).json()
    assert (key["max_budget"], key["budget_duration"]) == (5.0, "30d")
    assert (made["budget"], made["budget_window"]) == ("5", "30d")
    assert own["budget"] == "1"
    assert (team["budget"], team["budget_window"]) == ("7", "1d")
    assert (user["budget"], user["budget_window"]) == ("6", None)
