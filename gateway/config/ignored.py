"""What stands in LiteLLM's blocks and has no effect here, each as a warning with its reason. Never an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.config.config import ConfigFile
from gateway.config.effective import STRATEGIES
from gateway.config.litellm_models import LitellmParams
from gateway.config.positions import Items, Section, place
from gateway.config.problems import Path, Problem, did_you_mean
from gateway.config.wording import keys_at

PASSED_ON = frozenset(
    {
        "aws_access_key_id",
        "aws_bedrock_runtime_endpoint",
        "aws_profile_name",
        "aws_region_name",
        "aws_role_name",
        "aws_secret_access_key",
        "aws_session_name",
        "aws_session_token",
        "azure_ad_token",
        "client_id",
        "client_secret",
        "extra_headers",
        "region_name",
        "tenant_id",
        "vertex_credentials",
        "vertex_location",
        "vertex_project",
        "watsonx_region_name",
    }
)
_CALLERS = frozenset(
    {"max_completion_tokens", "max_tokens", "reasoning_effort", "seed", "stop", "temperature", "thinking", "top_p"}
)
_LATER = "is read, but has no effect yet"
_CALLERS_OWN = "is not taken: it is for the caller to say; a prompt template can say it too"
_NO_EFFECT = {
    "tpm": _LATER,
    "rpm": _LATER,
    "tags": _LATER,
    "access_groups": _LATER,
    "max_budget": _LATER,
    "budget_duration": _LATER,
    "context_window_fallbacks": "is not taken yet; such requests go to the ordinary fallbacks",
    "content_policy_fallbacks": "is not taken yet; such requests go to the ordinary fallbacks",
    "max_retries": "is not taken: `retry.attempts` counts for every deployment",
    "callbacks": "is not taken: no callback code runs here; see `telemetry`",
    "success_callback": "is not taken: no callback code runs here; see `telemetry`",
    "failure_callback": "is not taken: no callback code runs here; see `telemetry`",
    "custom_auth": "is not taken: no code of the file's choice runs here",
    "cache": "is not taken: see `cache.enabled` of our own",
    "cache_params": "is not taken: see the section `cache` of our own",
    "database_url": "is not taken: see `store.database_url` of our own",
    "redis_host": "is not taken: see `store.redis_url` of our own",
    "redis_port": "is not taken: see `store.redis_url` of our own",
    "redis_password": "is not taken: see `store.redis_url` of our own",
    "redis_url": "is not taken: see `store.redis_url` of our own",
    "set_verbose": "is not taken: see `telemetry.log_level` of our own",
    "json_logs": "is not taken: see `telemetry.log_format` of our own",
}
_OTHER_BLOCKS = frozenset(
    {
        "agent_list",
        "agents",
        "assistant_settings",
        "callback_settings",
        "credential_list",
        "default_vertex_config",
        "files_settings",
        "finetune_settings",
        "guardrails",
        "mcp_servers",
        "mcp_tools",
        "pass_through_endpoints",
        "policy_attachments",
        "prompts",
        "sandbox_tools",
        "search_tools",
        "vector_store_registry",
        "worker_registry",
    }
)
_BLOCKS = ("router_settings", "litellm_settings", "general_settings")


def set_aside(root: Section) -> list[Problem]:
    """Take LiteLLM's other blocks out of `root`, and say so."""
    what, mend = "this block of LiteLLM's has no meaning here", "nothing needs to be done"
    found = [name for name in root if name in _OTHER_BLOCKS]
    warnings = [Problem(root.keys_at[name], (name,), what, mend) for name in found]
    for name in found:
        del root[name]
    return warnings


def ignored_keys(file: ConfigFile, root: Section) -> list[Problem]:
    """A warning for each key without effect."""
    return [*_keys(root), *_strategy(file, root)]


def _keys(root: Section) -> Iterator[Problem]:
    for block in _BLOCKS:
        yield from _section(root, (block,))
    for index in range(len(root["model_list"])):
        for path in (
            ("model_list", index),
            ("model_list", index, "litellm_params"),
            ("model_list", index, "model_info"),
        ):
            yield from _section(root, path)


def _section(root: Section, path: Path) -> Iterator[Problem]:
    section = _at(root, path)
    if not isinstance(section, Section):
        return
    known = keys_at(ConfigFile, path)
    for name in section:
        reason = _CALLERS_OWN if path[-1] == "litellm_params" and name in _CALLERS else _NO_EFFECT.get(name)
        if reason is None and (name in known or _is_silent(path, name)):
            continue
        if isinstance(path[-1], int) and name in LitellmParams.model_fields:
            reason = "has no effect here: move it below `litellm_params`"
        what, _, mend = (reason or "is not read by this gateway").partition(": ")
        mend = mend or (did_you_mean(name, known) if reason is None else "nothing needs to be done")
        yield Problem(place(root, (*path, name), key=True), (*path, name), what, mend)


def _is_silent(path: Path, name: str) -> bool:
    if path[-1] == "litellm_params":
        return name in PASSED_ON
    return path[-1] == "model_info" and (name.startswith("supports_") or name == "description")


def _strategy(file: ConfigFile, root: Section) -> Iterator[Problem]:
    strategy = file.router_settings.routing_strategy
    if strategy and strategy not in STRATEGIES:
        path = ("router_settings", "routing_strategy")
        used = file.routing.policy if "policy" in file.routing.model_fields_set else "weighted"
        yield Problem(
            place(root, path), path, f"this strategy is not built in; `{used}` is used", "see `routing.policy`"
        )


def _at(root: Section, path: Path) -> Any:
    here: Any = root
    for part in path:
        if isinstance(here, Section) and part in here:
            here = here[part]  # type: ignore[index]
        elif isinstance(here, Items) and isinstance(part, int):
            here = here[part]
        else:
            return None
    return here
