"""`atelier`: its version, its checks, and what a start that cannot be says."""

from __future__ import annotations

import fcntl
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway import __version__
from gateway.store.database import DATABASE_FILE, LOCK_FILE
from tests.cli.conftest import BROKEN, GOOD, Atelier, one_sentence

Config = Callable[[str], Path]


def test_the_version(atelier: Atelier) -> None:
    finished = atelier("--version")
    assert (finished.returncode, finished.stdout) == (0, f"atelier, version {__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "-h"], ["run", "-h"], ["check", "-h"], ["keys", "-h"]])
def test_help_is_quick_and_lists_what_there_is(atelier: Atelier, arguments: list[str]) -> None:
    finished = atelier(*arguments)
    assert finished.returncode == 0
    assert "Usage: atelier" in finished.stdout


def test_the_fleets_own_help(atelier: Atelier) -> None:
    finished = atelier("sim", "--help")
    assert finished.returncode == 0
    assert "--tokens-per-second" in finished.stdout


def test_a_good_configuration(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    finished = atelier("check", OPENAI_API_KEY="sk-secret-of-openai")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "fast" in finished.stdout
    assert "no key" in finished.stdout
    assert "ANTHROPIC_API_KEY" in finished.stdout
    assert "sk-secret" not in finished.stdout
    assert not (tmp_path / "data").exists()


def test_a_broken_configuration_tells_every_mistake_with_its_line(atelier: Atelier, config: Config) -> None:
    path = config(BROKEN)
    finished = atelier("check", "--config", str(path))
    assert (finished.returncode, finished.stdout) == (1, "")
    first, second = finished.stderr.splitlines()
    assert first.startswith(f"{path}:4:3: server.prot")
    assert "port" in first
    assert second.startswith(f"{path}:6:22: groups.fast.fallbacks[0]")
    assert "smart" not in first


@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_file_that_is_not_there(atelier: Atelier, command: str) -> None:
    finished = atelier(command, "--config", "nowhere.yaml")
    assert finished.returncode == 1
    assert "nowhere.yaml" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_broken_configuration_is_not_served(atelier: Atelier, config: Config) -> None:
    config(BROKEN)
    finished = atelier("serve")
    assert finished.returncode == 1
    assert "config.yaml:4:3: server.prot" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_port_in_use(atelier: Atelier, config: Config) -> None:
    config(GOOD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = one_sentence(atelier("serve", "--port", str(port)))
    assert f"127.0.0.1:{port} is in use" in told
    assert "--port" in told


def test_an_address_that_is_not_ours(atelier: Atelier, config: Config) -> None:
    config(GOOD)
    told = one_sentence(atelier("serve", "--host", "192.0.2.1", "--port", "0"))
    assert "192.0.2.1" in told


def serve(atelier: Atelier, data: Path) -> str:
    """The sentence of a start that the store ends."""
    return one_sentence(atelier("serve", "--port", "0", ATELIER_DATA_DIR=str(data), ATELIER_LOG_LEVEL="error"))


def test_a_data_folder_that_cannot_be_made(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    (tmp_path / "a-file").write_text("")
    told = serve(atelier, tmp_path / "a-file" / "data")
    assert "a-file" in told
    assert "ATELIER_DATA_DIR" in told


def test_a_data_folder_that_may_not_be_written(atelier: Atelier, config: Config) -> None:
    config(GOOD)
    assert "ATELIER_DATA_DIR" in serve(atelier, Path("/proc/self"))


def test_a_data_folder_that_another_gateway_serves_from(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    data = tmp_path / "data"
    data.mkdir()
    with (data / LOCK_FILE).open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = serve(atelier, data)
    assert "Another gateway (process 4711)" in told


def test_a_store_that_a_newer_version_wrote(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    data = tmp_path / "data"
    data.mkdir()
    with closing(sqlite3.connect(data / DATABASE_FILE)) as store, store:
        store.execute("CREATE TABLE alembic_version (version_num TEXT)")
        store.execute("INSERT INTO alembic_version VALUES ('9999')")
    told = serve(atelier, data)
    assert "newer version" in told
    assert "9999" in told


def test_a_store_that_is_no_store(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    data = tmp_path / "data"
    data.mkdir()
    (data / DATABASE_FILE).write_bytes(b"something else entirely, and long enough to be looked at" * 100)
    assert "not a readable SQLite database" in serve(atelier, data)


def test_a_secret_that_is_broken(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD)
    data = tmp_path / "data"
    data.mkdir()
    (data / "secret.key").write_bytes(b"short")
    assert "restore it from a backup" in serve(atelier, data)


def test_a_stage_that_cannot_be_loaded(atelier: Atelier, config: Config, tmp_path: Path) -> None:
    config(GOOD + "pipeline: {stages: [{name: mine, class: 'no_such_module:Mine', after: prompt}]}\n")
    finished = atelier("serve", "--port", "0", ATELIER_DATA_DIR=str(tmp_path / "data"), ATELIER_LOG_LEVEL="error")
    (told,) = finished.stderr.splitlines()
    assert (finished.returncode, finished.stdout) == (1, "")
    assert told.startswith("config.yaml:7:21: pipeline.stages[0]: ")
    assert "no_such_module:Mine" in told
