"""What of a request's body may become a keyword argument of LiteLLM: an allow-list (S1), never the body as it is.

Members that are not on the list travel in the JSON body to providers of OpenAI's format and are dropped, with a warning,
elsewhere. Address, credentials and headers come from the deployment alone.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway import trace_context
from gateway.ports import ProviderRequest
from gateway.providers.runtime import load
from gateway.types import Deployment, Endpoint, JsonObject

CHAT = frozenset(
    {
        "messages", "temperature", "top_p", "n", "stop", "max_tokens", "max_completion_tokens", "modalities",
        "prediction", "audio", "presence_penalty", "frequency_penalty", "logit_bias", "response_format", "seed",
        "tools", "tool_choice", "parallel_tool_calls", "logprobs", "top_logprobs", "reasoning_effort", "verbosity",
        "service_tier", "thinking", "web_search_options", "functions", "function_call", "user", "safety_identifier",
    }
)  # fmt: skip
EMBEDDINGS = frozenset({"input", "dimensions", "user"})
HERE = frozenset({"model", "stream", "stream_options", "encoding_format"})  # ours to set, per attempt
ALWAYS = frozenset({"messages", "input", "user"})
BODY_ONLY = frozenset({"store", "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"})
DEPLOYMENT = frozenset(
    {
        "api_version", "organization", "base_model", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
        "aws_region_name", "aws_role_name", "aws_session_name", "aws_profile_name", "aws_bedrock_runtime_endpoint",
        "vertex_project", "vertex_location", "vertex_credentials", "azure_ad_token", "tenant_id", "client_id",
        "client_secret", "region_name", "watsonx_region_name", "extra_headers",
    }
)  # fmt: skip
# Providers that take whatever OpenAI takes, and those that speak its format with members of their own.
OPENAI_LIKE = frozenset({"openai", "azure", "custom_openai", "hosted_vllm", "openrouter", "litellm_proxy"})
OPENAI_FORMAT = OPENAI_LIKE | {
    "azure_ai", "groq", "mistral", "deepseek", "together_ai", "huggingface", "perplexity", "zai",
}  # fmt: skip
# Whether a model takes these is for an OpenAI-compatible provider to say: LiteLLM's list of models is always behind.
JUDGED_THERE = frozenset(
    {
        "audio", "dimensions", "frequency_penalty", "logit_bias", "modalities", "n", "parallel_tool_calls", "prediction",
        "presence_penalty", "reasoning_effort", "safety_identifier", "seed", "service_tier", "stop", "user", "verbosity",
        "web_search_options",
    }
)  # fmt: skip
THINKING_MAPPED = frozenset({"openai", "azure", "deepseek", "hosted_vllm", "openrouter", "litellm_proxy"})
CHEAP_TIERS = ("auto", "default", "flex")  # others cost more than the price that the ledger knows
# Members that change nothing in an answer's meaning: who cannot take them goes without.
HINTS = frozenset({"prediction", "safety_identifier", "service_tier"})
NEUTRAL: Mapping[str, Any] = {
    "frequency_penalty": 0, "logit_bias": {}, "logprobs": False, "modalities": ["text"], "n": 1,
    "parallel_tool_calls": True, "presence_penalty": 0, "top_logprobs": 0, "verbosity": "medium",
}  # fmt: skip
# LiteLLM refuses these for reasoning models, whatever they say.
UNLIKED: Mapping[str, Any] = {"logprobs": False, "top_logprobs": 0, "top_p": 1}
# Providers that document `max_tokens` alone; what they do not know would bound nothing.
MAX_TOKENS = frozenset({"deepseek", "huggingface", "perplexity", "together_ai", "zai"})
OPENAIS_OWN = ("openai.com", "openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com")


def arguments(request: ProviderRequest) -> dict[str, Any]:
    """Keyword arguments for one attempt at `request.deployment`."""
    deployment = request.deployment
    drops = bool(deployment.params.get("drop_params", False))
    settings = {name: value for name, value in deployment.params.items() if name in DEPLOYMENT}
    own = {"X-Client-Request-Id": request.attempt_id, **trace_context.headers(request.traceparent)}
    headers = {**settings.pop("extra_headers", {}), **own}
    return {
        **members(deployment, request.body, drops=drops),
        **settings,
        "model": deployment.model,
        "api_base": deployment.api_base,
        "api_key": deployment.api_key,
        "drop_params": drops,
        "headers": headers,
        "max_retries": 0,
        "num_retries": 0,
        **(bypasses(deployment) if deployment.endpoint is Endpoint.CHAT else {}),
    }


def bypasses(deployment: Deployment) -> dict[str, bool]:
    """*Internal*: with tools, LiteLLM would import an MCP client, and call out to servers; and it asks the Responses API
    in place of chat completions for some models, which only OpenAI itself is known to have.

    For chat completions alone: of an embedding's arguments, LiteLLM sends on what it does not know.
    """
    return {"_skip_mcp_handler": True, "_skip_responses_api_bridge": not has_responses_api(deployment)}


def members(deployment: Deployment, body: JsonObject, *, drops: bool) -> dict[str, Any]:
    """What of the client's body goes out: members that LiteLLM knows, and for OpenAI's format the others in the body."""
    provider = deployment.provider
    given = {name: copied(value) for name, value in body.items() if name in listed(deployment) and value is not None}
    for name in ("user", "safety_identifier"):
        if isinstance(given.get(name), str):
            given[name] = hashed(given[name])
    if given.get("service_tier") not in CHEAP_TIERS:
        given.pop("service_tier", None)
    given = bounded(fitting(given, deployment), deployment)
    if provider not in OPENAI_FORMAT:
        return given
    rest = {name: value for name, value in unlisted(deployment, body).items() if travels(name, provider)}
    if "thinking" in given and provider not in THINKING_MAPPED:
        rest["thinking"] = given.pop("thinking")
    judged = (JUDGED_THERE if provider in OPENAI_LIKE else JUDGED_THERE - {"user"}) & given.keys()
    if provider == "deepseek":  # LiteLLM has its own word for it
        judged -= {"reasoning_effort"}
    return {
        **given,
        **({"extra_body": rest} if rest else {}),
        **({} if drops else {"allowed_openai_params": sorted(judged)}),
        **({"additional_drop_params": ["max_retries"]} if provider == "huggingface" else {}),
    }


def fitting(given: dict[str, Any], deployment: Deployment) -> dict[str, Any]:
    """Without hints, and without what says no more than OpenAI's default does: neither is worth a refusal."""
    provider = deployment.provider
    if deployment.reasoning and (provider in OPENAI_LIKE or provider == "anthropic"):
        given = {name: value for name, value in given.items() if UNLIKED.get(name, given) != value}
    if provider in OPENAI_LIKE:
        return given
    if "safety_identifier" in given:
        given.setdefault("user", given["safety_identifier"])
    return {name: value for name, value in given.items() if name not in HINTS and NEUTRAL.get(name, given) != value}


