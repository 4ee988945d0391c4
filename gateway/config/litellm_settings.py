"""LiteLLM's `router_settings`, `litellm_settings` and `general_settings`: the keys that mean something here.

`effective.py` carries them over into our sections; `taken.py` says of each what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from gateway.config.kinds import Name, Names
from gateway.config.litellm_kinds import Amount, Block, Duration, Given, Texts, Times


def _named_model(value: Any) -> Any:
    """An alias of several is one of none to LiteLLM."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else value
    return {"model": text} if isinstance(text, str) else text


def _models(value: Any) -> Any:
    """A fallback may be a request of its own to LiteLLM: its model is what is taken."""
    return (
        [each.get("model", each) if isinstance(each, dict) else each for each in value]
        if isinstance(value, list)
        else value
    )


def _budget(value: Any) -> Any:
    """LiteLLM has two names for each of the two."""
    if not isinstance(value, dict):
        return value
    named = {"max_budget": value.get("budget_limit"), "budget_duration": value.get("time_period")}
    return {**value, **{name: each for name, each in named.items() if each is not None}}


def _margin(value: Any) -> Any:
    return {"percentage": value} if not isinstance(value, dict) else value


class Alias(Block):
    """Another name of a group."""

    model: Name
    hidden: bool = False


class BudgetParams(Block):
    """Dollars in a window."""

    max_budget: Amount | None = None
    budget_duration: Duration | None = None


class MarginParams(Block):
    """What is added to a provider's price: a share of it (0.1 is 10 %), dollars for each request."""

    percentage: Amount = 0
    fixed_amount: Amount = 0


class CacheParams(Block):
    """LiteLLM's cache."""

    type: Name = "redis"
    ttl: Amount | None = None
    mode: Name | None = None


Fallbacks = tuple[Mapping[str, Annotated[Names, BeforeValidator(_models)]], ...]
PerError = Annotated[Mapping[str, Times], Given]


class FallbackSettings(Block):
    """Where to go on; `router_settings` counts first."""

    fallbacks: Fallbacks = ()
    default_fallbacks: Names = ()
    context_window_fallbacks: Fallbacks = ()
    content_policy_fallbacks: Fallbacks = ()
    max_fallbacks: Times | None = None
    num_retries: Times | None = None
    allowed_fails: Times | None = None


class RouterSettings(FallbackSettings):
    """Read into `groups`, `health`, `retry`, `timeouts`, `routing` and `budgets`."""

    model_group_alias: Mapping[str, Annotated[Alias, BeforeValidator(_named_model)]] = {}
    routing_strategy: str | None = None
    timeout: Amount | None = None
    stream_timeout: Amount | None = None
    cooldown_time: Amount | None = None
    disable_cooldowns: bool | None = None
    retry_policy: PerError = Field(default={})
    allowed_fails_policy: PerError = Field(default={})
    enable_pre_call_checks: bool | None = None
    enable_tag_filtering: bool | None = None
    default_max_parallel_requests: Times | None = None
    provider_budget_config: Mapping[str, Annotated[BudgetParams, BeforeValidator(_budget)]] = {}


class LitellmSettings(FallbackSettings):
    """Read into the same sections, and into `cache`, `prices`, `content`, `telemetry`."""

    request_timeout: Amount | None = None
    drop_params: bool | None = None
    cache: bool | None = None
    cache_params: CacheParams = CacheParams()
    max_budget: Amount | None = None
    budget_duration: Duration | None = None
    timezone: str | None = None
    default_internal_user_params: BudgetParams = BudgetParams()
    max_internal_user_budget: Amount | None = None
    internal_user_budget_duration: Duration | None = None
    default_team_params: BudgetParams = BudgetParams()
    default_key_generate_params: BudgetParams = BudgetParams()
    cost_discount_config: Annotated[Mapping[str, Annotated[Amount, Field(le=1)]], Given] = Field(default={})
    cost_margin_config: Annotated[Mapping[str, Annotated[MarginParams, BeforeValidator(_margin)]], Given] = Field(
        default={}
    )
    json_logs: bool | None = None
    turn_off_message_logging: bool | None = None
    callbacks: Texts = ()
    success_callback: Texts = ()


class GeneralSettings(Block):
    """The master key, bounds, what is kept, who is told."""

    master_key: SecretStr | None = None
    max_parallel_requests: Times | None = None
    global_max_parallel_requests: Times | None = None
    store_prompts_in_spend_logs: bool | None = None
    maximum_spend_logs_retention_period: Duration | None = None
    enforce_user_param: bool | None = None
    max_request_size_mb: Amount | None = None
    litellm_key_header_name: Name | None = None
    alerting: Texts = ()
    otel: bool | None = None
