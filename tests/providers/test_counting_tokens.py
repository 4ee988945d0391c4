"""Tokens are counted with LiteLLM's tokenizer without importing LiteLLM; an event loop never waits for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.providers import runtime, tokens
from gateway.providers.runtime import load
from gateway.providers.tokens import BundledTokens
from tests.harness import ROOT, clean_environment

TEXTS = [
    "",
    "hello world",
    "Grüße, 世界! 🎈",
    "x" * 1000,
    "<|endoftext|> is plain text",
    " \n\t 12345 67.89",
    "a\ud800b",
]
ON_ITS_OWN = """
import socket, sys
socket.socket.connect = socket.getaddrinfo = lambda *_: sys.exit("the network was asked")
from gateway.providers.tokens import BundledTokens
print(BundledTokens().count("hello world, how are you?"), "litellm" in sys.modules)
"""


@pytest.mark.parametrize("text", TEXTS)
def test_it_counts_with_litellms_own_tokenizer(text: str) -> None:
    theirs = len(load().encoding.encode(text, disallowed_special=()))
    size = len(text.encode(errors="replace"))
    assert BundledTokens().count(text) == max(-(-size // 4), -(-theirs * 5 // 4))


def test_it_needs_neither_litellm_nor_the_network() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", ON_ITS_OWN],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["9", "False"]


async def test_until_it_is_loaded_an_event_loop_counts_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "state", lambda: "absent")
    began, go_on = threading.Event(), threading.Event()

    def slow() -> Any:
        began.set()
        assert go_on.wait(10)
        return tokens.tokenizer()

    counter = BundledTokens(slow)
    assert counter.count("hello wörld") == 12
    await asyncio.to_thread(began.wait, 10)
    assert counter.count("hello wörld") == 12, "nobody waits, and nobody loads it twice"
    loading = next(each for each in threading.enumerate() if each.name == "tokenizer")
    go_on.set()
    await asyncio.to_thread(loading.join, 10)
    assert counter.count("hello world") == 3


async def test_with_litellm_it_is_there() -> None:
    load()
    assert BundledTokens().count("hello world") == 3


async def test_a_thread_waits_for_it() -> None:
    assert await asyncio.to_thread(BundledTokens().count, "hello world") == 3


def test_without_the_file_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tokens, "package", lambda: tmp_path)
    found = tokens.tokenizer.__wrapped__()
    assert found is None
    assert BundledTokens(lambda: found).count("hello world") == 11


def test_of_a_very_long_text_a_quarter_of_the_bytes_has_to_do() -> None:
    assert BundledTokens(lambda: pytest.fail("it was loaded")).count("x" * 2_000_001) == 500_001
