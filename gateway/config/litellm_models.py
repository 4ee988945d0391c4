"""LiteLLM's `model_list` and `credential_list`: what this gateway takes of an entry.

What stands in a block but not in its model is no mistake: `taken.py` lists it with its reason. Wrong values of what is
taken are mistakes like any other. Credentials never show in a repr.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr

from gateway.config.kinds import Count, Name, Names, Whole
from gateway.config.litellm_kinds import Amount, Block, Duration, PerToken, Times


def _id(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


class Costs(Block):
    """Dollars; they win over LiteLLM's price map. Prices `…_above_200k_tokens` are kept as further keys."""

    input_cost_per_token: PerToken | None = None
    output_cost_per_token: PerToken | None = None
    cache_read_input_token_cost: PerToken | None = None
    cache_creation_input_token_cost: PerToken | None = None
    output_cost_per_reasoning_token: PerToken | None = None
    input_cost_per_audio_token: PerToken | None = None
    output_cost_per_audio_token: PerToken | None = None
    input_cost_per_request: Amount | None = None


class LitellmParams(Costs):
    """How one deployment is called."""

    model: Name
    custom_llm_provider: Name | None = None
    api_key: SecretStr | None = None
    api_base: Name | None = Field(default=None, repr=False)
    base_url: Name | None = Field(default=None, repr=False)
    api_version: Name | None = None
    organization: Annotated[Name | None, BeforeValidator(_first)] = None
    litellm_credential_name: Name | None = None
    tpm: Times | None = None
    rpm: Times | None = None
    timeout: Amount | None = None
    stream_timeout: Amount | None = None
    max_parallel_requests: Times | None = None
    weight: Amount | None = None
    order: Whole | None = None
    tags: Names = ()
    max_budget: Amount | None = None
    budget_duration: Duration | None = None
    drop_params: bool | None = None
    mock_response: str | None = Field(default=None, repr=False)


class ModelInfo(Costs):
    """What is to be known of one deployment."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/@#-]{1,200}$"), BeforeValidator(_id)] | None = None
    mode: Name | None = None
    base_model: Name | None = None
    max_tokens: Count | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    supports_reasoning: bool | None = None
    access_groups: Names = ()
    tier: Name | None = None
    blocked: bool | None = None


class ModelEntry(Block):
    """One deployment; entries of the same `model_name` are a group."""

    model_name: Name
    litellm_params: LitellmParams
    model_info: ModelInfo = ModelInfo()
    blocked: bool | None = None

    @property
    def is_out(self) -> bool:
        """Whether it is left out for now."""
        return bool(self.blocked or self.model_info.blocked)

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every model whose name fits a pattern."""
        return "*" in self.model_name
