"""Mistakes in single settings that could be told twice or at the wrong key: each once, in its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Config, checks, kinds
from tests.config.mistakes import MODEL, Mistake, Refused, is_told_once

Load = Callable[..., Config]
MISTAKES = [
    Mistake(
        "more than all of it",
        MODEL + "prices:\n  discounts:\n    openai: 101 #!",
        "prices.discounts.openai",
        "at most 100",
        "lower it",
    ),
    Mistake(
        "a negative margin",
        MODEL + "prices:\n  margins:\n    openai: -5 #!",
        "prices.margins.openai.percent",
        "at least 0",
        "raise it",
    ),
    Mistake(
        "a budget of nothing",
        MODEL + "budgets:\n  total:\n    limit: 0 #!",
        "budgets.total.limit",
        "greater than 0",
        "raise it",
    ),
    Mistake(
        "a budget without a limit",
        MODEL + "budgets:\n  total: {days: 30} #!",
        "budgets.total.limit",
        "missing",
        "add `limit",
    ),
    Mistake(
        "a budget that is a number", MODEL + "budgets:\n  new_keys: 20 #!", "budgets.new_keys", "a section", "indented"
    ),
    Mistake(
        "an unknown kind of error",
        MODEL + "retry:\n  by_error:\n    timeouts: 2 #!",
        "retry.by_error.timeouts",
        "no such key",
        "`timeout`",
    ),
    Mistake(
        "an unknown kind of error without a value",
        MODEL + "health:\n  failures_by_error:\n    timeouts: #!",
        "health.failures_by_error.timeouts",
        "no such key",
        "`timeout`",
    ),
    Mistake(
        "more tries in a group than in all",
        MODEL + "retry:\n  attempts: 2\n  per_group: 3 #!",
        "retry.per_group",
        "more than `retry.attempts`",
        "lower it",
    ),
    Mistake(
        "more tries after an error than in all",
        MODEL + "retry:\n  attempts: 2\n  by_error:\n    timeout: 3 #!",
        "retry.by_error.timeout",
        "more than `retry.attempts`",
        "lower it",
    ),
    Mistake(
        "a pattern of another kind",
        MODEL + "server:\n  trusted_hosts: ['^app\\.example\\.com$'] #!",
        "server.trusted_hosts[0]",
        "not a host",
        "`*.example.com`",
    ),
    Mistake(
        "an origin as a pattern",
        MODEL + "server:\n  cors:\n    allow_origins: ['https://(a|b).example.com'] #!",
        "server.cors.allow_origins[0]",
        "not an origin",
        "https://",
    ),
    Mistake(
        "a webhook without a scheme",
        MODEL + "alerts:\n  webhooks:\n    - url: hooks.example.com/x #!",
        "alerts.webhooks[0].url",
        "not an address",
        "https://",
    ),
    Mistake(
        "an unknown kind of alert",
        MODEL + "alerts:\n  webhooks:\n    - {url: 'https://h', kinds: budgets} #!",
        "alerts.webhooks[0].kinds[0]",
        "one of config",
        "`budget`",
    ),
    Mistake(
        "per cent for a share",
        MODEL + "alerts:\n  budget_at: [80] #!",
        "alerts.budget_at[0]",
        "from 0 to 1",
        "80 per cent",
    ),
    Mistake(
        "a collector without a scheme",
        MODEL + "telemetry:\n  otel:\n    endpoint: collector:4318 #!",
        "telemetry.otel.endpoint",
        "not an address",
        "https://",
    ),
    Mistake("a header that is none", MODEL + "keys:\n  header: 'x key' #!", "keys.header", "name of a header", "`-`"),
    Mistake(
        "a header that is taken", MODEL + "keys:\n  header: Cookie #!", "keys.header", "something else", "x-company-key"
    ),
    Mistake(
        "another database",
        MODEL + "store:\n  database_url: mysql://h/d #!\n  redis_url: redis://h",
        "store.database_url",
        "PostgreSQL",
        "postgresql://",
    ),
    Mistake(
        "Redis without a scheme",
        MODEL + "store:\n  database_url: postgresql://h/d\n  redis_url: redis:6379 #!",
        "store.redis_url",
        "address of Redis",
        "redis://",
    ),
    Mistake(
        "text larger than media",
        MODEL + "server:\n  max_body_mb: 64 #!",
        "server.max_body_mb",
        "larger than `server.max_media_body_mb` (32)",
        "raise",
    ),
    Mistake(
        "an end before the first chunk",
        MODEL + "timeouts:\n  total: 10 #!",
        "timeouts.total",
        "shorter than `stream.ttft_timeout` (30)",
        "lower",
    ),
    Mistake("the dashboard's port", MODEL + "server:\n  port: 8501 #!", "server.port", "dashboard's port", "another"),
    Mistake(
        "one port for admins and dashboard",
        MODEL + "admin:\n  listen: 127.0.0.1:8501 #!",
        "admin.listen",
        "dashboard's port",
        "another",
    ),
    Mistake(
        "an absent address is not a half set-up, too",
        MODEL + "store:\n  database_url: os.environ/DB #!\n  redis_url: redis://h\nserver: {workers: 2}",
        "store.database_url",
        "DB is not set",
        "set DB",
    ),
    Mistake(
        "a store that cannot be read is not a missing one, too",
        MODEL + "server: {workers: 3}\nstore:\n  redis: redis://h #!",
        "store.redis",
        "no such key",
        "`redis_url`",
    ),
    Mistake(
        "policies that cannot be read hide no policy",
        MODEL + "routing: {policy: mine}\npolicies:\n  pth: policies #!",
        "policies.pth",
        "no such key",
        "`path`",
    ),
    Mistake("includes itself", "include:\n  - config.yaml #!\n" + MODEL, "include[0]", "in a circle", "take one"),
    Mistake("nothing in a bracket", MODEL + "retry: [", "", "closing bracket is missing", "close", line=2),
    Mistake("a bracket too many", MODEL + "server: {port: 1}}", "", "nothing opened", "take it out", line=2),
    Mistake("a square one too many", MODEL + "routing: {rules: []}]", "", "nothing opened", "take it out", line=2),
    Mistake(
        "an absent folder hides no policy",
        MODEL + "routing: {policy: mine}\npolicies:\n  path: os.environ/FOLDER #!",
        "policies.path",
        "FOLDER is not set",
        "set FOLDER",
    ),
    Mistake(
        "too deep",
        MODEL + f"policies:\n  parameters: {'{a: ' * 60}1{'}' * 60} #!",
        "policies.parameters.a",
        "too deep",
        "aliases",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_told_once_where_it_is(mistake: Mistake, refused: Refused) -> None:
    is_told_once(mistake, refused)


def test_traces_without_the_extra_say_what_to_install(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_OTEL_EXTRA", ("no_such_package.sdk",))
    (problem,) = refused(MODEL + "telemetry:\n  otel:\n    endpoint: http://collector:4318\n")

    assert (problem.mark.line, problem.mark.column) == (4, 15)
    assert "is not installed" in problem.what
    assert "pip install" in problem.mend


def test_a_machine_without_time_zones_says_so(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_zones", lambda: frozenset({"UTC"}))
    (problem,) = refused(MODEL + "routing:\n  timezone: Europe/Berlin\n")

    assert str(problem).endswith("this machine has no time zones; install the package `tzdata`, or write `UTC`")
    assert problem.mark.line == 3


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + MODEL,
        MODEL.replace("\n", "\r\n"),
        MODEL + "groups: {fast: &plain {policy: priority}}\nrouting: {<<: *plain}\n",
        MODEL + "routing: {timezone: UTC, rules: [{when: {after: 18:00, days: [sat, sun]}, use: {group: fast}}]}\n",
        MODEL + "server: {trusted_hosts: ['*', a.example, '*.example.com', localhost, 10.0.0.1]}\n",
        MODEL + "server: {cors: {allow_origins: ['http://localhost:3000', 'https://a.example', 'http://[::1]:80']}}\n",
    ],
    ids=["byte order mark", "line ends of Windows", "anchors", "time without quotes", "hosts", "origins"],
)
def test_what_only_looks_like_a_mistake_is_none(text: str, load_text: Load) -> None:
    assert load_text(text).group_names == ("fast",)


def test_a_file_of_windows_other_encoding_names_the_place(refused: Refused, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_bytes("routing: {}\n# für alle\n".encode("latin-1"))
    (problem,) = refused("include: [more.yaml]\n" + MODEL)

    assert str(problem).endswith("more.yaml:2:4: a character that is not UTF-8 stands here; save the file as UTF-8")
