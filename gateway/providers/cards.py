"""Finds out at load how a deployment is called: in which lane, at which address, with which parameters.

Pure: what it knows comes from tables and from the price map's entry, so that LiteLLM need not be imported for it. Whatever
is not certain stays in the `sdk` lane, and the card says why.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.providers.params import EMBEDDINGS, has_responses_api
from gateway.providers.speakers import GPT, SPEAKERS, Speaker
from gateway.types import Card, Deployment, Endpoint

TRANSLATED = frozenset({"anthropic", "gemini"})
REASONING_SERIES = re.compile(r"gpt-[56]|(?:^|/)o\d")  # LiteLLM has rules of its own for their parameters
SEARCH_SERIES = re.compile(r"gpt-5.*search|search.*gpt-5")
NEVER_BY_REASONING = frozenset(
    {
        "audio", "frequency_penalty", "logit_bias", "modalities", "prediction", "presence_penalty", "stop",
        "web_search_options",
    }
)  # fmt: skip
EFFORTS = ("minimal", "low", "medium", "high")  # others change what LiteLLM makes of the rest
SAMPLING = frozenset({"logprobs", "top_logprobs", "top_p"})
XAI_WITHOUT = {
    "stop": ("grok-3-mini", "grok-4", "grok-code-fast"),
    "frequency_penalty": ("grok-4", "grok-code-fast"),
}
AZURE_VERSION = "2025-02-01-preview"  # LiteLLM's
AZURE_V1 = frozenset({"v1", "latest", "preview"})
ENDS_IN_V1 = frozenset({"mistral", "huggingface"})
CREDENTIALS = frozenset({"authorization", "api-key"})
SIGNED = ("aws_", "vertex_", "azure_ad_token", "tenant_id", "client_id", "client_secret")


def card_of(deployment: Deployment, entry: Mapping[str, Any] | None) -> Card:
    """`entry`: what LiteLLM's price map has on the model, None where it has nothing."""
    provider = deployment.provider
    if deployment.lane == "mock":
        return Card(lane="mock")
    speaker, known = SPEAKERS.get(provider), entry or {}
    if provider in TRANSLATED and deployment.endpoint is Endpoint.CHAT:
        return Card(lane="translate")
    if speaker is None:
        return Card(why=f"LiteLLM translates to {provider}'s own format, or nobody compared it yet")
    why = obstacle(deployment, speaker, known)
    if why:
        return Card(why=why)
    return Card(
        lane="wire",
        url=address(deployment, speaker),
        auth="api-key" if provider == "azure" and not azure_v1(deployment) else "bearer",
        supported=supported(deployment, speaker, known),
    )


def obstacle(deployment: Deployment, speaker: Speaker, known: Mapping[str, Any]) -> str:
    """What keeps a provider of OpenAI's format from the `wire` lane; empty where nothing does."""
    return odd_access(deployment, speaker) or odd_model(deployment, known)


def odd_access(deployment: Deployment, speaker: Speaker) -> str:
    """Addresses and keys that are for LiteLLM to find."""
    base = base_of(deployment, speaker)
    if deployment.endpoint is Endpoint.EMBEDDINGS and not speaker.embeds:
        return "LiteLLM has a translation of its own for this provider's embeddings"
    if any(each.startswith(SIGNED) for each in deployment.params):
        return "the request is signed, or its token fetched, by LiteLLM"
    if any(str(each).lower() in CREDENTIALS for each in deployment.params.get("extra_headers") or ()):
        return "its headers bring a credential of their own"
    if key_of(deployment, speaker) is None:
        return "the deployment has no key of its own"
    if base is None or urlsplit(base).scheme not in {"http", "https"}:
        return "LiteLLM decides where it is"
    if urlsplit(base).query or "chat/completions" in base:
        return "its address is no base to which a path is added"
    return ""


def odd_model(deployment: Deployment, known: Mapping[str, Any]) -> str:
    """Models that LiteLLM does not ask for chat completions, or reads more than a name in."""
    name = deployment.model_name
    if name.startswith(("responses/", "o_series/", "gpt5_series/", "http:", "https:")):
        return "LiteLLM reads more than a name in its model"
    if known.get("mode") == "responses" and has_responses_api(deployment):
        return "LiteLLM asks the Responses API for it"
    if known.get("mode") not in {None, "chat", "embedding", "responses"}:
        return f"LiteLLM does not ask for chat completions of a model for {known['mode']}"
    return odd_rules(deployment, name)


