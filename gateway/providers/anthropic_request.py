"""A request in Anthropic's own format, by LiteLLM's mapping of parameters and messages, without the layers around it.

What those layers do to a request (`litellm.main.completion`, the client wrapper) is done here in the same order with the
same functions, so that the body equals the sdk lane's (*internal*: pinned; tests compare the two). LiteLLM raises for
what it does not take.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from gateway import trace_context
from gateway.ports import ProviderRequest
from gateway.providers import params
from gateway.providers.runtime import load
from gateway.types import Deployment, Endpoint, JsonObject

ANTHROPIC = "anthropic"
ELSEWHERE = params.DEPLOYMENT - {"extra_headers"}  # settings that LiteLLM would act on
REVERSE_NAMES = "_anthropic_tool_name_map"
MOST_MODELS = 4096


@dataclass(frozen=True, slots=True)
class Known:
    """What LiteLLM knows of a deployment, whatever the request. `most`: tokens that its model can put out."""

    config: Any
    model: str
    url: str
    drops: bool
    supported: frozenset[str]
    headers: Mapping[str, str] = field(repr=False)
    most: int | None = None
    shared: bool = False  # input and output share one window


@dataclass(frozen=True, slots=True)
class Mapped:
    """A request as Anthropic takes it, and what reading the answer needs of it (see `anthropic_answer.completion`)."""

    body: JsonObject = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    json_mode: bool
    names: Mapping[str, str]
    prefix: str | None


def why_not(deployment: Deployment) -> str | None:
    """What keeps a deployment from this mapping, for people; None where nothing does. Needs no LiteLLM."""
    if deployment.endpoint is not Endpoint.CHAT:
        return "only chat completions are translated"
    if not deployment.model.startswith(f"{ANTHROPIC}/"):
        return f"LiteLLM tells by more than the prefix '{ANTHROPIC}/' whose model it is"
    if not key_of(deployment):
        return "LiteLLM finds other credentials than a key"
    if not ELSEWHERE.isdisjoint(deployment.params):
        return "LiteLLM acts on settings of its own"
    return None


def key_of(deployment: Deployment) -> str | None:
    """The deployment's key, or the one that LiteLLM would find in a variable."""
    return deployment.api_key or os.environ.get("ANTHROPIC_API_KEY")


def known(deployment: Deployment) -> Known:
    """Asks LiteLLM, once per deployment."""
    litellm, inner = load(), internals()
    model = deployment.model_name
    config = litellm.AnthropicConfig()
    return Known(
        config=config,
        model=model,
        url=address(deployment.api_base),
        drops=bool(deployment.params.get("drop_params", False)),
        supported=frozenset(config.get_supported_openai_params(model=model)),
        headers=dict(deployment.params.get("extra_headers") or {}),
        **bounds(inner, deployment.model),
    )


def bounds(inner: Any, model: str) -> dict[str, Any]:
    """What LiteLLM goes by when it lowers `max_tokens`; nothing where it does not know the model."""
    try:
        most = inner.get_max_tokens(model=model)
        return {"most": most, "shared": inner.get_model_info(model=model)["max_input_tokens"] == most}
    except Exception:  # noqa: BLE001 - LiteLLM raises a bare Exception for models that it does not know
        return {}


def address(api_base: str | None) -> str:
    """Where to post to: as LiteLLM completes an api_base, or by its variables."""
    inner = internals()
    base: str = (
        api_base
        or load().api_base
        or inner.get_secret("ANTHROPIC_API_BASE")
        or inner.get_secret("ANTHROPIC_BASE_URL")
        or "https://api.anthropic.com/v1/messages"
    )
    if base.endswith("/v1/messages") or inner.get_secret_bool("LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX"):
        return base
    return f"{base}/v1/messages"


def within(known: Known, body: JsonObject) -> bool:
    """Whether LiteLLM leaves `max_tokens` alone: it lowers what is beyond the model's own, after counting the input."""
    asked = body.get("max_tokens")
    if asked is None or known.most is None:
        return True
    return isinstance(asked, int) and not known.shared and asked <= known.most


