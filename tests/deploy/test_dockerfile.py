"""The images: nothing unchecked goes in, nobody in them is root, and what they need is what they hold."""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib

import pytest

from tests.deploy.conftest import Stage
from tests.harness import ROOT

Stages = dict[str, Stage]
FINAL = ("gateway", "dashboard")


def test_the_last_stage_is_the_gateway(stages: Stages) -> None:
    assert list(stages)[-1] == "gateway"


@pytest.mark.parametrize("name", FINAL)
def test_an_image_runs_as_nobody_in_particular(stages: Stages, name: str) -> None:
    stage = stages[name]
    assert stage.given("USER") == ["10001:10001"]
    after = [instruction for instruction, _ in stage.steps[stage.steps.index(("USER", "10001:10001")) :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert "--uid 10001 " in stages[stage.base].given("RUN")[0]


@pytest.mark.parametrize("name", FINAL)
def test_an_image_says_how_it_is_and_is_asked_to_end_politely(stages: Stages, name: str) -> None:
    stage = stages[name]
    assert stages[stage.base].given("STOPSIGNAL") == ["SIGTERM"]
    (check,) = stage.given("HEALTHCHECK")
    assert json.loads(check[check.index("[") :])[:2] == ["healthy", stage.given("EXPOSE")[0]]
    for form in (*stage.given("ENTRYPOINT"), *stage.given("CMD")):
        assert isinstance(json.loads(form), list), "a shell in between would keep the signals to itself"


def test_every_installation_is_hashed_and_compiles_nothing_from_c(stages: Stages) -> None:
    runs = [run for stage in stages.values() for run in stage.given("RUN")]
    installs = [
        part.strip() for run in runs for part in run.split("&&") if " install " in f" {part} " and "pip" in part
    ]
    assert len(installs) == 5
    for install in installs:
        if "/wheels/" in install:
            assert {"--no-deps", "--no-index"} <= set(install.split())
        else:
            assert "--require-hashes --only-binary :all: -r " in install
    assert not re.search(r"apt-get|apk |curl|wget|gcc", " ".join(runs))


def test_no_pip_is_left(stages: Stages) -> None:
    assert "pip uninstall" in stages["runtime"].given("RUN")[0]
    assert "--without-pip" in stages["builder"].given("RUN")[0]


def test_what_is_copied_exists_and_gets_past_the_ignore_file(stages: Stages) -> None:
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    assert next(rule for rule in rules if rule and not rule.startswith("#")) == "*"
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    copies = [copy.split() for stage in stages.values() for copy in stage.given("COPY")]
    sources = {part for parts in copies if not parts[0].startswith("--from") for part in parts[:-1] if part[:2] != "--"}
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, rule) for rule in let_in), source
    assert all(any(fnmatch.fnmatch(source, rule) for source in sources) for rule in let_in), "nothing else is let in"


def test_the_wheel_is_built_from_all_packages(stages: Stages) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = " ".join(stages["wheel"].given("COPY")).split()
    assert set(packages) <= set(copied)


def test_the_version_on_the_label_is_the_projects(stages: Stages) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert stages["runtime"].given("ARG") == [f'VERSION={project["version"]} REVISION=""']
