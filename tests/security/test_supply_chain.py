"""S19: what is installed is what was locked, and importing the gateway does nothing but import."""

from __future__ import annotations

import re
import site
from pathlib import Path

import pytest

from tests.harness import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock", "tests/clients/requirements.lock")
PIN = re.compile(r"^[A-Za-z0-9][\w.\-]*(\[[\w,\-]+\])?==\S+( ;.*)? \\$")


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_its_version_and_its_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    entries = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", text) if not entry.startswith("#")]
    assert len(entries) > 20
    for entry in entries:
        first, *rest = entry.splitlines()
        assert PIN.match(first), first
        assert any(line.strip().startswith("--hash=sha256:") for line in rest), first


def test_every_installation_asks_for_hashes() -> None:
    installs = [line.strip() for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    assert len(installs) >= 3
    own = [line for line in installs if "--require-hashes" not in line]
    assert all("--no-deps --no-build-isolation -e ." in line for line in own), own


def test_nothing_that_is_installed_runs_at_every_start_of_python() -> None:
    """A *.pth file may hold code. Ours puts a folder on the path; a tool's own is known by name."""
    known = {"distutils-precedence.pth"}  # setuptools', which a test server's package brings along
    running = {
        path.name
        for folder in site.getsitepackages()
        for path in Path(folder).glob("*.pth")
        if any(line.startswith(("import ", "import\t")) for line in path.read_text().splitlines())
    }
    assert running <= known
    assert "setuptools==" not in (ROOT / "requirements.lock").read_text(), "people who only run it get no such file"
