"""The gateway's image, rehearsed without an engine: its own RUN lines in an empty folder, then a life among read-only files.

Slow (it installs and compiles everything), so `make faults` runs it. Root gives up every capability first, as a container
does: only then are files that nobody may write read-only to it, too.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.conftest import Stage
from tests.harness import MASTER, ROOT, clean_environment, free_port, wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
SECONDS_TO_END = 60


@pytest.fixture(scope="module")
def tree(stages: dict[str, Stage], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """/opt/atelier of the gateway's image, in a folder of its own."""
    folder = tmp_path_factory.mktemp("image")
    source, places = folder / "src", {"/opt/atelier": f"{folder}/atelier", "/wheels": f"{folder}/wheels"}
    source.mkdir()
    for name in ("LICENSE", "README.md", "pyproject.toml", "deploy/build.lock", "deploy/gateway.lock"):
        shutil.copy(ROOT / name, source)
    for name in ("gateway", "routing_policies", "templates", "dashboard"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    env = clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PIP_PYTHON": places["/opt/atelier"],
        "COMPILE": "python -m compileall -qq -j 0 --invalidation-mode unchecked-hash",
    }
    builder, wheel, gateway = (stages[name].given("RUN") for name in ("builder", "wheel", "gateway-tree"))
    again = [f"rm -r {places['/opt/atelier']}", *builder]  # the wheel's stage and the gateway's begin with the same
    for line in (*builder, *wheel, *again, *gateway):
        here = line.replace("/opt/atelier", places["/opt/atelier"]).replace("/wheels", places["/wheels"])
        subprocess.run(["sh", "-ec", here], cwd=source, env=env, check=True, stdout=subprocess.DEVNULL)
    yield folder / "atelier"
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def test_everything_is_compiled_and_nothing_builds_or_serves_pages(tree: Path) -> None:
    (site,) = tree.glob("lib/python3.*/site-packages")
    sources = [*(site / "gateway").rglob("*.py"), *(site / "litellm" / "llms").rglob("*.py")]
    assert len(sources) > 500
    for source in sources:
        (compiled,) = (source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc")
        assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00", "its source is not looked at"
    assert not (site / "litellm" / "proxy" / "_experimental" / "out").exists()
    assert not [name for name in ("pip", "hatchling", "streamlit", "pytest") if (site / name).exists()]


def test_it_serves_from_there_writes_only_data_and_ends_well(tree: Path, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    prefix = POWERLESS if os.geteuid() == 0 else ()
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222 | 0o444)
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    env = {
        "PATH": f"{tree}/bin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
        "ATELIER_CONFIG": str(tmp_path / "config.yaml"),
        "ATELIER_DATA_DIR": str(data),
        "ATELIER_PORT": str(port),
        "ATELIER_MASTER_KEY": MASTER,
    }
    shutil.copy(ROOT / "config.yaml", tmp_path)
    command = [*prefix, tree / "bin" / "python", tree / "bin" / "atelier", "serve"]
    with subprocess.Popen(command, cwd="/", env=env) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: process.poll() is not None or live(f"{url}/health/ready"), "the gateway")
            assert live(f"{url}/health/live")
            body = {"model": "auto", "messages": [{"role": "user", "content": "A haiku."}]}
            headers = {"authorization": f"Bearer {MASTER}"}
            asked = httpx.post(f"{url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=60)
            assert (asked.status_code, asked.headers["x-atelier-simulated"]) == (200, "true"), asked.text
            process.send_signal(signal.SIGTERM)
            assert process.wait(SECONDS_TO_END) == 0
        finally:
            process.kill()
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before
    assert json.loads((data / "fleet-journal.jsonl").read_text().splitlines()[0])


def live(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