def bounded(given: dict[str, Any], deployment: Deployment) -> dict[str, Any]:
    """The bound on the output under the name that this provider knows it by."""
    name, provider = "max_completion_tokens", deployment.provider
    known = provider in OPENAI_LIKE or (provider not in MAX_TOKENS and name in takes(deployment))
    if name not in given or known:
        return given
    return {"max_tokens" if key == name else key: value for key, value in given.items()}


def dropped(deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
    """Names of members that this deployment's provider does not get, though they might have meant something."""
    provider, drops = deployment.provider, deployment.params.get("drop_params")
    if provider in OPENAI_LIKE and not drops and "service_tier" not in body:
        return ()
    names = {name for name in unlisted(deployment, body) if not travels(name, provider)} - BODY_ONLY
    if body.get("service_tier") not in (None, *(CHEAP_TIERS if provider in OPENAI_LIKE else ("auto", "default"))):
        names.add("service_tier")
    if drops:
        sent = members(deployment, body, drops=True)
        names |= sent.keys() & listed(deployment) - takes(deployment) - ALWAYS
    return tuple(sorted(names))


def takes(deployment: Deployment) -> frozenset[str]:
    """The members that LiteLLM sends on for a deployment; its card says so in the lane that needs no LiteLLM."""
    card = deployment.card
    return card.supported if card and card.lane == "wire" else supported(deployment.model, deployment.provider)


@functools.lru_cache(4096)  # clients name models of wildcards
def supported(model: str, provider: str) -> frozenset[str]:
    """The members that LiteLLM has a translation for; it leaves the others out where it may."""
    known = load().get_supported_openai_params(model=model.removeprefix(f"{provider}/"), custom_llm_provider=provider)
    return frozenset(known or ())


def travels(name: str, provider: str) -> bool:
    """Whether a member that LiteLLM does not know goes into the provider's body."""
    return provider in OPENAI_LIKE or (provider in OPENAI_FORMAT and name not in BODY_ONLY)


def has_responses_api(deployment: Deployment) -> bool:
    """OpenAI refuses some chat completions that its Responses API takes; other servers have no such API."""
    host = urlsplit(deployment.api_base or "").hostname
    return host is None or any(host == own or host.endswith(f".{own}") for own in OPENAIS_OWN)


def listed(deployment: Deployment) -> frozenset[str]:
    return CHAT if deployment.endpoint is Endpoint.CHAT else EMBEDDINGS


def unlisted(deployment: Deployment, body: JsonObject) -> JsonObject:
    return {name: value for name, value in body.items() if name not in listed(deployment) and name not in HERE}


def copied(value: Any) -> Any:
    """LiteLLM writes into what it is given; the next attempt needs the request as it was.

    Caching for an hour costs more than the price that the ledger knows: whoever asks for it gets the usual five minutes.
    """
    if isinstance(value, dict):
        return {name: copied(five_minutes(item) if name == "cache_control" else item) for name, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def five_minutes(marker: Any) -> Any:
    return {name: item for name, item in marker.items() if name != "ttl"} if isinstance(marker, dict) else marker


def hashed(person: str) -> str:
    """A person's name in the client's system is nobody else's business; abuse reports still match. 64 hex digits."""
    return hashlib.sha256(b"atelier-user:" + person.encode(errors="replace")).hexdigest()
