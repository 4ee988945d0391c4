"""Runs `checks/` with the interpreter that has the newest client packages, against a real gateway and its fleet.

`make .venv-clients/.done` makes that interpreter; `make test` does it by itself.
"""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import ROOT, FleetThread, GatewayProcess, clean_environment, config_of
from tests.recorder import Recorder

HERE = Path(__file__).parent
PYTHON = ROOT / ".venv-clients/bin/python"
AT_LEAST = {
    "check_chat": 44,
    "check_tools": 35,
    "check_errors": 55,
    "check_embeddings_and_models": 14,
}  # checks a file, so that none is lost unseen


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


@pytest.fixture(scope="module", params=["embedded", "scaled"])
def serving(
    request: pytest.FixtureRequest,
    running_fleet: FleetThread,
    recorder: Recorder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GatewayProcess]:
    """Both set-ups; the scaled one with two workers."""
    stores, workers = None, 1
    if request.param == "scaled":
        stores, workers = request.getfixturevalue("empty_stores")(), 2
    models = config_of(running_fleet)["model_list"]
    params = {"model": "openai/recorder-1", "api_base": recorder.url, "api_key": "sk-recorder"}
    models.append({"model_name": "recorder", "litellm_params": params})
    folder = tmp_path_factory.mktemp("clients")
    with GatewayProcess(folder, running_fleet, stores=stores, workers=workers, model_list=models) as running:
        yield running


@pytest.mark.parametrize("name", sorted(AT_LEAST))
def test_the_newest_sdks_work_unmodified(
    name: str, serving: GatewayProcess, fleet: FleetThread, recorder: Recorder, tmp_path: Path
) -> None:
    assert PYTHON.exists(), "make .venv-clients/.done first"
    given = {"url": serving.url, "master": serving.master, "fleet": fleet.urls["admin"], "recorder": recorder.url[:-3]}
    report = tmp_path / "report.xml"
    run = subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "-c", HERE / "checks.ini", f"--junitxml={report}", HERE / f"checks/{name}.py"],
        env={**clean_environment(), "CLIENTS_UNDER_TEST": json.dumps(given)},
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    suite = ET.parse(report).getroot()[0].attrib
    assert int(suite["tests"]) >= AT_LEAST[name]
    assert suite["skipped"] == "0"
