"""The recorded exchanges: where they are, and which request to which deployment fits each of them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.ports import ProviderRequest
from gateway.providers import params, wire_request
from gateway.types import Deployment, Endpoint, JsonObject, Price
from tests.providers.replay import Recorded

ROOT = Path(os.environ.get("ATELIER_EXCHANGES") or Path(__file__).parents[2].parent / "shared" / "exchanges")
ABSENT = "the recorded exchanges are kept beside the repository, in ../shared/exchanges or at ATELIER_EXCHANGES"
WIRES = frozenset({"openai-chat", "anthropic-messages", "gemini"})
RESPONSES = "openai-responses"  # what LiteLLM asks OpenAI in place of chat completions, for tools with reasoning
OURS = frozenset({"model", "stream", "stream_options"})
# Provider, or the start of the request's path: LiteLLM's prefix, and what its api_base ends with.
REACHED = {
    "openai": ("openai", "/v1"),
    "openai-compatible": ("hosted_vllm", "/v1"),
    "azure/models": ("azure_ai", ""),
    "azure/openai": ("azure", ""),
    "deepseek": ("deepseek", ""),
    "groq": ("groq", "/openai/v1"),
    "mistral": ("mistral", "/v1"),
    "openrouter": ("openrouter", "/api/v1"),
    "huggingface": ("huggingface", "/novita/v3/openai"),
    "together": ("together_ai", "/v1"),
    "perplexity": ("perplexity", ""),
    "zai": ("zai", "/api/paas/v4"),
    "anthropic": ("anthropic", ""),
    "gemini": ("gemini", "/v1beta"),
    "vertex": ("gemini", "/v1beta"),
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded exchange. `id` as in "openai/014-chat-stream"."""

    id: str
    provider: str
    wire: str
    features: frozenset[str]
    request: JsonObject
    response: JsonObject

    @property
    def stream(self) -> bool:
        return bool(self.response["stream"])

    @property
    def status(self) -> int:
        return int(self.response["status"])

    @property
    def body(self) -> str:
        return str(self.response["body"])

    @property
    def recorded(self) -> Recorded:
        kind = "text/event-stream" if self.stream else "application/json"
        headers = {"content-type": kind, **self.response["headers"]}
        return Recorded(self.body.encode(), self.status, headers)

    def asked(self, url: str) -> ProviderRequest:
        """A request that could have led to this answer."""
        key = self.provider
        if key == "azure":
            key = "azure/models" if self.request["path"].startswith("/models") else "azure/openai"
        prefix, suffix = REACHED[key]
        deployment = Deployment(
            id=self.id,
            group="g",
            provider=prefix,
            model=f"{prefix}/{self._model()}",
            endpoint=Endpoint.CHAT,
            price=Price(input=1, output=2),
            api_base=url + suffix,
            api_key="sk-recorded",
            params={"api_version": "2024-02-01"} if prefix == "azure" else {},
        )
        return ProviderRequest(deployment, self._client_body(), f"gen-{self.id}:1", 20.0, include_usage=True)

    def _model(self) -> str:
        if self.wire == RESPONSES:
            return "gpt-6-luna"
        if self.wire == "gemini":
            return str(self.request["path"]).rpartition("/models/")[2].partition(":")[0]
        return str(self.request["json"]["model"])

    def _client_body(self) -> JsonObject:
        sent: JsonObject = self.request["json"]
        if self.wire == "openai-chat":
            return {name: value for name, value in sent.items() if name not in OURS}
        if self.wire == RESPONSES:
            return {**generic({"tools": [{"name": "look_up"}]}), "reasoning_effort": "low"}
        return generic(sent)


def generic(sent: JsonObject) -> JsonObject:
    """A plain question, with the recorded tools in OpenAI's form: only how the answer is read counts."""
    body: JsonObject = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4096}
    tools = [*(sent.get("tools") or ())]
    declared = [d for t in tools for d in t.get("functionDeclarations") or t.get("function_declarations") or (t,)]
    functions = [
        {"type": "function", "function": {"name": each["name"], "parameters": {"type": "object", "properties": {}}}}
        for each in declared
        if "name" in each and ("input_schema" in each or "type" not in each)
    ]
    if functions:
        body["tools"] = functions
    return body


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All recorded chat completions, and OpenAI's responses; none where the data is absent."""
    if not (ROOT / "index.json").is_file():
        return ()
    index: list[dict[str, Any]] = json.loads((ROOT / "index.json").read_text())["exchanges"]
    return tuple(
        read(entry)
        for entry in index
        if entry["wire"] in WIRES or (entry["wire"] == RESPONSES and entry["provider"] == "openai")
    )


def read(entry: dict[str, Any]) -> Exchange:
    found = json.loads((ROOT / entry["file"]).read_text())
    return Exchange(
        id=found["id"],
        provider=found["provider"],
        wire=found["wire"],
        features=frozenset(found["features"]),
        request=found["request"],
        response=found["response"],
    )


def answered_by_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the server at hand for OpenAI's own, which has the Responses API."""
    monkeypatch.setattr(params, "has_responses_api", lambda _: True)
    monkeypatch.setattr(wire_request, "openais", lambda _: True)
