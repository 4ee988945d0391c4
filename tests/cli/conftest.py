"""The `atelier` command as a person has it: a process of its own, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import ROOT, clean_environment

Atelier = Callable[..., subprocess.CompletedProcess[str]]
GOOD = """\
model_list:
  - {model_name: fast, litellm_params: {model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: smart, litellm_params: {model: anthropic/claude-haiku-5-5, api_key: os.environ/ANTHROPIC_API_KEY}}
groups:
  fast: {fallbacks: [smart]}
dashboard: {enabled: false}
"""
BROKEN = """\
model_list:
  - {model_name: fast, litellm_params: {model: openai/gpt-6-luna}}
server:
  prot: 8080
groups:
  fast: {fallbacks: [smrt]}
"""


@pytest.fixture
def atelier(tmp_path: Path) -> Atelier:
    """Run it to its end; keyword arguments are environment variables."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            cwd=tmp_path,
            env={**clean_environment(), "PYTHONPATH": str(ROOT), "ATELIER_DATA_DIR": str(tmp_path / "data"), **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """Write config.yaml into the folder."""

    def write(text: str) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return path

    return write


def one_sentence(finished: subprocess.CompletedProcess[str]) -> str:
    """What a person reads when something is wrong: a sentence on stderr, no traceback, an exit code that is not 0."""
    assert finished.returncode != 0, finished.stdout
    assert "Traceback" not in finished.stderr
    assert finished.stdout == ""
    assert finished.stderr.endswith(".\n")
    assert finished.stderr.count("\n") == 1, finished.stderr
    return finished.stderr
