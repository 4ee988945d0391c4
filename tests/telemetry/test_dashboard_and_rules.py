"""The shipped Grafana dashboard and Prometheus rules ask for metrics and labels that there are, and hold together."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.telemetry.metrics import Metrics
from tests.telemetry.described import described

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "atelier.json").read_text())
RULES: list[dict[str, Any]] = YAML(typ="safe").load((PROMETHEUS / "alerts.yaml").read_text())["groups"][0]["rules"]
TESTS: dict[str, Any] = YAML(typ="safe").load((PROMETHEUS / "alerts.test.yaml").read_text())
SCRAPED = {"instance", "job", "le"}  # labels that are not ours
COLUMNS = 24  # of Grafana's grid
SELECTED = re.compile(r"(gateway_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\bby \(([^)]*)\)")


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Every series that Prometheus sees, with its labels."""
    found = {}
    for name, (kind, labels) in described(Metrics(["fast"], ["d1"])).items():
        suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        found |= {name + suffix: labels | SCRAPED for suffix in suffixes}
    return found


def unknown(expression: str, known: dict[str, set[str]]) -> set[str]:
    """What an expression asks for and nobody has."""
    labels: set[str] = set()
    missing: set[str] = set()
    for name, selector in SELECTED.findall(expression):
        if name not in known:
            missing.add(name)
            continue
        labels |= known[name]
        missing |= set(re.findall(r"(\w+)\s*[=!]~?", selector)) - known[name]
    for names in GROUPED.findall(expression):
        missing |= set(re.findall(r"\w+", names)) - labels
    return missing


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DASHBOARD["panels"]
    return found


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", ())]


def test_what_is_unknown_is_found(known):
    assert unknown('sum by (team) (rate(gateway_requests_total{nobody="x"}[5m])) + gateway_nothing', known) == {
        "team", "nobody", "gateway_nothing",
    }  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_there_is(rule, known):
    assert unknown(rule["expr"], known) == set()
    used = set().union(*(known.get(name, set()) for name, _ in SELECTED.findall(rule["expr"]))) | SCRAPED
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= used


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_and_what_it_is(rule):
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"]


def test_each_rule_has_a_test_that_fires_and_one_that_does_not():
    asked = [each for test in TESTS["tests"] for each in test["alert_rule_test"]]
    names = {rule["alert"] for rule in RULES}
    assert {each["alertname"] for each in asked if "exp_alerts" in each} == names
    assert {each["alertname"] for each in asked if "exp_alerts" not in each} == names


def test_the_rules_tests_use_series_that_there_are(known):
    for test in TESTS["tests"]:
        for each in test["input_series"]:
            assert each["series"].startswith("up{") or unknown(each["series"], known) == set()


def test_the_docs_list_every_rule_and_no_other():
    text = (ROOT / "docs" / "observability.md").read_text("utf-8")
    assert re.findall(r"^\| `(Atelier\w+)` \|", text, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_prometheus_loads_the_rules_and_scrapes_the_route():
    config = YAML(typ="safe").load((PROMETHEUS / "prometheus.yaml").read_text())
    assert [(PROMETHEUS / name).exists() for name in config["rule_files"]] == [True]
    (job,) = config["scrape_configs"]
    assert (job["job_name"], job["metrics_path"]) == ("atelier", "/metrics")
    assert 'up{job="atelier"}' in RULES[0]["expr"]


@pytest.mark.parametrize("expression", expressions())
def test_a_panel_asks_for_what_there_is(expression, known):
    assert unknown(expression, known) == set()
    assert SELECTED.search(expression)


def test_every_metric_has_its_place_on_the_dashboard():
    shown = " ".join(expressions())
    assert {name for name in described(Metrics(["fast"], ["d1"])) if name not in shown} == set()


def test_legends_and_variables_name_labels_that_there_are(known):
    labels = set().union(*known.values())
    for panel in panels():
        for target in panel.get("targets", ()):
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels
    for variable in DASHBOARD["templating"]["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
        assert label in known[metric]


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= COLUMNS
        assert min(place["w"], place["h"]) > 0
    for one, other in itertools.combinations([panel["gridPos"] for panel in panels()], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below


def test_every_panel_reads_from_the_source_that_the_viewer_chooses():
    source, *_ = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels():
        if panel["type"] == "row":
            continue
        assert panel["datasource"] == chosen
        assert all(target["datasource"] == chosen for target in panel["targets"])
        assert [target["refId"] for target in panel["targets"]] == [chr(65 + n) for n in range(len(panel["targets"]))]
        assert panel["title"]
        assert panel["description"]


def test_the_dashboard_can_be_imported_anywhere():
    assert DASHBOARD["uid"] == "atelier"
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD)))
    assert used <= variables | {"__rate_interval", "__interval", "__all"}
