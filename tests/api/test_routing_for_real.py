"""Routing as a client meets it: wildcards, tags, minutes that are full, and fallbacks for single faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.harness import PRICE, PROVIDER_KEY, GatewayThread, config_of
from tests.loops import FleetThread

pytestmark = pytest.mark.usefixtures("fleet")  # without what another test asked it for


def entry(
    group: str, model: str, fleet: FleetThread, info: dict[str, Any] | None = None, **params: Any
) -> dict[str, Any]:
    found = {"model": model, "api_base": fleet.urls["openai"], "api_key": PROVIDER_KEY, **params}
    return {"model_name": group, "litellm_params": found, "model_info": info or {}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, running_fleet: FleetThread) -> Iterator[GatewayThread]:
    fleet = running_fleet
    own = [
        entry("wild/*", "openai/*", fleet),
        entry("priced/*", "openai/*", fleet, **PRICE),
        entry("tiers", "openai/free", fleet, {"id": "free"}, tags=["free"], **PRICE),
        entry("tiers", "openai/paid", fleet, {"id": "paid"}, tags=["paid"], **PRICE),
        entry("minute", "openai/m1", fleet, {"id": "m1"}, rpm=1, order=1, **PRICE),
        entry("minute", "openai/m2", fleet, {"id": "m2"}, rpm=1, order=2, **PRICE),
        entry("short", "openai/short", fleet, {"id": "short", "access_groups": ["basic"]}, **PRICE),
    ]
    sections = config_of(fleet)
    folder = tmp_path_factory.mktemp("routing")
    with GatewayThread(
        folder,
        fleet,
        model_list=[*sections["model_list"], *own],
        routing={"policy": "priority", "tag_filter": True},
        groups={"short": {"context_window_fallbacks": ["gpt"], "content_policy_fallbacks": ["echo"]}},
        queue={"max_wait": 1},
    ) as started:
        yield started


def ask(http: httpx.Client, model: str, **more: Any) -> httpx.Response:
    fleet_body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
    return http.post("/v1/chat/completions", json=fleet_body)


def test_a_wildcard_serves_any_model_of_its_provider(gateway: GatewayThread) -> None:
    with gateway.http() as http:
        answer = ask(http, "wild/some-model")
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-atelier-model"] == "some-model"
        assert "no price is known for openai/some-model" in answer.headers["x-atelier-warning"]
        assert http.get("/v1/models/wild/some-model").json()["deployments"] == ["some-model"]
        listed = {model["id"] for model in http.get("/v1/models").json()["data"]}
        assert ask(http, "tame/some-model").status_code == 404
    assert "short" in listed
    assert not any("wild" in name or "*" in name for name in listed)


def test_a_key_may_hold_patterns_and_access_groups(gateway: GatewayThread) -> None:
    with gateway.http(gateway.key(models=["priced/*", "basic"])) as http:
        assert ask(http, "priced/any").status_code == 200
        assert ask(http, "short").status_code == 200
        assert ask(http, "wild/any").json()["error"]["code"] == "model_not_allowed"
        listed = [model["id"] for model in http.get("/v1/models").json()["data"]]
        assert listed == http.get("/v1/me").json()["models"] == ["short"]
    with gateway.http() as http:
        refused = http.post("/key/generate", json={"models": ["no such thing"]})
    assert refused.json()["error"]["code"] == "model_not_found"


def test_a_budget_does_not_pay_for_what_has_no_price(gateway: GatewayThread) -> None:
    with gateway.http(gateway.key(max_budget=5.0)) as http:
        answer = ask(http, "wild/some-model")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_price_unknown")
        assert ask(http, "priced/some-model").status_code == 200


@pytest.mark.parametrize(("tags", "served"), [(["free"], "free"), (["paid", "other"], "paid"), ([], "free")])
def test_tags_choose_the_deployment(gateway: GatewayThread, tags: list[str], served: str) -> None:
    with gateway.http() as http:
        assert ask(http, "tiers", tags=tags).headers["x-atelier-deployment"] == served


def test_tags_of_nobody_are_refused(gateway: GatewayThread) -> None:
    with gateway.http() as http:
        answer = ask(http, "tiers", tags=["gold"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "no_deployment_for_tags")


def test_a_full_minute_goes_to_the_next_and_then_says_when(gateway: GatewayThread) -> None:
    with gateway.http() as http:
        assert [ask(http, "minute").headers["x-atelier-deployment"] for _ in range(2)] == ["m1", "m2"]
        answer = ask(http, "minute")
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 30 < int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize(("fault", "model"), [("context_length_exceeded", "gpt-6-luna"), ("content_policy", "echo")])
def test_single_faults_have_fallbacks_of_their_own(
    gateway: GatewayThread, fleet: FleetThread, fault: str, model: str
) -> None:
    fleet.reset()
    fleet.fault(fault, model="short")
    try:
        with gateway.http() as http:
            answer = ask(http, "short")
    finally:
        fleet.reset()
    assert answer.status_code == 200, answer.text
    assert (answer.headers["x-atelier-model"], answer.headers["x-atelier-fallbacks"]) == (model, "1")
