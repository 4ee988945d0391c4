"""LiteLLM's blocks of `config.yaml`: what this gateway takes of them.

What stands in a block but not in its model is no mistake: the loader lists it as a warning. Wrong values of what is
taken are mistakes like any other. Credentials never show in a repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from gateway.config.kinds import Address, Count, Name, Names, Number, Seconds, Whole, without_nulls

MAX_DOLLARS_PER_TOKEN = 0.01


class Block(BaseModel):
    """Frozen; further keys are kept aside, and out of the repr because they may be credentials."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _null_means_default(cls, value: Any) -> Any:
        return without_nulls(value, cls)

    def __repr_args__(self) -> Any:
        return [(name, value) for name, value in super().__repr_args__() if name in type(self).model_fields]


def _per_token(value: float) -> float:
    if value > MAX_DOLLARS_PER_TOKEN:
        raise ValueError("is dollars for a single token; divide the price per million tokens by 1000000")
    return value


def _named_model(value: Any) -> Any:
    return {"model": value} if isinstance(value, str) else value


PerToken = Annotated[Number, Field(ge=0), AfterValidator(_per_token)]


class Costs(Block):
    """Dollars; they win over LiteLLM's price map."""

    input_cost_per_token: PerToken | None = None
    output_cost_per_token: PerToken | None = None
    cache_read_input_token_cost: PerToken | None = None
    cache_creation_input_token_cost: PerToken | None = None
    output_cost_per_reasoning_token: PerToken | None = None
    input_cost_per_audio_token: PerToken | None = None
    output_cost_per_audio_token: PerToken | None = None
    input_cost_per_request: Annotated[Number, Field(ge=0)] | None = None


class LitellmParams(Costs):
    """How one deployment is called."""

    model: Name
    custom_llm_provider: Name | None = None
    api_key: SecretStr | None = None
    api_base: Address | None = Field(default=None, repr=False)
    base_url: Address | None = Field(default=None, repr=False)
    api_version: Name | None = None
    organization: Name | None = None
    tpm: Count | None = None
    rpm: Count | None = None
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    max_parallel_requests: Count | None = None
    weight: Annotated[Whole, Field(ge=0)] | None = None
    order: Annotated[Whole, Field(ge=0)] | None = None
    tags: Names = ()
    drop_params: bool | None = None
    mock_response: str | None = Field(default=None, repr=False)


class ModelInfo(Costs):
    """What is to be known of one deployment."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:/@#-]{1,200}$")] | None = None
    mode: Name | None = None
    base_model: Name | None = None
    max_tokens: Count | None = None
    max_input_tokens: Count | None = None
    max_output_tokens: Count | None = None
    supports_reasoning: bool | None = None
    tier: Name | None = None


class ModelEntry(Block):
    """One deployment; entries of the same `model_name` are a group."""

    model_name: Name
    litellm_params: LitellmParams
    model_info: ModelInfo = ModelInfo()


class Alias(Block):
    """Another name of a group."""

    model: Name
    hidden: bool = False


Fallbacks = tuple[Mapping[str, Names], ...]


class RouterSettings(Block):
    """Read into `groups`, `health`, `retry`, `timeouts` and `routing`."""

    fallbacks: Fallbacks = ()
    default_fallbacks: Names = ()
    model_group_alias: Mapping[str, Annotated[Alias, BeforeValidator(_named_model)]] = {}
    routing_strategy: str | None = None
    num_retries: Annotated[Whole, Field(ge=0)] | None = None
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    allowed_fails: Annotated[Whole, Field(ge=0)] | None = None
    cooldown_time: Seconds | None = None
    disable_cooldowns: bool | None = None


class LitellmSettings(Block):
    """As `RouterSettings`, which counts first."""

    fallbacks: Fallbacks = ()
    default_fallbacks: Names = ()
    request_timeout: Seconds | None = None
    num_retries: Annotated[Whole, Field(ge=0)] | None = None
    allowed_fails: Annotated[Whole, Field(ge=0)] | None = None
    drop_params: bool | None = None


class GeneralSettings(Block):
    """The master key, and a bound for every deployment that has none."""

    master_key: SecretStr | None = None
    max_parallel_requests: Count | None = None
