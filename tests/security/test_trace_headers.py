"""Of a client's headers a valid trace context alone reaches a provider, on every wire; anything else is dropped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness import GatewayThread, config_of
from tests.loops import FleetThread
from tests.recorder import Recorder

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MODELS = {"openai": "openai/real", "anthropic": "anthropic/real", "gemini": "gemini/real"}
ASKED = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}


@pytest.fixture(scope="module")
def world(
    running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[GatewayThread, dict[str, Recorder]]]:
    recorders = {wire: Recorder() for wire in MODELS}
    models = [*config_of(running_fleet)["model_list"]]
    for wire, model in MODELS.items():
        base = recorders[wire].url if wire != "anthropic" else recorders[wire].url.removesuffix("/v1")
        params = {"model": model, "api_base": base, "api_key": "sk-some-provider-key"}
        models.append({"model_name": f"to-{wire}", "litellm_params": params})
    with GatewayThread(tmp_path_factory.mktemp("traces"), running_fleet, model_list=models) as gateway:
        yield gateway, recorders
    for recorder in recorders.values():
        recorder.close()


def sent(world: tuple[GatewayThread, dict[str, Recorder]], wire: str, headers: list[tuple[str, str]]) -> dict[str, str]:
    gateway, recorders = world
    recorders[wire].clear()
    with gateway.http() as http:
        token = http.headers["authorization"]
        http.post(
            "/v1/chat/completions", json={**ASKED, "model": f"to-{wire}"}, headers=[("authorization", token), *headers]
        )
    (request,) = recorders[wire].requests
    return {name: value for name, value in request.headers.items() if name.startswith("trace") or name == "baggage"}


@pytest.mark.parametrize("wire", MODELS)
def test_a_valid_context_reaches_the_provider_as_it_came(world, wire) -> None:
    got = sent(world, wire, [("traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2"), ("baggage", "x=y")])
    assert got == {"traceparent": PARENT, "tracestate": "a=1,b=2"}


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("tracestate", "a=1")],
        [("traceparent", PARENT), ("traceparent", PARENT)],
        [("traceparent", PARENT.upper())],
        [("traceparent", "evil"), ("tracestate", "evil=1")],
    ],
)
def test_anything_else_is_dropped(world, headers) -> None:
    assert sent(world, "openai", headers) == {}
