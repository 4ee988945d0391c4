"""What becomes of each key of LiteLLM's settings blocks; see `litellm_keys.py`. Only a table."""

from __future__ import annotations

from gateway.config.litellm_keys import Table, changes, ignores, takes

_REDIS = "LiteLLM's own Redis is left alone; `store.redis_url` is ours, and must be another database"
_DATABASE = "LiteLLM's own database is left alone; `atelier import-litellm` takes its keys over, and `store.database_url` is ours"
_CODE = "no code of the file's choice runs here; see `pipeline.stages` for stages of your own"
_KEEPS = "what goes on while a store is away does not depend on it; see docs/operations.md"
_PEOPLE = "people, teams and their rights are kept in the gateway; see docs/admin.md"
_NET = "put it into the proxy in front; see docs/operations.md"
_PAGES = "the dashboard has settings of its own"
_KINDS = "only chat, Responses and embeddings are served yet"
_PROBES = "no model is called only to see whether it answers; health comes from real requests"
_FILES = "models live in this file; a changed one is read again while the gateway runs"
_SPEND = "the ledger writes every attempt at once and rolls it up by itself"

_BOTH: Table = {
    "fallbacks": takes("", "groups.<name>.fallbacks"),
    "default_fallbacks": takes("where a group without fallbacks of its own goes on"),
    "context_window_fallbacks": takes("", "groups.<name>.context_window_fallbacks"),
    "content_policy_fallbacks": takes("", "groups.<name>.content_policy_fallbacks"),
    "num_retries": takes("is `retry.per_group`, which counts the first attempt too", "retry.per_group"),
    "allowed_fails": changes("is `health.failures`: in a row, where LiteLLM counts a minute's", "health.failures"),
    "max_fallbacks": changes("`retry.attempts` bounds the attempts of a request, over all groups"),
}
ROUTER: Table = {
    **_BOTH,
    "model_group_alias": takes("further names of groups, which are in no list of models"),
    "timeout": takes("each attempt has so long; `timeouts.total` leaves room for all of them", "timeouts.total"),
    "stream_timeout": takes("", "stream.ttft_timeout"),
    "cooldown_time": takes("is `health.open_for`, each time", "health.open_for"),
    "disable_cooldowns": takes("is `health.enabled`, the other way round", "health.enabled"),
    "retry_policy": takes("is `retry.by_error`, which counts the first attempt too", "retry.by_error"),
    "allowed_fails_policy": changes("is `health.failures_by_error`: failures in a row", "health.failures_by_error"),
    "enable_pre_call_checks": takes("", "routing.check_context"),
    "enable_tag_filtering": takes("", "routing.tag_filter"),
    "enable_weighted_failover": takes("a failed attempt always goes on to the group's other deployments"),
    "default_max_parallel_requests": takes("requests at once, for deployments that do not say it"),
    "provider_budget_config": takes("", "budgets.providers"),
    **ignores(_REDIS, "redis_host redis_port redis_password redis_url redis_db redis_ssl cache_kwargs"),
    **ignores("a retry goes to another deployment at once", "retry_after"),
    **ignores("see `retry.by_error`, which counts for every group", "model_group_retry_policy"),
    **ignores("a policy's parameters are in `policies.parameters`", "routing_strategy_args"),
    **ignores(
        "see `groups.<name>.policy` and `routing.rules`", "routing_groups weights plugins model_group_affinity_config"
    ),
    **ignores("all keys wait alike; a request's service_tier decides its class", "default_priority polling_interval"),
    **ignores("see the section `cache`", "cache_responses caching_groups"),
    **ignores("write it into each entry of `model_list`", "default_litellm_params"),
    **ignores("a request with one of a deployment's tags may use it", "tag_filtering_match_any tag_routing_prefix"),
    **ignores("see `telemetry.log_level`", "set_verbose debug_level"),
    **ignores("see `alerts.webhooks`", "alerting_config"),
    **ignores("prompt caching needs no routing of its own; limits count always", "optional_pre_call_checks"),
    **ignores(
        _PROBES, "enable_health_check_routing health_check_staleness_threshold health_check_ignore_transient_errors"
    ),
    **ignores("a mistake is told before anything is served", "ignore_invalid_deployments"),
    **ignores("connections are kept by the gateway", "client_ttl", quiet=True),
    **ignores(_KINDS, "assistants_config search_tools guardrail_list router_general_settings"),
}
LITELLM: Table = {
    **_BOTH,
    "request_timeout": takes(
        "each attempt has so long; `timeouts.total` leaves room for all of them", "timeouts.total"
    ),
    "drop_params": takes("for every deployment that does not say it itself"),
    "cache": changes("is `cache.enabled`: equal requests of one team, never another's", "cache.enabled"),
    "max_budget": takes("", "budgets.total"),
    "budget_duration": takes("the window of `budgets.total`", "budgets.total"),
    "timezone": takes("", "routing.timezone"),
    "max_internal_user_budget": takes("", "budgets.new_users"),
    "internal_user_budget_duration": takes("the window of `budgets.new_users`", "budgets.new_users"),
    "cost_discount_config": takes("is `prices.discounts`, in per cent", "prices.discounts"),
    "cost_margin_config": takes("is `prices.margins`, in per cent; `global` is `*`", "prices.margins"),
    "json_logs": takes("", "telemetry.log_format"),
    "turn_off_message_logging": takes("texts are not kept, whatever else says so", "content.store"),
    **ignores("see `telemetry.log_level`", "set_verbose log_level debug_level suppress_debug_info"),
    **ignores("see `alerts.webhooks`; a failed attempt is in the ledger and in the log", "failure_callback"),
    **ignores(_CODE, "post_call_rules pre_call_rules custom_provider_map input_callback service_callback"),
    **ignores(_CODE, "audit_log_callbacks cold_storage_custom_logger"),
    **ignores(
        _PEOPLE, "default_team_settings upperbound_key_generate_params key_generation_settings max_ui_session_budget"
    ),
    **ignores(_PEOPLE, "default_max_internal_user_budget max_end_user_budget max_end_user_budget_id max_user_budget"),
    **ignores(_PEOPLE, "tag_budget_config model_group_settings priority_reservation public_model_groups"),
    **ignores(
        _REDIS, "enable_redis_auth_cache default_redis_ttl default_in_memory_ttl default_redis_batch_cache_expiry"
    ),
    **ignores("no guardrail of LiteLLM's runs here", "guardrails banned_keywords_list blocked_user_list"),
    **ignores("prompts are templates; see `templates.path`", "global_prompt_directory global_gitlab_config"),
    **ignores("certificates are the system's", "ssl_verify ssl_certificate ssl_security_level"),
    **ignores("log lines and metrics have settings of their own; see docs/observability.md", "store_audit_logs"),
    **ignores(
        "metrics are at /metrics; see docs/metrics.md", "custom_prometheus_metadata_labels custom_prometheus_tags"
    ),
    **ignores(
        "metrics are at /metrics; see docs/metrics.md", "prometheus_metrics_config prometheus_initialize_budget_metrics"
    ),
    **ignores("metrics are at /metrics; see docs/metrics.md", "require_auth_for_metrics_endpoint"),
    **ignores("settings of LiteLLM's logging integrations", "langfuse_default_tags s3_callback_params datadog_params"),
    **ignores(
        "settings of LiteLLM's logging integrations", "aws_sqs_callback_params langsmith_batch_size newrelic_params"
    ),
    **ignores("requests are passed on as they came", "modify_params add_function_to_prompt model_alias_map"),
    **ignores("there are no tools; clients bring their own", "mcp_aliases mcp_semantic_tool_filter"),
    **ignores("usage is always asked for", "include_cost_in_streaming_usage always_include_stream_usage", quiet=True),
    **ignores("see `routing.models`", "longer_context_model_fallback_dict model_fallbacks"),
    **ignores("a budget that is spent is answered with 429 `insufficient_quota`", "budget_exceeded_status_code"),
}
GENERAL: Table = {
    "master_key": takes("an admin key, which may also call models"),
    "max_parallel_requests": takes("requests at once of keys without a bound of their own", "limits.max_parallel"),
    "global_max_parallel_requests": takes("", "limits.max_parallel_total"),
    "store_prompts_in_spend_logs": takes("is `content.store: full`", "content.store"),
    "maximum_spend_logs_retention_period": takes(
        "is `content.retention_days`; money is kept", "content.retention_days"
    ),
    "enforce_user_param": takes("", "limits.require_user"),
    "max_request_size_mb": takes("", "server.max_body_mb", "server.max_media_body_mb"),
    "litellm_key_header_name": takes("", "keys.header"),
    **ignores(_DATABASE, "database_url database_connection_pool_limit database_connection_timeout database_type"),
    **ignores(
        _DATABASE, "database_args database_connect_timeout database_socket_timeout database_extra_connection_params"
    ),
    **ignores(_REDIS, "coordination_redis use_redis_transaction_buffer use_shared_health_check"),
    **ignores(_KEEPS, "allow_requests_on_db_unavailable fail_closed_rate_limit_enforcement"),
    **ignores(
        _CODE, "custom_auth custom_auth_run_common_checks custom_key_generate custom_key_update custom_sso plugins"
    ),
    **ignores(_PROBES, "background_health_checks health_check_interval health_check_concurrency health_check_details"),
    **ignores(
        _FILES, "store_model_in_db supported_db_objects proxy_config_reload_interval_seconds infer_model_from_keys"
    ),
    **ignores(_SPEND, "proxy_batch_write_at proxy_budget_rescheduler_min_time proxy_budget_rescheduler_max_time"),
    **ignores(_SPEND, "disable_spend_logs disable_reset_budget spend_report_frequency disable_spend_updates"),
    **ignores(
        _SPEND, "maximum_spend_logs_retention_interval maximum_spend_logs_cleanup_cron spend_logs_metadata_fields"
    ),
    **ignores(
        _NET, "allowed_ips allowed_routes admin_only_routes public_routes trusted_proxy_ranges use_x_forwarded_for"
    ),
    **ignores(
        _PEOPLE, "enable_jwt_auth litellm_jwtauth role_permissions role_mappings ui_access_mode user_header_name"
    ),
    **ignores(_PEOPLE, "user_header_mappings enforced_params reject_clientside_metadata_tags"),
    **ignores(_PAGES, "ui_username ui_password enable_public_model_hub"),
    **ignores("keys are stored as digests only; provider keys come from the environment", "key_management_system"),
    **ignores("provider keys come from the environment, or from files", "key_management_settings use_google_kms"),
    **ignores("provider keys come from the environment, or from files", "use_azure_key_vault"),
    **ignores("there are no pass-through routes", "pass_through_endpoints pass_through_request_timeout"),
    **ignores(_KINDS, "search_tools max_batch_file_size_mb max_file_size_mb completion_model embedding_model"),
    **ignores("see `alerts`", "alerting_threshold alert_types alerting_args alert_type_config alert_to_webhook_url"),
    **ignores("a client's headers are not passed on", "forward_client_headers_to_llm_api forward_openai_org_id"),
    **ignores("a bound on answers is a request's max_tokens", "max_response_size_mb"),
    **ignores("see `queue` and `limits`", "max_in_flight_requests_per_worker max_queued_requests_per_worker"),
    **ignores("a known key is remembered for `keys.cache_ttl`", "user_api_key_cache_ttl user_api_key_cache_max_size"),
    **ignores("nothing here is sold apart", "litellm_license", quiet=True),
}
CACHE: Table = {
    "type": takes("answers are kept in memory, or in `store.redis_url`"),
    "ttl": takes("", "cache.ttl"),
    "mode": takes("`default_off` leaves the cache off", "cache.enabled"),
    **ignores(_REDIS, "host port password username url namespace ssl redis_startup_nodes service_name sentinel_nodes"),
    **ignores("every kind of request that is served is kept", "supported_call_types"),
    **ignores(
        "only equal requests are answered from the cache", "similarity_threshold redis_semantic_cache_embedding_model"
    ),
    **ignores(
        "only equal requests are answered from the cache",
        "qdrant_semantic_cache_embedding_model qdrant_collection_name",
    ),
}
BUDGET: Table = {
    **ignores(_PEOPLE, "models user_role teams tpm_limit rpm_limit max_parallel_requests duration key_alias metadata"),
}
