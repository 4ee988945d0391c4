"""What each image installs: the same versions as everywhere, all that is needed and little else."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from tests.harness import ROOT

PIN = re.compile(r"^([A-Za-z0-9][\w.\-]*)(?:\[[\w,\-]+\])?==(\S+)(?: ;.*)? \\$", re.MULTILINE)
IMPORTS = """
import importlib, importlib.abc, pkgutil, sys, warnings
from importlib.metadata import packages_distributions
warnings.simplefilter("ignore")
locked, owners = set(sys.argv[1].split(",")), packages_distributions()
canonical = lambda name: name.lower().replace("_", "-").replace(".", "-")

class Locked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        by = {canonical(owner) for owner in owners.get(name.partition(".")[0], ())} - {"atelier-gateway"}
        if by and not by & locked:
            raise ModuleNotFoundError(f"{name} is not in the lock", name=name)

sys.meta_path.insert(0, Locked())
for package in sys.argv[2].split(","):
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}."):
        if module.name != "dashboard.main":  # the script that Streamlit runs; it imports what is imported here
            importlib.import_module(module.name)
"""


def pins(name: str) -> list[tuple[str, str]]:
    """Packages and versions; of one that has two, each for some versions of Python, both."""
    return PIN.findall((ROOT / name).read_text())


def packages(name: str) -> set[str]:
    return {package for package, _ in pins(f"deploy/{name}.lock")}


@pytest.mark.parametrize("name", ["gateway", "dashboard", "build"])
def test_every_pin_has_hashes_no_address_and_the_version_that_is_tested(name: str) -> None:
    text = (ROOT / "deploy" / f"{name}.lock").read_text()
    assert "://" not in text
    entries = [entry for entry in re.split(r"\n(?=[A-Za-z0-9])", text) if not entry.startswith("#")]
    assert all("\n    --hash=sha256:" in entry for entry in entries)
    found = pins(f"deploy/{name}.lock")
    assert len(found) == len(entries) > 4
    assert set(found) <= {*pins("requirements-dev.lock"), *pins("requirements.lock")}


def test_the_gateways_image_has_what_the_gateway_needs_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["otel"]]
    found = packages("gateway")
    assert {re.split(r"[\[<>=; ]", each)[0].replace(".", "-") for each in asked} <= found
    assert not {"streamlit", "pandas", "pyarrow", "hatchling", "pytest", "pip", "setuptools"} & found


def test_the_dashboards_image_has_all_that_the_dashboard_imports_and_no_litellm() -> None:
    found = packages("dashboard")
    assert not {"litellm", "openai", "boto3", "fastapi", "aiohttp", "pip"} & found
    command = [sys.executable, "-c", IMPORTS, ",".join(found), "dashboard,gateway.reports"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
