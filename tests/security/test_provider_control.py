"""S1: nothing in a request changes where it goes, with which key, or which headers: LiteLLM's control names are data."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.api.intake import TAKEN
from tests.harness import FleetThread, GatewayThread, config_of
from tests.recorder import Recorded, Recorder

KEYS = {"openai": "sk-openai-of-ours", "anthropic": "sk-ant-of-ours", "gemini": "AIza-of-ours"}
MODELS = {"openai": "openai/real-model", "anthropic": "anthropic/claude-haiku-5-5", "gemini": "gemini/gemini-3.8-flash"}
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "gemini": "/v1/models/gemini-3.8-flash:generateContent",
}
MORE_NAMES = (
    "base_url", "api_type", "organization", "project", "extra_headers", "extra_query", "extra_body", "default_headers",
    "http_client", "user_config", "deployment_id", "engine", "ssl_certificate", "proxies", "proxy", "webhook_url",
    "callbacks", "success_callback", "failure_callback", "service_callback", "input_callback", "post_call_rules",
    "vertex_project", "vertex_location", "vertex_credentials", "vertex_ai_project", "aws_access_key_id",
    "aws_secret_access_key", "aws_region_name", "aws_bedrock_runtime_endpoint", "aws_sts_endpoint", "azure_ad_token",
    "azure_endpoint", "router_model_id", "specific_deployment", "litellm_params", "litellm_settings", "general_settings",
    "environment_variables", "prompt_integration", "mock_tool_calls", "mock_testing_fallbacks", "mcp_servers", "server_url",
    "__class__", "__init__", "_skip_mcp_handler", "authorization", "x-api-key",
)  # fmt: skip
BODY: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    ],
    "metadata": {"project": "x"},
    "tools": [
        {
            "type": "function",
            "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}},
        }
    ],
    "stream_options": None,
    "response_format": {"type": "text"},
    "reasoning_effort": "low",
}
PLACES: tuple[tuple[str | int, ...], ...] = (
    (), (), ("metadata",), ("messages", 0), ("messages", 1), ("messages", 1, "content", 0), ("tools", 0),
    ("tools", 0, "function"), ("tools", 0, "function", "parameters"), ("response_format",),
)  # fmt: skip


class Providers:
    """A recording provider for each wire, a canary that nobody may call, and the gateway between."""

    def __init__(self, gateway: GatewayThread, recorders: dict[str, Recorder], canary: Recorder) -> None:
        self.gateway = gateway
        self.recorders = recorders
        self.canary = canary
        self.http = gateway.http(gateway.key(max_budget=1000))
        self.usual = {wire: self.ask(wire, BODY)[0] for wire in MODELS}

    def ask(self, wire: str, body: dict[str, Any], **options: Any) -> list[Recorded]:
        """What the provider of that wire was sent."""
        self.recorders[wire].clear()
        path = options.pop("path", "/v1/chat/completions")
        answer = self.http.post(path, json={"model": f"to-{wire}", **body}, **options)
        assert answer.status_code != 500, answer.text
        self.said = answer.text
        return list(self.recorders[wire].requests)

    def unchanged(self, wire: str, sent: list[Recorded]) -> None:
        """At most one request, of the usual kind, to the usual place; nobody else was called."""
        assert self.canary.connections == 0
        assert len(sent) <= 1
        for request in sent:
            usual = self.usual[wire]
            assert (request.method, request.path) == (usual.method, usual.path)
            assert fixed(request) == fixed(usual)


def fixed(request: Recorded) -> dict[str, str]:
    """The headers that are the same for every request."""
    changing = {"content-length", "x-client-request-id", "anthropic-beta"}
    return {name: value for name, value in request.headers.items() if name not in changing}


@pytest.fixture(scope="module")
def providers(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    recorders = {wire: Recorder() for wire in MODELS}
    canary = Recorder()
    models = [*config_of(running_fleet)["model_list"]]
    for wire, model in MODELS.items():
        base = recorders[wire].url if wire != "anthropic" else recorders[wire].url.removesuffix("/v1")
        params = {"model": model, "api_base": base, "api_key": KEYS[wire]}
        models.append({"model_name": f"to-{wire}", "litellm_params": params})
    embeddings = {"model": "openai/real-embedding", "api_base": recorders["openai"].url, "api_key": KEYS["openai"]}
    models.append({"model_name": "vectors", "litellm_params": embeddings, "model_info": {"mode": "embedding"}})
    with GatewayThread(tmp_path_factory.mktemp("control"), running_fleet, model_list=models) as gateway:
        yield Providers(gateway, recorders, canary)
    for recorder in (*recorders.values(), canary):
        recorder.close()


def names() -> list[str]:
    """LiteLLM's own list and more, without those that are the gateway's too: it checks and uses them itself."""
    from litellm.types.utils import all_litellm_params

    return sorted({*all_litellm_params, *MORE_NAMES} - {*TAKEN, "metadata"})


def values(canary: Recorder) -> list[Any]:
    """What an attacker would put there."""
    url = canary.url
    target = {"api_base": url, "base_url": url, "api_key": "sk-stolen", "headers": {"authorization": "Bearer stolen"}}
    entry = {"model_name": "openai", "litellm_params": {"model": "openai/x", **target}}
    return [
        url,
        target,
        {"Authorization": "Bearer stolen", "Host": "evil", "X-Evil": url},
        [entry],
        [url],
        "anthropic",
        0,
        True,
    ]


def put(place: tuple[str | int, ...], members: dict[str, Any]) -> dict[str, Any]:
    """`BODY` with the members at that place."""
    body = copy.deepcopy(BODY)
    target: Any = body
    for step in place:
        target = target[step]
    target.update({name: value for name, value in members.items() if name not in target})
    return body


def test_the_usual_request_has_our_key_and_no_other(providers: Providers) -> None:
    assert providers.usual["openai"].headers["authorization"] == f"Bearer {KEYS['openai']}"
    assert providers.usual["anthropic"].headers["x-api-key"] == KEYS["anthropic"]
    assert providers.usual["gemini"].headers["x-goog-api-key"] == KEYS["gemini"]
    for wire, path in PATHS.items():
        assert providers.usual[wire].path == path
        assert "?" not in path


@pytest.mark.parametrize("wire", MODELS)
@pytest.mark.parametrize("kind", range(8))
def test_every_control_name_at_the_top_changes_nothing(providers: Providers, wire: str, kind: int) -> None:
    value = values(providers.canary)[kind]
    found = names()
    assert len(found) > 300
    for start in range(0, len(found), 60):
        sent = providers.ask(wire, put((), dict.fromkeys(found[start : start + 60], value)))
        providers.unchanged(wire, sent)
        assert sent, "the request did not arrive, so this proved nothing"


@pytest.mark.parametrize("wire", MODELS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_control_names_at_every_path_change_nothing(providers: Providers, wire: str, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(names()), min_size=1, max_size=4, unique=True))
    options = values(providers.canary)
    body = put(data.draw(st.sampled_from(PLACES)), {name: data.draw(st.sampled_from(options)) for name in chosen})
    if data.draw(st.booleans()):
        body["stream"] = True
        sent = providers.ask(wire, body)
        assert providers.canary.connections == 0
        assert len(sent) <= 1
        assert all(credentials(request) == credentials(providers.usual[wire]) for request in sent)
    else:
        providers.unchanged(wire, providers.ask(wire, body))


def credentials(request: Recorded) -> dict[str, str]:
    return {
        name: value
        for name, value in request.headers.items()
        if name in {"authorization", "x-api-key", "x-goog-api-key", "api-key", "host", "openai-organization"}
    }


def test_embeddings_are_held_to_it_too(providers: Providers) -> None:
    recorder = providers.recorders["openai"]
    for value in values(providers.canary):
        found = [name for name in names() if name not in {"input", "dimensions", "user", "model"}]
        for start in range(0, len(found), 60):
            recorder.clear()
            body = {**dict.fromkeys(found[start : start + 60], value), "model": "vectors", "input": "x"}
            assert providers.http.post("/v1/embeddings", json=body).status_code == 200
            [request] = recorder.requests
            assert request.path == "/v1/embeddings"
            assert credentials(request) == credentials(providers.usual["openai"])
    assert providers.canary.connections == 0


@pytest.mark.parametrize("wire", MODELS)
def test_headers_of_a_client_never_travel_on(providers: Providers, wire: str) -> None:
    url = providers.canary.url
    headers = {
        "x-litellm-api-base": url, "api-base": url, "x-litellm-model-id": url, "openai-organization": "org-evil",
        "openai-project": "evil", "x-forwarded-host": "evil", "x-goog-api-key": "evil", "anthropic-beta": "evil",
        "x-stainless-lang": "evil", "user-agent": "evil", "cookie": "evil=1", "x-client-request-id": "evil",
        "x-goog-user-project": "evil", "accept-encoding": "identity", "referer": url,
    }  # fmt: skip
    sent = providers.ask(wire, BODY, headers=headers)
    providers.unchanged(wire, sent)
    [request] = sent
    assert "evil" not in str(request.headers)
    assert providers.http.headers["authorization"] not in str(request.headers)


@pytest.mark.parametrize("wire", MODELS)
def test_a_models_name_is_no_address(providers: Providers, wire: str) -> None:
    url = providers.canary.url
    for name in (url, f"openai/{url}", f"hosted_vllm/x@{url}", "../../admin", f"{wire}?api_base={url}", f"{wire}#x"):
        providers.recorders[wire].clear()
        answer = providers.http.post("/v1/chat/completions", json={**BODY, "model": name})
        assert answer.status_code == 404
        assert providers.recorders[wire].requests == []
    assert providers.canary.connections == 0


def test_the_models_name_sent_on_is_the_deployments(providers: Providers) -> None:
    [request] = providers.ask("openai", {**BODY, "custom_llm_provider": "azure", "base_model": "gpt-9"})
    assert request.body["model"] == "real-model"
