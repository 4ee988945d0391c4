"""`atelier run`: the first time and the second it ends with a served gateway and a key that works when pasted."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

from gateway.demo import FILE, demo_key
from tests.harness import ROOT, FleetThread, GatewayProcess, GatewayThread, clean_environment, wait_until


class FirstRun(GatewayProcess):
    """`atelier run` in place of `atelier serve`."""

    def start(self, wait: bool = True, **env: str) -> None:
        (self.folder / "gateway.log").write_text("")
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "run", "--config", str(self.config_file)],
                cwd=ROOT,
                env={**clean_environment(), **self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: "Or with the OpenAI SDK" in self.log() or self.ended(), "the banner")

    def ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None

    @property
    def shown_key(self) -> str:
        found = re.search(r"^  Key +(\S+)$", self.log(), re.MULTILINE)
        assert found is not None, self.log()
        return found[1]


def test_twice_it_shows_a_key_that_works(fleet: FleetThread, tmp_path: Path) -> None:
    run, shown = FirstRun(tmp_path, fleet), []
    for _ in range(2):
        with run:
            shown.append(run.shown_key)
            with run.http(run.shown_key) as http:
                asked = {"model": "echo", "messages": [{"role": "user", "content": "Say it again"}]}
                answer = http.post("/v1/chat/completions", json=asked)
            assert answer.status_code == 200, answer.text
            assert f"curl -N {run.url}/v1/chat/completions" in run.log()
        assert run.process is not None
        assert run.process.returncode == 0
    assert shown[0] == shown[1]
    assert stat.S_IMODE((run.data_dir / FILE).stat().st_mode) == 0o600


def test_a_demo_key_that_works_no_more_is_replaced(gateway: GatewayThread, tmp_path: Path) -> None:
    services = gateway.gateway.services
    first = gateway.run(demo_key(tmp_path, services))
    assert gateway.run(demo_key(tmp_path, services)) == first
    identity = gateway.run(services.identities.identify(first))
    with gateway.http() as http:
        assert http.post("/key/delete", json={"keys": [identity.key_id]}).status_code == 200
    second = gateway.run(demo_key(tmp_path, services))
    assert second != first
    assert (tmp_path / FILE).read_text() == f"{second}\n"
    account = f"key:{gateway.run(services.identities.identify(second)).key_id}"
    assert gateway.run(services.ledger.balances([account]))[0].limit is not None


def test_nonsense_in_its_file_is_replaced(gateway: GatewayThread, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("\n")
    key = gateway.run(demo_key(tmp_path, gateway.gateway.services))
    assert key.startswith("sk-atl-")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
