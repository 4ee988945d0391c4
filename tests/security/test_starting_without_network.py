"""S20: `atelier serve`, `run` and `check` call nobody but whom their configuration names.

Each runs in a network of its own where every address is this machine and nobody but they answer; every packet is read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.harness import ROOT, clean_environment
from tests.security.isolated import NOT_HERE

ISOLATED = str(ROOT / "tests" / "security" / "isolated.py")
OURSELVES = ("tcp", "127.0.0.1", 4000)  # the gateway, which the scenario and the dashboard ask
DASHBOARD = ("tcp", "127.0.0.1", 8501)
STRANGERS = """
import socket
for family, address in ((socket.AF_INET, ("203.0.113.7", 443)), (socket.AF_INET6, ("2001:db8::7", 443))):
    with socket.socket(family) as caller:
        assert caller.connect_ex(address) != 0
    with socket.socket(family, socket.SOCK_DGRAM) as caller:
        caller.sendto(b"x", (address[0], 4317))
"""
Call = tuple[str | int, ...]


@dataclass(frozen=True)
class Seen:
    """Who was called until it was ready, then until it was asked to end, then until it had; and what the file names."""

    starting: set[Call]
    serving: set[Call]
    ending: set[Call]
    named: set[Call]


def in_a_network_of_its_own(calls: Path, *command: str) -> str:
    """Run it there, and return what it printed; whom it called is in the file."""
    ran = subprocess.run(
        [sys.executable, ISOLATED, str(calls), sys.executable, *command],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode == NOT_HERE:
        pytest.skip(f"this user may not make network namespaces ({ran.stderr.strip()}); root may")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def scenario(folder: Path, name: str) -> Seen:
    calls = folder / "calls"
    printed = in_a_network_of_its_own(calls, "-m", "tests.security.starting", name, str(folder))
    urls = [urlsplit(url) for url in json.loads(printed.splitlines()[-1])]
    phases: dict[str, set[Call]] = {"starting": set(), "ready": set(), "ending": set()}
    phase = phases["starting"]
    for line in calls.read_text().splitlines():
        kind, *rest = json.loads(line)
        if kind == "mark":
            phase = phases[rest[0]]
        else:
            phase.add((kind, *rest))
    named = {("tcp", str(url.hostname), url.port or 0) for url in urls}
    return Seen(phases["starting"], phases["ready"], phases["ending"], named)


def test_whoever_is_called_is_seen(tmp_path: Path) -> None:
    in_a_network_of_its_own(tmp_path / "calls", "-c", STRANGERS)
    seen = [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]
    assert seen == [
        ["tcp", "203.0.113.7", 443],
        ["udp", "203.0.113.7", 4317],
        ["tcp", "2001:db8::7", 443],
        ["udp", "2001:db8::7", 4317],
    ]


def test_a_gateway_calls_the_provider_that_is_asked_and_nobody_else(tmp_path: Path) -> None:
    seen = scenario(tmp_path, "named")
    assert seen.starting == {OURSELVES}
    assert len(seen.named) == 3
    assert len(seen.serving & seen.named) == 1
    assert seen.serving <= {OURSELVES, *seen.named}
    assert seen.ending == set()


def test_keys_for_real_providers_make_it_call_none_before_a_request_does(tmp_path: Path) -> None:
    seen = scenario(tmp_path, "keys")
    assert seen.starting == {OURSELVES}
    assert seen.ending == set()
    looked_up = seen.serving - {OURSELVES}
    assert {(kind, port) for kind, _, port in looked_up} == {("udp", 53)}, "the provider's name, and no more"


def test_without_a_key_it_calls_its_own_fleet(tmp_path: Path) -> None:
    seen = scenario(tmp_path, "simulated")
    assert seen.named
    assert seen.starting | seen.serving | seen.ending <= {OURSELVES, *seen.named}


def test_the_first_run_with_its_dashboard_stays_on_this_machine(tmp_path: Path) -> None:
    seen = scenario(tmp_path, "run")
    assert DASHBOARD in seen.named
    assert seen.starting | seen.serving | seen.ending <= {OURSELVES, *seen.named}


def test_a_scaled_one_calls_its_stores_and_nobody_else(tmp_path: Path) -> None:
    seen = scenario(tmp_path, "stores")
    assert seen.starting
    assert seen.starting <= seen.named


def test_checking_a_file_calls_nobody(tmp_path: Path) -> None:
    seen = scenario(tmp_path, "check")
    assert seen.starting == set()
