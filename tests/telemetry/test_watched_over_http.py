"""A gateway as it serves: its spans reach a collector, its alerts a webhook and its admins, its trace the provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.harness import GatewayThread, config_of, wait_until
from tests.loops import FleetThread
from tests.recorder import Recorder
from tests.telemetry.collector import Collector

HELLO = {"messages": [{"role": "user", "content": "the-words-of-the-client"}], "max_tokens": 8}
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass
class World:
    gateway: GatewayThread
    provider: Recorder
    hook: Recorder
    collector: Collector

    def ask(self, status: int = 200, **headers: str) -> dict[str, str]:
        """One request; the headers of its answer."""
        with self.gateway.http() as http:
            answer = http.post("/v1/chat/completions", json={**HELLO, "model": "watched"}, headers=headers)
        assert answer.status_code == status, answer.text
        return dict(answer.headers)

    def told(self) -> list[tuple[str, str]]:
        return [(each.body["kind"], each.body["state"]) for each in self.hook.requests]

    def alerts(self, key: str | None = None) -> list[dict[str, Any]] | None:
        with self.gateway.http(key) if key else self.gateway.http() as http:
            found: list[dict[str, Any]] | None = http.get("/v1/status").json().get("alerts")
        return found

    def gauge(self, name: str) -> dict[str, float]:
        with self.gateway.http() as http:
            families = text_string_to_metric_families(http.get("/metrics").text)
        return {
            " ".join(sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }


@pytest.fixture
def world(running_fleet: FleetThread, tmp_path: Path) -> Iterator[World]:
    provider, hook = Recorder(), Recorder()
    params = {
        "model": "openai/real",
        "api_base": provider.url,
        "api_key": "sk-some-provider-key",
        "input_cost_per_token": 0.01,
        "output_cost_per_token": 0.01,
    }
    models = [*config_of(running_fleet)["model_list"], {"model_name": "watched", "litellm_params": params}]
    with Collector().running() as collector:
        gateway = GatewayThread(
            tmp_path,
            running_fleet,
            model_list=models,
            health={"enabled": True, "failures": 2},
            retry={"attempts": 1},
            telemetry={"otel": {"endpoint": collector.url}},
            alerts={"webhooks": [{"url": f"{hook.url}/secret-of-the-hook"}], "budget_at": [0.02]},
        )
        with gateway:
            yield World(gateway, provider, hook, collector)
    for recorder in (provider, hook):
        recorder.close()


def test_a_requests_trace_goes_from_its_caller_through_the_gateway_to_the_provider(world: World) -> None:
    headers = world.ask(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=1")
    wait_until(lambda: len(world.collector.spans()) == 2, "the spans")
    spans = {span.name: span for span in world.collector.spans()}
    request, attempt = spans["POST /v1/chat/completions"], spans["chat real"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert (attempt.trace_id.hex(), attempt.parent_span_id) == (request.trace_id.hex(), request.span_id)
    (sent,) = world.provider.requests
    assert sent.headers["traceparent"] == f"00-{TRACE}-{attempt.span_id.hex()}-01"
    assert sent.headers["tracestate"] == "a=1"
    said = {each.key: each.value.string_value for each in request.attributes}
    assert said["atelier.generation_id"] == headers["x-atelier-generation-id"]
    assert request.start_time_unix_nano <= attempt.start_time_unix_nano
    assert attempt.end_time_unix_nano <= request.end_time_unix_nano
    exported = b"".join(each.SerializeToString() for each in world.collector.requests)
    assert b"the-words-of-the-client" not in exported
    assert b"sk-" not in exported


def test_a_deployment_that_fails_is_told_until_it_answers(world: World) -> None:
    world.provider.status = 500
    for _ in range(2):
        world.ask(502)
    wait_until(lambda: ("deployment", "raised") in world.told(), "the alert")
    (alert,) = world.alerts() or []
    assert (alert["kind"], "watched" in alert["subject"]) == ("deployment", True)
    assert world.alerts(world.gateway.key()) is None
    assert world.gauge("gateway_alerts")["deployment"] == 1
    world.provider.clear()
    world.ask()
    wait_until(lambda: ("deployment", "cleared") in world.told(), "the end of the alert")
    assert world.alerts() == []


def test_a_broken_file_is_told_until_it_is_mended(world: World) -> None:
    good = world.gateway.config_file.read_text()
    version = world.gauge("gateway_config_version")
    world.gateway.config_file.write_text("{")
    wait_until(lambda: ("config", "raised") in world.told(), "the alert")
    assert world.gauge("gateway_config_rejected") == {"": 1}
    assert world.gauge("gateway_config_version") == version
    world.gateway.config_file.write_text(json.dumps({**json.loads(good), "limits": {"max_n": 3}}))
    wait_until(lambda: ("config", "cleared") in world.told(), "the end of the alert")
    assert world.gauge("gateway_config_rejected") == {"": 0}
    assert world.gauge("gateway_config_version") != version
    assert world.gauge("gateway_config_reloads_total") == {"loaded": 1, "rejected": 1}


def test_a_budget_that_is_nearly_spent_is_told_once(world: World) -> None:
    key = world.gateway.key(max_budget=1.0)
    with world.gateway.http(key) as http:
        for _ in range(3):
            answer = http.post("/v1/chat/completions", json={**HELLO, "model": "watched", "max_tokens": 1})
            assert answer.status_code == 200, answer.text
    wait_until(lambda: ("budget", "raised") in world.told(), "the alert")
    assert world.told().count(("budget", "raised")) == 1