def mapped(known: Known, request: ProviderRequest, *, stream: bool) -> Mapped:
    """The request as LiteLLM's Anthropic would send it. Raises whatever LiteLLM raises for what it does not take."""
    inner = internals()
    given = params.members(request.deployment, request.body, drops=known.drops)
    messages = conversation(inner, given.pop("messages"))
    asked = parameters(inner, known, given, stream=stream)
    json_mode = bool(asked.pop("json_mode", False))
    asked.pop("stream", None)
    own = {"X-Client-Request-Id": request.attempt_id, **trace_context.headers(request.traceparent)}
    headers = known.config.validate_environment(
        api_key=key_of(request.deployment),
        headers={**known.headers, **own},
        model=known.model,
        messages=messages,
        optional_params={**asked, "is_vertex_request": False},
        litellm_params={},
        api_base=known.url,
    )
    settings: dict[str, Any] = {"drop_params": known.drops}
    body = known.config.transform_request(
        model=known.model,
        messages=messages,
        optional_params={**asked, "is_vertex_request": False},
        litellm_params=settings,
        headers=headers,
    )
    headers, body = inner.filtered(headers=headers, request_data=body, provider=ANTHROPIC)
    if stream:
        body["stream"] = True
    names = settings.get(REVERSE_NAMES) or {}
    return Mapped(body, headers, json_mode, names, known.config.get_prefix_prompt(messages=messages))


def conversation(inner: Any, messages: Any) -> list[Any]:
    """The messages as `litellm.completion` hands them on."""
    fixed = inner.validate_and_fix_openai_messages(messages=messages)
    fixed = inner.update_messages_with_model_file_ids(messages=fixed, model_id=None, model_file_id_mapping={})
    found: list[Any] = inner.map_developer_role_to_system_role(messages=fixed)
    return found


def parameters(inner: Any, known: Known, given: JsonObject, *, stream: bool) -> JsonObject:
    """OpenAI's parameters as Anthropic's. Raises ValueError for one that LiteLLM has no translation for."""
    for name, fix in inner.fixes.items():
        if name in given:
            given[name] = fix(given[name])
    if stream:
        given["stream"] = True
    asked = {name: given[name] for name in inner.order if given.get(name) is not None}
    unsupported = asked.keys() - known.supported - inner.unvalidated
    if unsupported and not known.drops:
        raise ValueError(f"Anthropic does not support {', '.join(sorted(unsupported))}")
    for name in unsupported:
        del asked[name]
    found: JsonObject = known.config.map_openai_params(
        model=known.model, non_default_params=asked, optional_params={}, drop_params=known.drops
    )
    return found


@functools.cache
def internals() -> Any:
    """LiteLLM's functions that stand between `acompletion` and its Anthropic mapping, by their names there."""
    litellm, utils = load(), importlib.import_module("litellm.utils")
    common: Any = importlib.import_module("litellm.litellm_core_utils.prompt_templates.common_utils")
    secrets: Any = importlib.import_module("litellm.secret_managers.main")
    betas: Any = importlib.import_module("litellm.anthropic_beta_headers_manager")
    base: Any = importlib.import_module("litellm.llms.base_llm.base_utils")
    remember_models()
    config = litellm.AnthropicConfig()
    fixes: dict[str, Callable[[Any], Any]] = {
        "tools": lambda value: utils.validate_and_fix_openai_tools(tools=value),
        "tool_choice": lambda value: utils.validate_chat_completion_tool_choice(tool_choice=value),
        "stop": lambda value: utils.validate_openai_optional_params(stop=value),
        "thinking": lambda value: utils.validate_and_fix_thinking_param(thinking=value),
        "response_format": lambda value: config.get_json_schema_from_pydantic_object(response_format=value),
    }
    return SimpleNamespace(
        fixes=fixes,
        order=[
            name for name in inspect.signature(utils.get_optional_params).parameters if name in {*params.CHAT, "stream"}
        ],
        unvalidated=utils.PROVIDER_UNVALIDATED_PARAMS,
        validate_and_fix_openai_messages=utils.validate_and_fix_openai_messages,
        update_messages_with_model_file_ids=common.update_messages_with_model_file_ids,
        map_developer_role_to_system_role=base.map_developer_role_to_system_role,
        get_secret=secrets.get_secret,
        get_secret_bool=secrets.get_secret_bool,
        get_max_tokens=litellm.get_max_tokens,
        get_model_info=litellm.get_model_info,
        filtered=betas.update_request_with_filtered_beta,
    )


def remember_models() -> None:
    """Let LiteLLM look a model up in its map once, not five times a request (*internal*): the map does not change."""
    transformation: Any = importlib.import_module("litellm.llms.anthropic.chat.transformation")
    models: Any = importlib.import_module("litellm.llms.anthropic.common_utils").AnthropicModelInfo
    config = transformation.AnthropicConfig
    remember = functools.lru_cache(MOST_MODELS)
    for name in ("_supports_model_capability", "_get_model_capability"):
        setattr(models, name, staticmethod(remember(getattr(models, name))))
    config.get_max_tokens_for_model = staticmethod(remember(config.get_max_tokens_for_model))
    transformation.supports_mid_conversation_system = remember(transformation.supports_mid_conversation_system)
