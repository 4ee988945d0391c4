"""Keys of LiteLLM's blocks whose fate depends on their value: strategies, callbacks, alerts, caches, durations.

A part of `taken.py`. Values are only ever repeated where they are one of LiteLLM's own words.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any

from gateway.config.litellm_keys import Known, Verdict
from gateway.config.litellm_kinds import DAY, seconds
from gateway.config.positions import Items, Section

STRATEGIES = {
    "simple-shuffle": "weighted",
    "least-busy": "least_busy",
    "usage-based-routing": "usage",
    "usage-based-routing-v2": "usage",
    "latency-based-routing": "latency",
    "cost-based-routing": "cost",
}
OTEL_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_ENDPOINT")
WEBHOOKS = {"slack": "SLACK_WEBHOOK_URL", "webhook": "WEBHOOK_URL"}
SERVED_MODES = ("chat", "completion", "responses", "embedding")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,40}\Z")
_NO_CODE = "no code of others runs here; see `telemetry` and docs/observability.md"


def by_value(key: str, value: Any, root: Section, variables: Mapping[str, str] | None = None) -> Known | None:
    """What becomes of the key with this value; None where the value does not matter.

    `variables`: the environment, for keys of the three settings blocks; None for those of an entry of `model_list`.
    """
    decide = (_OF_ENTRIES if variables is None else _OF_SETTINGS).get(key)
    return None if decide is None or value is None else decide(value, root, variables or {})


def words(value: Any) -> list[str]:
    """One word or a list of them; what is no plain word is left out."""
    many = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [each for each in many if isinstance(each, str) and _WORD.match(each)]


def exports_traces(variables: Mapping[str, str]) -> str | None:
    """The collector's address where LiteLLM's OpenTelemetry callback is told one that speaks HTTP."""
    protocol = variables.get("OTEL_EXPORTER_OTLP_PROTOCOL") or variables.get("OTEL_EXPORTER") or "otlp_http"
    address = next((variables[name] for name in OTEL_ENDPOINTS if variables.get(name)), None)
    if address is None or "http" not in protocol or not address.startswith(("http://", "https://")):
        return None
    return address.rstrip("/").removesuffix("/v1/traces")


def known_timezone(value: Any) -> str | None:
    """The name of a time zone; None for anything else."""
    return value if isinstance(value, str) and value in zoneinfo.available_timezones() else None


def _strategy(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known:
    if isinstance(value, str) and value in STRATEGIES:
        return Known("taken", f"is `routing.policy: {STRATEGIES[value]}`", ("routing.policy",))
    return Known(
        "changed", "there is no such policy here, `weighted` is used; see docs/routing.md", ("routing.policy",)
    )


def _callbacks(value: Any, _root: Section, variables: Mapping[str, str]) -> Known:
    """Prometheus and OpenTelemetry are there; whatever else is asked for is named."""
    names = words(value)
    collects = "is `telemetry.otel`" if exports_traces(variables) is not None else "set `telemetry.otel.endpoint`"
    mapped = {"prometheus": "metrics are always at /metrics", "otel": collects, "opentelemetry": collects}
    others = [name for name in names if name not in mapped]
    told = [f"`{name}`: {mapped[name]}" for name in names if name in mapped]
    if others or not told:
        told.append(f"{_listed(others)}{_NO_CODE}")
    return Known(_verdict(len(names) - len(others), len(names)), "; ".join(told))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) + ": " if names else ""


def _verdict(mapped: int, asked: int) -> Verdict:
    return "ignored" if not mapped else "taken" if mapped == asked else "changed"


def _otel(value: Any, root: Section, variables: Mapping[str, str]) -> Known:
    return _callbacks(["otel"] if value else [], root, variables)


def _alerting(value: Any, _root: Section, variables: Mapping[str, str]) -> Known:
    """A webhook is taken where the environment has its address."""
    told, done = [], 0
    for name in words(value):
        variable = WEBHOOKS.get(name)
        done += bool(variable and variables.get(variable))
        here = "is `alerts.webhooks`" if variable and variables.get(variable) else f"set {variable}"
        told.append(f"`{name}`: {here if variable else 'see `alerts.webhooks`'}")
    return Known(_verdict(done, len(told)), "; ".join(told) or "see `alerts.webhooks`", ("alerts.webhooks",))


def _cache(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    return None if value not in (False, "false", "False") else Known("taken", "is `cache.enabled`", ("cache.enabled",))


def _any_tag(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    return None if value not in (True, "true", "True") else Known("taken", "one tag in common is enough")


def _type(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    if value in ("local", "redis"):
        return None
    return Known("changed", "only equal requests are answered, from memory or `store.redis_url`")


def _month(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    found = seconds(value) if isinstance(value, str) else None
    if found and isinstance(value, str) and value.strip().endswith("mo"):
        return Known("changed", "a month counts as 30 days")
    return None


def _whole_days(value: Any, root: Section, variables: Mapping[str, str]) -> Known | None:
    found = seconds(value) if isinstance(value, str) else None
    if found and found % DAY:
        return Known("changed", "windows are whole days: it is rounded up")
    return _month(value, root, variables)


def _timezone(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    if known_timezone(value):
        return None
    return Known("ignored", "is no time zone, so UTC is used; write its name from the tz database")


def _rate(value: Any, root: Section, _variables: Mapping[str, str]) -> Known | None:
    """LiteLLM refuses what is above it only where it is told to."""
    router = root.get("router_settings")
    given = router if isinstance(router, Section) else {}
    checks = words(given.get("optional_pre_call_checks"))
    strategy = str(given.get("routing_strategy") or "")
    if (
        given.get("enable_pre_call_checks")
        or "enforce_model_rate_limits" in checks
        or strategy.startswith("usage-based")
    ):
        return None
    why = "a share of the requests, and a bound too, which LiteLLM only keeps with `enforce_model_rate_limits`"
    return None if value in (0, "0", "") else Known("changed", why, quiet=True)


def _model(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    if isinstance(value, str) and value.startswith("auto_router/"):
        return Known("ignored", "the entry is left out: LiteLLM's routers do not run here", quiet=True)
    return None


def _mode(value: Any, _root: Section, _variables: Mapping[str, str]) -> Known | None:
    if value in SERVED_MODES:
        return None
    return Known("ignored", "the entry is left out: only chat, Responses and embeddings are served yet", quiet=True)


def _credential(value: Any, root: Section, _variables: Mapping[str, str]) -> Known | None:
    listed = root.get("credential_list")
    names = (
        [each.get("credential_name") for each in listed if isinstance(each, Section)]
        if isinstance(listed, Items)
        else []
    )
    return None if value in names else Known("ignored", "no credential of that name in `credential_list`")


_Decide = Callable[[Any, Section, Mapping[str, str]], Known | None]
_OF_ENTRIES: Mapping[str, _Decide] = {
    "budget_duration": _month,
    "rpm": _rate,
    "tpm": _rate,
    "model": _model,
    "mode": _mode,
    "litellm_credential_name": _credential,
}
_OF_SETTINGS: Mapping[str, _Decide] = {
    "routing_strategy": _strategy,
    "cache": _cache,
    "tag_filtering_match_any": _any_tag,
    "callbacks": _callbacks,
    "success_callback": _callbacks,
    "otel": _otel,
    "alerting": _alerting,
    "type": _type,
    "budget_duration": _whole_days,
    "internal_user_budget_duration": _whole_days,
    "timezone": _timezone,
}
