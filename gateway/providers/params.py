"""What of a request's body may become a keyword argument of LiteLLM: an allow-list (S1), never the body as it is.

Members that are not on the list travel in the JSON body to OpenAI-compatible providers and are dropped, with a warning,
elsewhere. Address, credentials and headers come from the deployment alone.
"""

from __future__ import annotations

import hashlib
from typing import Any

from gateway.ports import ProviderRequest
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
BODY_ONLY = frozenset({"store", "metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"})
DEPLOYMENT = frozenset(
    {
        "api_version", "organization", "base_model", "aws_access_key_id", "aws_secret_access_key", "aws_session_token",
        "aws_region_name", "aws_role_name", "aws_session_name", "aws_profile_name", "aws_bedrock_runtime_endpoint",
        "vertex_project", "vertex_location", "vertex_credentials", "azure_ad_token", "tenant_id", "client_id",
        "client_secret", "region_name", "watsonx_region_name", "extra_headers",
    }
)  # fmt: skip
OPENAI_LIKE = frozenset(
    {"openai", "azure", "custom_openai", "openai_like", "hosted_vllm", "openrouter", "litellm_proxy"}
)
# Whether a model takes these is for an OpenAI-compatible provider to say: LiteLLM's list of models is always behind.
JUDGED_THERE = frozenset(
    {
        "audio", "dimensions", "frequency_penalty", "logit_bias", "modalities", "n", "parallel_tool_calls", "prediction",
        "presence_penalty", "safety_identifier", "seed", "service_tier", "stop", "verbosity", "web_search_options",
    }
)  # fmt: skip


def arguments(request: ProviderRequest) -> dict[str, Any]:
    """Keyword arguments for one attempt at `request.deployment`."""
    deployment, body = request.deployment, request.body
    chat = deployment.endpoint is Endpoint.CHAT
    allowed = CHAT if chat else EMBEDDINGS
    given = {name: value for name, value in body.items() if name in allowed and value is not None}
    for name in ("user", "safety_identifier"):
        if isinstance(given.get(name), str):
            given[name] = hashed(given[name])
    drops = bool(deployment.params.get("drop_params", False))
    if deployment.provider in OPENAI_LIKE:
        rest = unlisted(deployment, body)
        given |= {"extra_body": rest} if rest else {}
        given |= {} if drops else {"allowed_openai_params": sorted(JUDGED_THERE & given.keys())}
    settings = {name: value for name, value in deployment.params.items() if name in DEPLOYMENT}
    headers = {**settings.pop("extra_headers", {}), "X-Client-Request-Id": request.attempt_id}
    return {
        **given,
        **settings,
        "model": deployment.model,
        "api_base": deployment.api_base,
        "api_key": deployment.api_key,
        "drop_params": drops,
        "extra_headers": headers,
        "max_retries": 0,
        "num_retries": 0,
        "_skip_mcp_handler": True,  # *internal*: with tools, LiteLLM would import an MCP client, and call out to servers
    }


def dropped(deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
    """Names of members that this deployment's provider does not get."""
    return () if deployment.provider in OPENAI_LIKE else tuple(sorted(set(unlisted(deployment, body)) - BODY_ONLY))


def unlisted(deployment: Deployment, body: JsonObject) -> JsonObject:
    allowed = CHAT if deployment.endpoint is Endpoint.CHAT else EMBEDDINGS
    return {name: value for name, value in body.items() if name not in allowed and name not in HERE}


def hashed(person: str) -> str:
    """A person's name in the client's system is nobody else's business; abuse reports still match. 64 hex digits."""
    return hashlib.sha256(b"atelier-user:" + person.encode(errors="replace")).hexdigest()
