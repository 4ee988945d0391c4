"""LiteLLM's keys in a few words each, for editors; what a table of `taken` says of a key already, it says here too. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.litellm_keys import INFO, PARAMS, Table
from gateway.config.litellm_setting_keys import BUDGET, CACHE, GENERAL, LITELLM, ROUTER

_TABLES: Mapping[str, Table] = {
    "LitellmParams": PARAMS,
    "ModelInfo": INFO,
    "RouterSettings": ROUTER,
    "LitellmSettings": LITELLM,
    "GeneralSettings": GENERAL,
    "CacheParams": CACHE,
    "BudgetParams": BUDGET,
}
_PRICES = {
    "input_cost_per_token": "Dollars for one token of input.",
    "output_cost_per_token": "Dollars for one token of output.",
    "cache_read_input_token_cost": "Dollars for one token of cached input.",
    "cache_creation_input_token_cost": "Dollars for one token that is written to the provider's cache.",
    "output_cost_per_reasoning_token": "Dollars for one token of reasoning.",
    "input_cost_per_audio_token": "Dollars for one token of audio input.",
    "output_cost_per_audio_token": "Dollars for one token of audio output.",
    "input_cost_per_request": "Dollars for one request.",
}
_OUT = "true leaves the entry out."
_WORDS: Mapping[str, Mapping[str, str]] = {
    "ModelEntry": {"model_name": "The group that clients ask for; with a `*` a wildcard.", "blocked": _OUT},
    "LitellmParams": {
        **_PRICES,
        "model": "LiteLLM's name: the provider, a slash, the provider's name of the model.",
        "custom_llm_provider": "The provider, where `model` does not begin with it.",
        "api_key": "The key, best as `os.environ/NAME`.",
        "api_base": "The address, where it is not the provider's usual one.",
        "base_url": "The same as `api_base`.",
        "api_version": "Sent on to the provider.",
        "organization": "Sent on to the provider.",
        "tags": "With `routing.tag_filter`: only requests with one of these tags.",
        "drop_params": "Drop parameters that the provider does not know, instead of refusing the request.",
        "mock_response": "A fixed answer instead of a call.",
    },
    "ModelInfo": {
        **_PRICES,
        "id": "The deployment's id: letters, digits and . _ - : / @ #",
        "mode": "chat, completion, responses or embedding, where LiteLLM does not know the model.",
        "base_model": "The model whose price and windows are meant, where the name is only a deployment's (Azure).",
        "max_tokens": "The longest answer, in tokens.",
        "max_input_tokens": "The context window, in tokens.",
        "max_output_tokens": "The longest answer, in tokens.",
        "supports_reasoning": "Whether it reasons, so that `limits.default_max_tokens_reasoning` counts.",
        "blocked": _OUT,
    },
    "RouterSettings": {"routing_strategy": "As `routing.policy`, by LiteLLM's names, such as simple-shuffle."},
    "LitellmSettings": {
        "callbacks": "What `otel` and `prometheus` ask for is built in; `atelier check` tells of the others.",
        "success_callback": "As `callbacks`.",
    },
    "GeneralSettings": {
        "alerting": "Who is told when something is wrong; see `alerts.webhooks`.",
        "otel": "Traces; see `telemetry.otel`.",
    },
    "Alias": {"model": "The group.", "hidden": "Without effect: aliases are in no list of models."},
    "BudgetParams": {"max_budget": "Dollars.", "budget_duration": "The window of `max_budget`, such as 30d."},
    "MarginParams": {
        "percentage": "The share of the price: 0.1 for 10 per cent.",
        "fixed_amount": "Dollars a request.",
    },
}


def said(section: str, key: str) -> str | None:
    """What is said of a key in the section of this model's name; None for one that is not LiteLLM's."""
    words = _WORDS.get(section, {}).get(key)
    known = _TABLES.get(section, {}).get(key)
    if words is not None or known is None:
        return words
    why = f"stands for {known.why.removeprefix('is ')}" if known.why.startswith("is ") else known.why
    return f"{why[:1].upper()}{why[1:]}."
