"""The sections `telemetry` and `alerts` of `config.yaml`: logs, traces, and who is told when something is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from gateway.config.kinds import Address, Name, Seconds, SecretAddress, Share, Strict, one_or_many

AlertKind = Literal["config", "deployment", "dependency", "budget", "ledger"]


def _without_absent(value: Any) -> Any:
    return [each for each in value if each is not None] if isinstance(value, list) else value


class Otel(Strict):
    """OpenTelemetry traces, sent by OTLP over HTTP; needs the extra `otel`."""

    endpoint: Address | None = Field(
        default=None, description="A collector, such as `http://collector:4318`; null: no traces are made."
    )
    headers: Mapping[str, SecretStr] = Field(default={}, description="Sent along, such as `authorization`.")
    service_name: Name = Field(default="atelier", description="`service.name` of every span.")
    sample: Share = Field(default=1, description="Share of requests that are traced where the caller does not say.")
    content: bool = Field(default=False, description="Put prompts and answers into spans, where the team stores them.")


class Telemetry(Strict):
    """Logs and traces."""

    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or text for a person."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least that is logged."
    )
    redact: Annotated[tuple[SecretStr, ...], BeforeValidator(_without_absent)] = Field(
        default=(), description="Further values that never appear in logs."
    )
    traceparent: bool = Field(default=True, description="Send a request's W3C trace context on to the provider.")
    otel: Otel = Field(default=Otel(), description="OpenTelemetry traces.")


class Webhook(Strict):
    """An address that is told of alerts."""

    url: SecretAddress = Field(description="Where to POST; counts as a secret.")
    format: Literal["json", "slack"] = Field(default="json", description="Our JSON, or a message that Slack shows.")
    kinds: Annotated[tuple[AlertKind, ...], BeforeValidator(one_or_many)] = Field(
        default=(), description="Only these: config, deployment, dependency, budget, ledger; none given: all."
    )


class Alerts(Strict):
    """Who is told when something is wrong."""

    webhooks: tuple[Webhook, ...] = Field(default=(), description="Addresses that are told.")
    budget_at: tuple[Share, ...] = Field(
        default=(0.8, 1.0), description="Shares of a budget at which it raises an alert."
    )
    repeat_after: Seconds = Field(default=3600, description="An alert that goes on is told again after so long.")
