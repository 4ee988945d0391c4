"""What a change of the configuration would do, in words: `atelier diff`, a reload's restart keys, the *Config* page.

Pure. Whatever is secret in either configuration is blotted out of every sentence.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.config import Config, ConfigFile
from gateway.config.deployment_diff import Follows, changed_deployments
from gateway.config.deployments import Resolved
from gateway.config.routing_diff import changed_groups, changed_routing
from gateway.config.settings_diff import Change, changed, changed_settings

AT_START = (
    "admin.listen",
    "dashboard",
    "environment.ATELIER_SECRET",
    "server.cors",
    "server.host",
    "server.port",
    "server.trusted_hosts",
    "server.workers",
    "simulation",
    "store",
    "telemetry.log_format",
    "telemetry.otel",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence for a person, never a secret's value. `restart`: it takes effect at the next start only."""

    what: str
    key: str
    restart: bool


def differences(old: Config, new: Config, old_resolved: Resolved, new_resolved: Resolved) -> tuple[Difference, ...]:
    """Everything that is different: models first, then routing, then the other sections; () when nothing is."""
    found: list[Change] = [
        *changed_deployments(old_resolved, new_resolved, _followers(old, new)),
        *changed_groups(old, new),
        *changed_routing(old, new),
        *changed_settings(old, new, tuple(ConfigFile.model_fields)),
        *changed("general_settings.master_key", old.master_key, new.master_key),
        *changed("environment.ATELIER_SECRET", old.secret, new.secret),
    ]
    secrets = sorted(old.secrets() | new.secrets(), key=len, reverse=True)
    return tuple(Difference(_blotted(what, secrets), key, _at_start(key)) for what, key in found)


def _followers(old: Config, new: Config) -> list[Follows]:
    """Changes of defaults and tiers, which the deployments only repeat."""
    return [
        ("timeout", old.timeouts.total, new.timeouts.total),
        ("ttft_timeout", old.stream.ttft_timeout, new.stream.ttft_timeout),
        ("idle_timeout", old.stream.idle_timeout, new.stream.idle_timeout),
        *(("tier", before, after) for before in _tiers(old) for after in _tiers(new)),
    ]


def _tiers(config: Config) -> list[str | None]:
    return [None, *(tier for model in config.routing.models.values() for tier in model.tiers)]


def _at_start(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in AT_START)


def _blotted(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
