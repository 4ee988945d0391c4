"""Keys of LiteLLM's that are ignored by the family, for the hundreds that no table names one by one."""

from __future__ import annotations

import re

# The first family that fits counts.
_FAMILIES = tuple(
    (re.compile(pattern), why)
    for pattern, why in (
        (r"cost_per|_cost(_|$)|^ptu_|uplift|pricing", "attempts are billed by tokens and requests"),
        (r"auto_?router|router_(config|default)", "LiteLLM's routers do not run here"),
        (r"^mcp_|_mcp_|agent", "there are no tools or agents; clients bring their own"),
        (r"vector|milvus|valkey|skill_search", "there are no vector stores"),
        (r"^database_", "LiteLLM's own database is left alone; `store.database_url` is ours"),
        (r"redis", "LiteLLM's own Redis is left alone; `store.redis_url` is ours"),
        (r"health_check|healthy_only", "no model is called only to see whether it answers"),
        (r"prometheus", "metrics are at /metrics; see docs/metrics.md"),
        (r"guard|presidio|moderation|output_parse_pii", "no guardrail of LiteLLM's runs here"),
        (r"^maximum_|retention|spend_(logs|capture|report)|scheduled_job", "the ledger keeps itself; see `content`"),
        (r"password|login|sso|^user_|_user_|team|public_|ui_|budget", "people, teams and budgets: see docs/admin.md"),
        (r"_file|file_|files|batch|bucket|^s3_|^gcs_|^gcp", "files and batches are not served yet"),
        (r"^(aws|anthropic|openai|azure|vertex|bedrock|gemini)_\w*(id|token|url|role|tags|key|method|scope|ref|issuer)\w*$",
         "is not passed on; give an api_key, or keys and a role of the cloud"),
        (r"_key$|^api_(base|key|version)$|^(token|organization|project)$", "write it into the entries of `model_list`"),
        (r"callback|langfuse|langsmith|datadog|argilla|newrelic|sqs|generic_|pointfive|wandb|zerobus|otel|log",
         "no logging of LiteLLM's runs here; see docs/observability.md"),
        (r"ssl|aiohttp|http2|ipv4|client_session|keepalive|ping_interval", "connections are the gateway's own"),
        (r"_by_service_tier$|affinity|weighted", "see `routing.rules` for what depends on a request"),
        (r"^enforce_fallback|fallback_access", "a request falls back only to what its key may call"),
        (r"disconnect", "a key says what a dropped connection means: `on_disconnect`"),
        (r"session|trace_id|call_id", "requests have ids of their own; see docs/observability.md"),
        (r"search|claude_code|control_plane|destination", "there is nothing like it here"),
        (r"queue|in_flight", "see `queue` and `limits`"),
        (r"^(disable|enable|use|force|allow|skip|strip|filter|redact|validate|require)_", "a switch of LiteLLM's own"),
    )
)  # fmt: skip


def reason_for(key: str) -> str | None:
    """Why a key is ignored, by its name alone; None when it is of no family."""
    return next((why for pattern, why in _FAMILIES if pattern.search(key)), None)
