"""`python -m gateway.fleet` as a program: says where it is, keeps its journal, stops and fails in good order."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.fleet.__main__ import main

COMMAND = [sys.executable, "-m", "gateway.fleet"]


@contextmanager
def killed(program: subprocess.Popen[str]) -> Iterator[None]:
    """Nothing is left running, whatever the test finds."""
    try:
        yield
    finally:
        program.kill()


def test_it_says_where_it_is_and_stops_when_told(tmp_path: Path) -> None:
    ready, journal, config = tmp_path / "ready.json", tmp_path / "journal.jsonl", tmp_path / "fleet.json"
    config.write_text('{"models": {"slow": {"ttft": 9}}}')
    options = ["--ready-file", str(ready), "--journal", str(journal), "--config", str(config), "--speed", "0"]
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, text=True) as program, killed(program):
        assert program.stdout
        urls = json.loads(program.stdout.readline())
        assert urls == json.loads(ready.read_text())
        assert set(urls) == {"openai", "anthropic", "gemini", "admin"}
        body = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
        headers = {"authorization": "Bearer sim"}
        with httpx.Client(trust_env=False) as client:
            answer = client.post(f"{urls['openai']}/chat/completions", json=body, headers=headers)
            state = client.get(f"{urls['admin']}/_sim/state").json()
            changed = client.post(f"{urls['admin']}/_sim/settings", json={"speed": 2}).json()
        assert answer.json()["choices"][0]["message"]["content"] == "hi"
        assert (state["settings"]["speed"], state["settings"]["models"]["slow"]["ttft"]) == (0, 9)
        assert (changed["speed"], changed["journal"]) == (2, str(journal))
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    assert [json.loads(line)["event"] for line in journal.read_text().splitlines()] == ["start", "end"]


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(SystemExit) as caught:
            main(["--port", str(taken.getsockname()[1])])
    assert "cannot start" in str(caught.value)
    assert "--port" in str(caught.value)


def test_a_bad_setting_is_told_in_one_sentence(tmp_path: Path) -> None:
    config = tmp_path / "fleet.json"
    config.write_text('{"sped": 1}')
    with pytest.raises(SystemExit, match="sped"):
        main(["--config", str(config)])


def test_it_ends_with_the_process_that_holds_its_standard_input() -> None:
    command = [*COMMAND, "--until-stdin-closes"]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program,
        killed(program),
    ):
        assert program.stdin
        assert program.stdout
        assert program.stdout.readline()
        program.stdin.close()
        assert program.wait(10) == 0
