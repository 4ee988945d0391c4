"""What becomes of each key that LiteLLM documents: taken (and where it goes), changed, or ignored, and why.

Only a table; `taken.py` reads it against a file. A key that a model of ours has not and that is not listed here is
not known to LiteLLM's documentation either, or too new for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["taken", "changed", "ignored"]


@dataclass(frozen=True, slots=True)
class Known:
    """`ours`: the keys of our own that it stands for; where the file gives them too, those count.

    `quiet`: nothing is lost, or a file of ours would say it so too: it is listed but no warning.
    """

    verdict: Verdict
    why: str
    ours: tuple[str, ...] = ()
    quiet: bool = False


Table = dict[str, Known]


def takes(why: str, *ours: str) -> Known:
    return Known("taken", why or f"is `{ours[0]}`", ours)


def changes(why: str, *ours: str) -> Known:
    return Known("changed", why, ours)


def ignores(why: str, names: str, *, quiet: bool = False) -> Table:
    return {name: Known("ignored", why, quiet=quiet) for name in names.split()}


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
OLDER_NAMES = {f"vertex_ai_{name}": f"vertex_{name}" for name in ("project", "location", "credentials")}
_CALLERS = "it is for the caller to say; a prompt template can say it too"
_ROUTERS = "LiteLLM's routers do not run here; see `routing.models` and `routing.rules`"
_TIME = "attempts are billed by tokens and requests; give input_cost_per_token and output_cost_per_token"
_KINDS = "only chat, Responses and embeddings are served yet"
_PROBES = "no model is called only to see whether it answers; health comes from real requests"

PARAMS: Table = {
    **{name: Known("taken", "goes on to the provider") for name in (*PASSED_ON, *OLDER_NAMES)},
    "rpm": takes("requests a minute; and the share of requests where none of the group has a weight"),
    "tpm": takes("tokens a minute; and the share of requests where none of the group has weight or rpm"),
    "weight": takes("the share of requests"),
    "order": takes("the lower, the earlier; who has none comes after those that have one"),
    "timeout": takes("the longest life of an attempt"),
    "stream_timeout": takes("the longest wait for a first chunk"),
    "max_parallel_requests": takes("requests at once; more of them wait"),
    "max_budget": takes("once it is spent, the deployment is left out"),
    "budget_duration": takes("the window of `max_budget`"),
    "litellm_credential_name": takes("the values of that credential that do not stand here"),
    **ignores(
        _CALLERS,
        "max_completion_tokens max_tokens reasoning_effort seed stop temperature thinking top_p top_k presence_penalty"
        " frequency_penalty n user response_format extra_body stream logit_bias verbosity service_tier",
    ),
    "max_retries": Known("ignored", "retries are counted in one place: `retry.per_group`"),
    "num_retries": Known("ignored", "retries are counted in one place: `retry.per_group`"),
    **ignores(_TIME, "cost_per_second input_cost_per_second output_cost_per_second input_cost_per_character"),
    **ignores(_TIME, "output_cost_per_character input_cost_per_pixel output_cost_per_pixel tiered_pricing"),
    **ignores(_KINDS, "input_cost_per_image output_cost_per_image input_cost_per_query vector_store_id"),
    **ignores(_ROUTERS, "auto_router_config auto_router_config_path auto_router_default_model"),
    **ignores(_ROUTERS, "auto_router_embedding_model complexity_router_config complexity_router_default_model"),
    **ignores("see `routing.rules` for what depends on a request", "tag_regex region allowed_model_region"),
    **ignores("`tpm` bounds input and output together", "itpm otpm"),
    **ignores("a deployment's cooldown is `health.open_for`", "cooldown_time"),
    **ignores(
        "a client never says with which key or where a deployment is called", "configurable_clientside_auth_params"
    ),
    **ignores("a key's limits are its own; see docs/admin.md", "default_api_key_tpm_limit default_api_key_rpm_limit"),
    **ignores("there are no pass-through routes", "use_in_pass_through use_litellm_proxy"),
    **ignores("is not passed on; give an api_key, azure_ad_token or role", "azure_scope azure_username azure_password"),
    **ignores("is not passed on; give keys or a role", "aws_web_identity_token aws_sts_endpoint aws_external_id"),
    **ignores("answers are passed on as they came", "merge_reasoning_content_in_choices"),
}
INFO: Table = {
    "access_groups": takes("names in a key's `models` that stand for this group too"),
    "tier": takes("the tier that policies see"),
    **ignores(
        "everybody whose key may use the group may call it; name it in the keys' `models` instead",
        "team_id team_public_model_name access_windows",
    ),
    **ignores(_PROBES, "health_check_model health_check_timeout disable_background_health_check"),
    **ignores(
        "what a model can do is looked up in LiteLLM's map", "litellm_provider supported_openai_params", quiet=True
    ),
    **ignores("nothing depends on it", "description created_at created_by updated_at updated_by db_model", quiet=True),
    **ignores(
        "nothing depends on it",
        "output_vector_size supported_environments discoverable internal_router_model",
        quiet=True,
    ),
}
OTHER_BLOCKS: Table = {
    **ignores(_KINDS, "assistant_settings files_settings finetune_settings search_tools sandbox_tools"),
    **ignores(
        "there are no agents or tools; clients bring their own", "agent_list agents mcp_servers mcp_tools mcp_aliases"
    ),
    **ignores("no guardrail of LiteLLM's runs here; see `pipeline.stages`", "guardrails policy_attachments policies"),
    **ignores("settings of callbacks that do not run here", "callback_settings"),
    **ignores("write `vertex_project` and `vertex_location` into the entries", "default_vertex_config"),
    **ignores("there are no pass-through routes", "pass_through_endpoints"),
    **ignores("there are no vector stores", "vector_store_registry vector_stores"),
    **ignores("prompts are templates; see `templates.path`", "prompts"),
    **ignores("workers are `server.workers`", "worker_registry"),
}