def odd_rules(deployment: Deployment, name: str) -> str:
    """Models that LiteLLM has rules of its own for."""
    provider, base_model = deployment.provider, str(deployment.params.get("base_model") or "")
    if provider == "azure" and (REASONING_SERIES.search(name) or REASONING_SERIES.search(base_model)):
        return "LiteLLM maps parameters of Azure's reasoning models by rules of its own"
    if provider == "azure" and ("gpt-3.5" in name or "gpt-35" in name):
        return "LiteLLM puts response formats into tools for this model"
    if provider == "openai" and (SEARCH_SERIES.search(name) or re.match(r"o1-(mini|preview)|gpt-.*audio", name)):
        return "LiteLLM maps the parameters of this model by rules of its own"
    if provider == "mistral" and "magistral" in name.lower():
        return "LiteLLM adds a system prompt to this model's requests"
    return ""


def address(deployment: Deployment, speaker: Speaker) -> str:
    """Where a request is posted to, as LiteLLM builds it."""
    base = (base_of(deployment, speaker) or "").rstrip("/")
    path = "embeddings" if deployment.endpoint is Endpoint.EMBEDDINGS else "chat/completions"
    if deployment.provider == "azure":
        if azure_v1(deployment):
            return f"{base}/openai/v1/{path}"
        return f"{base}/openai/deployments/{deployment.model_name}/{path}?api-version={azure_version(deployment)}"
    if deployment.provider in ENDS_IN_V1 and not base.endswith("/v1"):
        base += "/v1"
    return f"{base}/{path}"


def supported(deployment: Deployment, speaker: Speaker, known: Mapping[str, Any]) -> frozenset[str]:
    """The parameters that LiteLLM sends on; others are dropped, or refused."""
    provider, name = deployment.provider, deployment.model_name
    if deployment.endpoint is Endpoint.EMBEDDINGS:
        short = provider == "openai" and deployment.params.get("drop_params") and "text-embedding-3" not in name
        return EMBEDDINGS - {"dimensions"} if short else EMBEDDINGS
    if provider == "openai":
        return openai_takes(name, known)
    flagged = {each for each, flag in speaker.flagged.items() if known.get(flag)}
    refused = {each for each, flag in speaker.refused.items() if known.get(flag) is False}
    if provider == "xai":
        refused |= {each for each, names in XAI_WITHOUT.items() if any(part in name for part in names)}
    return (speaker.takes | flagged) - refused


def openai_takes(name: str, known: Mapping[str, Any]) -> frozenset[str]:
    """OpenAI's own models, and whatever another server calls by OpenAI's provider name."""
    listed = known.get("litellm_provider") == "openai" and known.get("mode") in {"chat", "completion"}
    catalogued = listed and not name.startswith("ft:")
    takes = GPT | ({"user"} if catalogued else set())
    if "gpt-5-chat" not in name and re.search(r"gpt-[56]", name):
        without = NEVER_BY_REASONING | (frozenset() if known.get("supports_none_reasoning_effort") else SAMPLING)
        without |= frozenset() if known.get("supports_tool_choice") else {"tool_choice"}
        return (takes | {"reasoning_effort", "verbosity"} | efforts(known)) - without
    if catalogued and re.match(r"o\d", name):
        without = SAMPLING | {"frequency_penalty", "presence_penalty"}
        if not known.get("supports_function_calling"):
            without |= {"tools", "tool_choice", "function_call", "functions"}
        without |= frozenset() if known.get("supports_parallel_function_calling") else {"parallel_tool_calls"}
        without |= frozenset() if known.get("supports_response_schema") else {"response_format"}
        return (takes | {"reasoning_effort"} | {effort(level) for level in EFFORTS}) - without
    if name in {"gpt-4", "gpt-3.5-turbo-16k"}:
        return takes - {"response_format"}
    return takes if catalogued else takes | {"reasoning_effort"}


def efforts(known: Mapping[str, Any]) -> frozenset[str]:
    """The levels of effort that the price map's entry does not forbid to a model of OpenAI's reasoning series."""
    refused = {level for level in EFFORTS if known.get(f"supports_{level}_reasoning_effort") is False}
    return frozenset(effort(level) for level in EFFORTS if level not in refused)


def effort(level: str) -> str:
    """How a card names a level of effort among the parameters."""
    return f"reasoning_effort={level}"


def base_of(deployment: Deployment, speaker: Speaker) -> str | None:
    """The address that the deployment names, or a variable, or LiteLLM."""
    return deployment.api_base or next(
        (os.environ[each] for each in speaker.bases if os.environ.get(each)), speaker.base
    )


def key_of(deployment: Deployment, speaker: Speaker) -> str | None:
    """The deployment's key, or the one that LiteLLM would find in a variable. A secret: in no card."""
    found = deployment.api_key or next((os.environ[each] for each in speaker.keys if os.environ.get(each)), None)
    return found or speaker.no_key


def azure_version(deployment: Deployment) -> str:
    return str(deployment.params.get("api_version") or os.environ.get("AZURE_API_VERSION") or AZURE_VERSION)


def azure_v1(deployment: Deployment) -> bool:
    return azure_version(deployment) in AZURE_V1
