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
from benchmarks.formats import ANSWERS, COHERE, OPENAI, STREAMS, answer, pieces, told_by
from benchmarks.load import LoadError, Target, at_rate, connected, drive
from benchmarks.machine import cpu_seconds, tree
from benchmarks.upstream import Upstream


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
    writer.write(pieces(OPENAI, 8, usage=True)[0])
    writer.close()


def events(data: bytes) -> list[Any]:
    """The JSON of each event in what a stream writes."""
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n") if line.startswith(b"data: ")]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


async def test_every_request_is_made_once_and_timed() -> None:
    behind = Upstream(pause=0.001)
    async with serving(behind) as target, connected(target, 3) as connections:
        whole = await drive(connections, target.request(5, stream=False), most=10)
        streamed = await drive(connections[:2], target.request(5, stream=True), most=4, spread=0.005)
        paced = await at_rate(connections, target.request(5, stream=False), rate=100, seconds=0.05)
    assert behind.seen == len(whole) + len(streamed) + len(paced) == 19
    assert {exchange.events for exchange in whole + paced} == {0}
    assert {exchange.events for exchange in streamed} == {1 + 5 + 1 + 1 + 1}  # role, words, end, usage, [DONE]
    for exchange in streamed:
        assert exchange.sent < exchange.first < exchange.ended


@pytest.mark.parametrize(("server", "said"), [(refused, "status 429: slow"), (cut, "the connection was lost")])
async def test_a_failed_answer_ends_the_load(server: Any, said: str) -> None:
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    target = Target(listening.sockets[0].getsockname()[1], "sk-any", "bench")
    async with connected(target, 2) as connections:
        with pytest.raises(LoadError, match=said):
            await drive(connections, target.request(8, stream=True), most=10)
    listening.close()


async def test_an_open_loop_ends_rather_than_wait_for_a_free_connection() -> None:
    async with serving(Upstream(pause=5)) as target, connected(target, 1) as connections:
        with pytest.raises(LoadError, match="1 requests were under way at once"):
            await at_rate(connections, target.request(5, stream=True), rate=1_000, seconds=0.01)


async def test_the_pace_of_the_upstream_is_set_over_http() -> None:
    behind = Upstream(pause=5)
    async with serving(behind) as target:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        writer.write(b"GET /pace/0.25 HTTP/1.1\r\n\r\n")
        assert b'"pause":0.25' in await reader.readuntil(b"}")
        writer.close()
        await writer.wait_closed()
    assert behind.pause == 0.25
    assert behind.seen == 0


def test_a_stream_says_the_words_it_was_asked_for_each_in_a_write_of_its_own() -> None:
    written = pieces(OPENAI, 3, usage=True)
    assert len(written) == 3 + 1
    said = events(b"".join(written))
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in said[:-1]) == " word0 word1 word2"
    assert said[-2]["choices"][0]["finish_reason"] == "stop"
    assert said[-1]["usage"]["completion_tokens"] == 3
    assert "usage" not in events(b"".join(pieces(OPENAI, 3, usage=False)))[-1]


@pytest.mark.parametrize("speaks", STREAMS)
def test_every_format_has_a_word_in_each_write_and_its_usage_at_the_end(speaks: str) -> None:
    *spoken, last = pieces(speaks, 3, usage=True)
    assert [f"word{index}".encode() in piece for index, piece in enumerate(spoken)] == [True] * 3
    assert b"oken" in last
    assert last.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("speaks", ANSWERS)
def test_a_whole_answer_says_all_words_in_every_format(speaks: str) -> None:
    head, _, body = answer(speaks, 3).partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    assert " word0 word1 word2" in json.dumps(json.loads(body))


def test_the_path_tells_the_format() -> None:
    paths = {
        b"/v1/chat/completions": ("openai", True),
        b"/v1/messages": ("anthropic", True),
        b"/v1beta/models/m:streamGenerateContent?alt=sse": ("gemini", True),
        b"/v1beta/models/m:generateContent": ("gemini", False),
        b"/v2/chat": (COHERE, True),
    }
    assert {path: told_by(path, stream=True) for path in paths} == paths


@pytest.mark.parametrize(
    "data", [answer(OPENAI, 4), b"".join(pieces(OPENAI, 4, usage=True))], ids=["whole", "streamed"]
)
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
