"""LiteLLM's cache, logging and alerting as `cache`, `content`, `telemetry` and `alerts`. Pure.

Addresses that LiteLLM takes from the environment (Slack's webhook, a collector of traces) are read from there too.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from gateway.config.config import ConfigFile
from gateway.config.filling import fill
from gateway.config.litellm_kinds import days
from gateway.config.models import Cache, Content
from gateway.config.taken_values import WEBHOOKS, exports_traces
from gateway.config.watching_models import Alerts, Telemetry, Webhook

_TRACES = frozenset({"otel", "opentelemetry"})


def cache(file: ConfigFile) -> Cache:
    """On where LiteLLM's is, unless requests have to ask for it."""
    found = file.litellm_settings
    enabled = found.cache and found.cache_params.mode != "default_off"
    return fill(file.cache, enabled=enabled, ttl=found.cache_params.ttl or None)


def content(file: ConfigFile) -> Content:
    """Texts are kept where LiteLLM keeps them in its spend logs, and never where it is told not to log them."""
    general, found = file.general_settings, file.litellm_settings
    store = "metadata" if found.turn_off_message_logging else "full" if general.store_prompts_in_spend_logs else None
    period = general.maximum_spend_logs_retention_period
    kept = days(period) if period else None
    return fill(file.content, store=store, retention_days=min(kept, 36500) if kept else None)


def telemetry(file: ConfigFile, variables: Mapping[str, str]) -> Telemetry:
    """JSON logs, and traces where the OpenTelemetry callback is asked for and knows a collector."""
    found = file.litellm_settings
    wanted = file.general_settings.otel or not _TRACES.isdisjoint((*found.callbacks, *found.success_callback))
    endpoint = exports_traces(variables) if wanted else None
    otel = file.telemetry.otel
    if endpoint is not None and "endpoint" not in otel.model_fields_set:
        headers = variables.get("OTEL_EXPORTER_OTLP_HEADERS") or variables.get("OTEL_HEADERS") or ""
        otel = fill(
            otel,
            endpoint=endpoint,
            headers=_headers(headers) or None,
            service_name=variables.get("OTEL_SERVICE_NAME") or None,
        )
    settings = fill(file.telemetry, log_format="json" if found.json_logs else None)
    return settings.model_copy(update={"otel": otel})


def _headers(text: str) -> dict[str, SecretStr]:
    """`name=value,name=value`, as OpenTelemetry's variables have it."""
    pairs = (each.partition("=") for each in text.split(","))
    return {name.strip(): SecretStr(value.strip()) for name, found, value in pairs if found and name.strip()}


def alerts(file: ConfigFile, variables: Mapping[str, str]) -> Alerts:
    """The webhooks of the alerting that is asked for, where the environment has their addresses."""
    wanted = [name for name in file.general_settings.alerting if variables.get(WEBHOOKS.get(name, ""))]
    webhooks = tuple(
        Webhook(url=SecretStr(variables[WEBHOOKS[name]]), format="slack" if name == "slack" else "json")
        for name in dict.fromkeys(wanted)
    )
    return fill(file.alerts, webhooks=webhooks or None)
