"""The benchmark's own upstream, load generator and floor: what is said, and that no failure counts as a measurement."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from benchmarks import upstream
from benchmarks.floor import Usage
from benchmarks.load import LoadError, Target, drive
from benchmarks.machine import cpu_seconds, tree
from benchmarks.upstream import Upstream, answer, frames


@asynccontextmanager
async def serving(behind: Upstream) -> AsyncIterator[Target]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: upstream.Connection(behind), "127.0.0.1", 0)
    yield Target(server.sockets[0].getsockname()[1], "sk-any", "bench")
    server.close()


async def refused(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nslow")
    writer.close()


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(frames(8, usage=True)[0])
    writer.close()


def events(data: bytes) -> list[Any]:
    """The JSON of each event in what a stream writes."""
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n") if line.startswith(b"data: ")]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


async def test_every_request_is_made_once_and_timed() -> None:
    behind = Upstream(pause=0.001)
    async with serving(behind) as target:
        whole = await drive(target, target.request(5, stream=False), at_once=3, most=10, seconds=5)
        streamed = await drive(target, target.request(5, stream=True), at_once=2, most=4, seconds=5, spread=0.005)
    assert behind.seen == len(whole) + len(streamed) == 14
    assert {exchange.events for exchange in whole} == {0}
    assert {exchange.events for exchange in streamed} == {1 + 5 + 1 + 1 + 1}  # role, words, end, usage, [DONE]
    for exchange in streamed:
        assert exchange.sent < exchange.first < exchange.ended


@pytest.mark.parametrize(("server", "said"), [(refused, "status 429: slow"), (cut, "the connection was lost")])
async def test_a_failed_answer_ends_the_load(server: Any, said: str) -> None:
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    target = Target(listening.sockets[0].getsockname()[1], "sk-any", "bench")
    with pytest.raises(LoadError, match=said):
        await drive(target, target.request(8, stream=True), at_once=2, most=10, seconds=5)
    listening.close()


def test_a_stream_says_the_words_it_was_asked_for_each_in_a_write_of_its_own() -> None:
    pieces = frames(3, usage=True)
    assert len(pieces) == 3 + 1
    said = events(b"".join(pieces))
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in said[:-1]) == " word0 word1 word2"
    assert said[-2]["choices"][0]["finish_reason"] == "stop"
    assert said[-1]["usage"]["completion_tokens"] == 3
    assert "usage" not in events(b"".join(frames(3, usage=False)))[-1]


@pytest.mark.parametrize("data", [answer(4), b"".join(frames(4, usage=True))], ids=["whole", "streamed"])
def test_the_scan_finds_usage_wherever_the_bytes_are_cut(data: bytes) -> None:
    for at in range(len(data)):
        usage = Usage()
        usage.feed(data[:at])
        usage.feed(data[at:])
        assert usage.tokens == 24


def test_the_cpu_of_children_counts_and_of_those_that_have_ended() -> None:
    program = f"""
import subprocess, sys
subprocess.run([{sys.executable!r}, "-c", "sum(range(10**7))"])
waiting = subprocess.Popen([{sys.executable!r}, "-c", "import sys; sys.stdin.read()"])
print("done", flush=True)
waiting.wait()
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        children = tree(process.pid)[1:]
        used = cpu_seconds(process.pid)
        process.communicate()
    assert len(children) == 1
    assert used > 0.05
    assert cpu_seconds(process.pid) == 0
