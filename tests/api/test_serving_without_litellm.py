"""What needs no LiteLLM never imports it, neither before a request nor after; it comes with the first who needs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.harness import ROOT, clean_environment

# What serving needs none of; LiteLLM has most of them in its train.
HEAVY = {
    "litellm",
    "openai",
    "tiktoken",
    "redis",
    "cryptography",
    "jwt",
    "asyncpg",
    "psutil",
    "yaml",
    "streamlit",
}
WITHOUT = ("started", "whole", "stream", "dropping", "wildcard", "unknown", "embedding")


def test_litellm_is_imported_once_a_deployment_needs_it(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.api.serving_without_litellm", str(tmp_path)],
        cwd=ROOT,
        env={**clean_environment(), "ATELIER_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert {step: said[step] for step in WITHOUT} == dict.fromkeys(WITHOUT, "absent")
    assert said["translated"] == "imported"
    assert HEAVY & {*said["modules"]} == set()
