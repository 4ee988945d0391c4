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

    `quiet`: nothing is lost, so it is listed but no warning.
    """

    verdict: Verdict
    why: str
    ours: tuple[str, ...] = ()
    quiet: bool = False


Table = dict[str, Known]


def _taken(why: str, *ours: str) -> Known:
    return Known("taken", why or f"is `{ours[0]}`", ours)


def _changed(why: str, *ours: str) -> Known:
    return Known("changed", why, ours)


def _ignored(why: str, names: str, *, quiet: bool = False) -> Table:
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
_CALLERS = "it is for the caller to say; a prompt template can say it too"
_ROUTERS = "LiteLLM's routers do not run here; see `routing.models` and `routing.rules`"
_TIME = "attempts are billed by tokens and requests; give input_cost_per_token and output_cost_per_token"
_REDIS = "LiteLLM's own Redis is left alone; `store.redis_url` is ours, and must be another database"
_DATABASE = "LiteLLM's own database is left alone; `atelier import-litellm` takes its keys over, and `store.database_url` is ours"
_CODE = "no code of the file's choice runs here; see `pipeline.stages` for stages of your own"
_KEEPS = "requests go on without the store for as long as they can, whatever stands here; see docs/operations.md"
_PEOPLE = "people, teams and their rights are kept in the gateway; see docs/admin.md"
_NET = "put it into the proxy in front; see docs/operations.md"
_PAGES = "the dashboard has settings of its own"
_KINDS = "only chat, Responses and embeddings are served yet"
_PROBES = "no model is called only to see whether it answers; health comes from real requests"
_FILES = "models live in this file; a changed one is read again while the gateway runs"
_SPEND = "the ledger writes every attempt at once and rolls it up by itself"

PARAMS: Table = {
    **{name: Known("taken", "goes on to the provider") for name in PASSED_ON},
    "rpm": _taken("requests a minute; and the share of requests where none of the group has a weight"),
    "tpm": _taken("tokens a minute; and the share of requests where none of the group has weight or rpm"),
    "weight": _taken("the share of requests"),
    "order": _taken("the lower, the earlier; who has none comes after those that have one"),
    "timeout": _taken("the longest life of an attempt"),
    "stream_timeout": _taken("the longest wait for a first chunk"),
    "max_parallel_requests": _taken("requests at once; more of them wait"),
    "max_budget": _taken("once it is spent, the deployment is left out"),
    "budget_duration": _taken("the window of `max_budget`"),
    "litellm_credential_name": _taken("the values of that credential that do not stand here"),
    **_ignored(
        _CALLERS,
        "max_completion_tokens max_tokens reasoning_effort seed stop temperature thinking top_p top_k presence_penalty"
        " frequency_penalty n user response_format extra_body stream logit_bias verbosity service_tier",
    ),
    "max_retries": Known("ignored", "retries are counted in one place: `retry.per_group`"),
    "num_retries": Known("ignored", "retries are counted in one place: `retry.per_group`"),
    **_ignored(_TIME, "cost_per_second input_cost_per_second output_cost_per_second input_cost_per_character"),
    **_ignored(_TIME, "output_cost_per_character input_cost_per_pixel output_cost_per_pixel tiered_pricing"),
    **_ignored(_KINDS, "input_cost_per_image output_cost_per_image input_cost_per_query vector_store_id"),
    **_ignored(_ROUTERS, "auto_router_config auto_router_config_path auto_router_default_model"),
    **_ignored(_ROUTERS, "auto_router_embedding_model complexity_router_config complexity_router_default_model"),
    **_ignored("see `routing.rules` for what depends on a request", "tag_regex region allowed_model_region"),
    **_ignored("`tpm` bounds input and output together", "itpm otpm"),
    **_ignored("a deployment's cooldown is `health.open_for`", "cooldown_time"),
    **_ignored(
        "a client never says with which key or where a deployment is called", "configurable_clientside_auth_params"
    ),
    **_ignored("a key's limits are its own; see docs/admin.md", "default_api_key_tpm_limit default_api_key_rpm_limit"),
    **_ignored("there are no pass-through routes", "use_in_pass_through use_litellm_proxy"),
}
INFO: Table = {
    "access_groups": _taken("names in a key's `models` that stand for this group too"),
    "tier": _taken("the tier that policies see"),
    **_ignored(
        "everybody whose key may use the group may call it; name it in the keys' `models` instead",
        "team_id team_public_model_name access_windows",
    ),
    **_ignored(_PROBES, "health_check_model health_check_timeout disable_background_health_check"),
    **_ignored(
        "what a model can do is looked up in LiteLLM's map", "litellm_provider supported_openai_params", quiet=True
    ),
    **_ignored("nothing depends on it", "description created_at created_by updated_at updated_by db_model", quiet=True),
    **_ignored("nothing depends on it", "output_vector_size supported_environments discoverable", quiet=True),
}
_BOTH: Table = {
    "fallbacks": _taken("", "groups.<name>.fallbacks"),
    "default_fallbacks": _taken("where a group without fallbacks of its own goes on"),
    "context_window_fallbacks": _taken("", "groups.<name>.context_window_fallbacks"),
    "content_policy_fallbacks": _taken("", "groups.<name>.content_policy_fallbacks"),
    "num_retries": _taken("is `retry.per_group`, less the first attempt", "retry.per_group"),
    "allowed_fails": _changed("is `health.failures`: in a row, where LiteLLM counts a minute's", "health.failures"),
    "max_fallbacks": _changed("`retry.attempts` bounds the attempts of a request, over all groups"),
}
ROUTER: Table = {
    **_BOTH,
    "model_group_alias": _taken("further names of groups, which are in no list of models"),
    "timeout": _taken("each attempt has so long; `timeouts.total` leaves room for all of them", "timeouts.total"),
    "stream_timeout": _taken("", "stream.ttft_timeout"),
    "cooldown_time": _taken("is `health.open_for`, each time", "health.open_for"),
    "disable_cooldowns": _taken("is `health.enabled`, the other way round", "health.enabled"),
    "retry_policy": _taken("is `retry.by_error`, less the first attempt", "retry.by_error"),
    "allowed_fails_policy": _changed("is `health.failures_by_error`: failures in a row", "health.failures_by_error"),
    "enable_pre_call_checks": _taken("", "routing.check_context"),
    "enable_tag_filtering": _taken("", "routing.tag_filter"),
    "enable_weighted_failover": _taken("a failed attempt always goes on to the group's other deployments"),
    "default_max_parallel_requests": _taken("requests at once, for deployments that do not say it"),
    "provider_budget_config": _taken("", "budgets.providers"),
    **_ignored(_REDIS, "redis_host redis_port redis_password redis_url redis_db redis_ssl cache_kwargs"),
    **_ignored("a retry goes to another deployment at once; a provider's own Retry-After is kept to", "retry_after"),
    **_ignored("see `retry.by_error`, which counts for every group", "model_group_retry_policy"),
    **_ignored("a policy's parameters are in `policies.parameters`", "routing_strategy_args"),
    **_ignored(
        "see `groups.<name>.policy` and `routing.rules`", "routing_groups weights plugins model_group_affinity_config"
    ),
    **_ignored("all keys wait alike; a request's service_tier decides its class", "default_priority polling_interval"),
    **_ignored("see the section `cache`", "cache_responses caching_groups"),
    **_ignored("write it into each entry of `model_list`", "default_litellm_params"),
    **_ignored("a request with one of a deployment's tags may use it", "tag_filtering_match_any tag_routing_prefix"),
    **_ignored("see `telemetry.log_level`", "set_verbose debug_level"),
    **_ignored("see `alerts.webhooks`", "alerting_config"),
    **_ignored("prompt caching needs no routing of its own; limits count always", "optional_pre_call_checks"),
    **_ignored(
        _PROBES, "enable_health_check_routing health_check_staleness_threshold health_check_ignore_transient_errors"
    ),
    **_ignored("a mistake is told before anything is served", "ignore_invalid_deployments"),
    **_ignored("connections are kept by the gateway", "client_ttl", quiet=True),
    **_ignored(_KINDS, "assistants_config search_tools guardrail_list router_general_settings"),
}
LITELLM: Table = {
    **_BOTH,
    "request_timeout": _taken(
        "each attempt has so long; `timeouts.total` leaves room for all of them", "timeouts.total"
    ),
    "drop_params": _taken("for every deployment that does not say it itself"),
    "cache": _changed("is `cache.enabled`: equal requests of one team, never another's", "cache.enabled"),
    "max_budget": _taken("", "budgets.total"),
    "budget_duration": _taken("the window of `budgets.total`", "budgets.total"),
    "timezone": _taken("", "routing.timezone"),
    "max_internal_user_budget": _taken("", "budgets.new_users"),
    "internal_user_budget_duration": _taken("the window of `budgets.new_users`", "budgets.new_users"),
    "cost_discount_config": _taken("is `prices.discounts`, in per cent", "prices.discounts"),
    "cost_margin_config": _taken("is `prices.margins`, in per cent; `global` is `*`", "prices.margins"),
    "json_logs": _taken("", "telemetry.log_format"),
    "turn_off_message_logging": _taken("texts are not kept, whatever else says so", "content.store"),
    **_ignored("see `telemetry.log_level`", "set_verbose log_level debug_level suppress_debug_info"),
    **_ignored("see `alerts.webhooks`; a failed attempt is in the ledger and in the log", "failure_callback"),
    **_ignored(_CODE, "post_call_rules pre_call_rules custom_provider_map input_callback service_callback"),
    **_ignored(_CODE, "audit_log_callbacks cold_storage_custom_logger"),
    **_ignored(
        _PEOPLE, "default_team_settings upperbound_key_generate_params key_generation_settings max_ui_session_budget"
    ),
    **_ignored(_PEOPLE, "default_max_internal_user_budget max_end_user_budget max_end_user_budget_id max_user_budget"),
    **_ignored(_PEOPLE, "tag_budget_config model_group_settings priority_reservation public_model_groups"),
    **_ignored(
        _REDIS, "enable_redis_auth_cache default_redis_ttl default_in_memory_ttl default_redis_batch_cache_expiry"
    ),
    **_ignored("no guardrail of LiteLLM's runs here", "guardrails banned_keywords_list blocked_user_list"),
    **_ignored("prompts are templates; see `templates.path`", "global_prompt_directory global_gitlab_config"),
    **_ignored("certificates are the system's", "ssl_verify ssl_certificate ssl_security_level"),
    **_ignored("log lines and metrics have settings of their own; see docs/observability.md", "store_audit_logs"),
    **_ignored(
        "metrics are at /metrics; see docs/metrics.md", "custom_prometheus_metadata_labels custom_prometheus_tags"
    ),
    **_ignored(
        "metrics are at /metrics; see docs/metrics.md", "prometheus_metrics_config prometheus_initialize_budget_metrics"
    ),
    **_ignored("metrics are at /metrics; see docs/metrics.md", "require_auth_for_metrics_endpoint"),
    **_ignored("settings of LiteLLM's logging integrations", "langfuse_default_tags s3_callback_params datadog_params"),
    **_ignored(
        "settings of LiteLLM's logging integrations", "aws_sqs_callback_params langsmith_batch_size newrelic_params"
    ),
    **_ignored("requests are passed on as they came", "modify_params add_function_to_prompt model_alias_map"),
    **_ignored("usage is always asked for", "include_cost_in_streaming_usage always_include_stream_usage", quiet=True),
    **_ignored("see `routing.models`", "longer_context_model_fallback_dict model_fallbacks"),
    **_ignored("a budget that is spent is answered with 429 `insufficient_quota`", "budget_exceeded_status_code"),
}
GENERAL: Table = {
    "master_key": _taken("an admin key, which may also call models"),
    "max_parallel_requests": _taken("requests at once of keys without a bound of their own", "limits.max_parallel"),
    "global_max_parallel_requests": _taken("", "limits.max_parallel_total"),
    "store_prompts_in_spend_logs": _taken("is `content.store: full`", "content.store"),
    "maximum_spend_logs_retention_period": _taken(
        "is `content.retention_days`; money is kept", "content.retention_days"
    ),
    "enforce_user_param": _taken("", "limits.require_user"),
    "max_request_size_mb": _taken("", "server.max_body_mb", "server.max_media_body_mb"),
    "litellm_key_header_name": _taken("", "keys.header"),
    **_ignored(_DATABASE, "database_url database_connection_pool_limit database_connection_timeout database_type"),
    **_ignored(
        _DATABASE, "database_args database_connect_timeout database_socket_timeout database_extra_connection_params"
    ),
    **_ignored(_REDIS, "coordination_redis use_redis_transaction_buffer use_shared_health_check"),
    **_ignored(_KEEPS, "allow_requests_on_db_unavailable fail_closed_rate_limit_enforcement"),
    **_ignored(
        _CODE, "custom_auth custom_auth_run_common_checks custom_key_generate custom_key_update custom_sso plugins"
    ),
    **_ignored(_PROBES, "background_health_checks health_check_interval health_check_concurrency health_check_details"),
    **_ignored(
        _FILES, "store_model_in_db supported_db_objects proxy_config_reload_interval_seconds infer_model_from_keys"
    ),
    **_ignored(_SPEND, "proxy_batch_write_at proxy_budget_rescheduler_min_time proxy_budget_rescheduler_max_time"),
    **_ignored(_SPEND, "disable_spend_logs disable_reset_budget spend_report_frequency disable_spend_updates"),
    **_ignored(
        _SPEND, "maximum_spend_logs_retention_interval maximum_spend_logs_cleanup_cron spend_logs_metadata_fields"
    ),
    **_ignored(
        _NET, "allowed_ips allowed_routes admin_only_routes public_routes trusted_proxy_ranges use_x_forwarded_for"
    ),
    **_ignored(
        _PEOPLE, "enable_jwt_auth litellm_jwtauth role_permissions role_mappings ui_access_mode user_header_name"
    ),
    **_ignored(_PEOPLE, "user_header_mappings enforced_params reject_clientside_metadata_tags"),
    **_ignored(_PAGES, "ui_username ui_password enable_public_model_hub"),
    **_ignored("keys are stored as digests only; provider keys come from the environment", "key_management_system"),
    **_ignored("provider keys come from the environment, or from files", "key_management_settings use_google_kms"),
    **_ignored("provider keys come from the environment, or from files", "use_azure_key_vault"),
    **_ignored("there are no pass-through routes", "pass_through_endpoints pass_through_request_timeout"),
    **_ignored(_KINDS, "search_tools max_batch_file_size_mb max_file_size_mb completion_model embedding_model"),
    **_ignored("see `alerts`", "alerting_threshold alert_types alerting_args alert_type_config alert_to_webhook_url"),
    **_ignored("a client's headers are not passed on", "forward_client_headers_to_llm_api forward_openai_org_id"),
    **_ignored("a bound on answers is a request's max_tokens", "max_response_size_mb"),
    **_ignored("see `queue` and `limits`", "max_in_flight_requests_per_worker max_queued_requests_per_worker"),
    **_ignored("a known key is remembered for `keys.cache_ttl`", "user_api_key_cache_ttl user_api_key_cache_max_size"),
    **_ignored("nothing here is sold apart", "litellm_license", quiet=True),
}
CACHE: Table = {
    "type": _taken("answers are kept in memory, or in `store.redis_url`"),
    "ttl": _taken("", "cache.ttl"),
    "mode": _taken("`default_off` leaves the cache off", "cache.enabled"),
    **_ignored(_REDIS, "host port password username url namespace ssl redis_startup_nodes service_name sentinel_nodes"),
    **_ignored("every kind of request that is served is kept", "supported_call_types"),
    **_ignored(
        "only equal requests are answered from the cache", "similarity_threshold redis_semantic_cache_embedding_model"
    ),
    **_ignored(
        "only equal requests are answered from the cache",
        "qdrant_semantic_cache_embedding_model qdrant_collection_name",
    ),
}
BUDGET: Table = {
    **_ignored(_PEOPLE, "models user_role teams tpm_limit rpm_limit max_parallel_requests duration key_alias metadata"),
}
OTHER_BLOCKS: Table = {
    **_ignored(_KINDS, "assistant_settings files_settings finetune_settings search_tools sandbox_tools"),
    **_ignored(
        "there are no agents or tools; clients bring their own", "agent_list agents mcp_servers mcp_tools mcp_aliases"
    ),
    **_ignored("no guardrail of LiteLLM's runs here; see `pipeline.stages`", "guardrails policy_attachments policies"),
    **_ignored("settings of callbacks that do not run here", "callback_settings"),
    **_ignored("write `vertex_project` and `vertex_location` into the entries", "default_vertex_config"),
    **_ignored("there are no pass-through routes", "pass_through_endpoints"),
    **_ignored("there are no vector stores", "vector_store_registry vector_stores"),
    **_ignored("prompts are templates; see `templates.path`", "prompts"),
    **_ignored("workers are `server.workers`", "worker_registry"),
}
