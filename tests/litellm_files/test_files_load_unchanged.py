"""Twelve LiteLLM files: each loads as it is, and what became of each of its keys is written down beside it.

After a change that is meant, `ATELIER_PIN=1 pytest tests/litellm_files` writes the lists anew; read them then.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config import Config, load
from gateway.config.problems import key_path
from gateway.config.taken import taken

HERE = Path(__file__).parent
FILES = sorted(path for path in HERE.glob("*.yaml") if path.stem != "11_models")
ENV = {
    **{f"{name}_API_KEY": f"sk-{name.lower()}-0123456789" for name in ("OPENAI", "ANTHROPIC", "GEMINI", "AZURE")},
    **{f"{name}_API_BASE": f"http://{name.lower()}.example" for name in ("OPENAI", "ANTHROPIC", "GEMINI", "AZURE")},
    "LITELLM_MASTER_KEY": "sk-litellm-0123456789",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.example/T000/B000/0123456789",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318/v1/traces",
}


def listed(config: Config) -> str:
    """One line a key: verdict, key, reason."""
    return "".join(f"{each.verdict:<8}{key_path(each.path)}: {each.why}\n" for each in taken(config))


def test_there_are_twelve() -> None:
    assert len(FILES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads_unchanged_and_every_key_is_listed_as_it_was_pinned(path: Path) -> None:
    config = load(path, ENV)
    pinned = path.with_suffix(".listed")
    if os.environ.get("ATELIER_PIN"):
        pinned.write_text(listed(config), encoding="utf-8")

    assert listed(config) == pinned.read_text(encoding="utf-8")
    assert all(each.mark.line for each in taken(config))
    assert not {value for value in ENV.values() if value.startswith("sk-")} & set(listed(config).split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_loads_without_any_credential(path: Path) -> None:
    env = {name: value for name, value in ENV.items() if name.endswith("_API_BASE")}

    assert load(path, env).model_list == load(path, env).model_list


def test_what_is_taken_is_in_our_sections() -> None:
    costs, watched, house = (
        load(HERE / name, ENV)
        for name in (
            "06_budgets_and_costs.yaml",
            "10_callbacks_and_alerts.yaml",
            "11_include_and_variables.yaml",
        )
    )

    assert (costs.budgets.total.limit, costs.budgets.total.days) == (100, 30)  # type: ignore[union-attr]
    assert {name: (each.limit, each.days) for name, each in costs.budgets.providers.items()} == {
        "openai": (50, 1),
        "anthropic": (20.5, 2),
    }
    assert (costs.budgets.new_users.limit, costs.budgets.new_teams.days) == (5, 7)  # type: ignore[union-attr]
    assert costs.prices.discounts == {"openai": 10}
    assert {name: (each.percent, each.per_request) for name, each in costs.prices.margins.items()} == {
        "*": (5, 0),
        "anthropic": (8, 0.0005),
    }
    assert costs.routing.timezone == "Europe/Berlin"
    assert (watched.content.store, watched.content.retention_days) == ("full", 14)
    assert [(each.format, each.url.get_secret_value()) for each in watched.alerts.webhooks] == [
        ("slack", ENV["SLACK_WEBHOOK_URL"])
    ]
    assert ENV["SLACK_WEBHOOK_URL"] in watched.secrets()
    assert watched.telemetry.otel.endpoint == "http://collector.example:4318"
    assert watched.routing.policy == "latency"
    assert (house.limits.max_parallel, house.limits.max_parallel_total, house.server.max_body_mb) == (3, 40, 8)
    assert (house.retry.per_group, house.timeouts.total) == (2, 6000)
    assert house.cache.enabled is False
