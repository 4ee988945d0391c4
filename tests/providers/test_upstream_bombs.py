"""A provider that sends bombs breaks one request, in every lane: the client is told, and the attempt is settled (S15)."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.providers.events import LONGEST_LINE
from gateway.providers.unpacking import MOST_BYTES
from tests.harness import PRICE, PROVIDER_KEY, GatewayThread
from tests.providers.replay import Recorded, ReplayServer, replaying

LANES = {"wire": "openai/m", "anthropic": "anthropic/m", "gemini": "gemini/m", "sdk": "cerebras/m"}
STREAM = {"content-type": "text/event-stream"}
PIECES: dict[str, Any] = {
    "openai": {"id": "x", "choices": [{"index": 0, "delta": {"content": "word "}}]},
    "anthropic": {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}},
    "gemini": {"candidates": [{"index": 0, "content": {"parts": [{"text": "word "}]}}]},
}
MB = 2**20


def packed(total: int) -> bytes:
    """Zeros, a thousand to one."""
    packing = zlib.compressobj(9, wbits=31)
    return b"".join([packing.compress(bytes(MB)) for _ in range(total // MB)]) + packing.flush()


def bomb(kind: str, lane: str) -> Recorded:
    piece = b"data: %s\n\n" % json.dumps(PIECES.get(lane, PIECES["openai"])).encode()
    match kind:
        case "packed":
            return Recorded(packed(MOST_BYTES + 8 * MB), headers={**STREAM, "content-encoding": "gzip"})
        case "endless line":
            return Recorded(piece + b"data: " + b"x" * (LONGEST_LINE + MB), headers=STREAM)
        case "endless stream":
            return Recorded(piece * 3_000, headers=STREAM)
        case "comments":
            return Recorded(piece + (b":" + b"x" * 9_999 + b"\n") * (MOST_BYTES // 10_000 + 100), headers=STREAM)
        case _:
            return Recorded(b'{"id": "' + b"x" * (MOST_BYTES + MB) + b'"}')


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def provider() -> AsyncIterator[ReplayServer]:
    async with replaying() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(provider: ReplayServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    models = [
        {
            "model_name": lane,
            "litellm_params": {"model": model, "api_base": provider.url, "api_key": PROVIDER_KEY, **PRICE},
        }
        for lane, model in LANES.items()
    ]
    folder: Path = tmp_path_factory.mktemp("gateway")
    urls = dict.fromkeys(("openai", "anthropic", "gemini"), provider.url)
    with GatewayThread(folder, urls, model_list=models, routing={}, retry={"attempts": 1}) as running:
        yield running


@pytest.mark.parametrize("kind", ["packed", "endless line", "endless stream", "comments"])
@pytest.mark.parametrize("lane", LANES)
async def test_a_stream_that_is_a_bomb_ends_with_an_error_and_is_settled(
    gateway: GatewayThread, provider: ReplayServer, lane: str, kind: str
) -> None:
    provider.answer = bomb(kind, lane)
    before = len(provider.seen)
    told, spent = await asyncio.to_thread(asked, gateway, lane, stream=True)
    assert '"error"' in told
    assert "[DONE]" not in told
    assert told.count("word ") <= 2 * (110 + 64)
    assert len(provider.seen) == before + 1
    assert spent > 0


@pytest.mark.parametrize("kind", ["packed", "large"])
@pytest.mark.parametrize("lane", LANES)
async def test_an_answer_that_is_a_bomb_is_an_error_and_is_settled(
    gateway: GatewayThread, provider: ReplayServer, lane: str, kind: str
) -> None:
    provider.answer = bomb(kind, lane)
    before = len(provider.seen)
    told, spent = await asyncio.to_thread(asked, gateway, lane, stream=False)
    assert json.loads(told)["error"]["code"] == "upstream_error"
    assert len(provider.seen) == before + 1
    assert spent > 0


def asked(gateway: GatewayThread, lane: str, *, stream: bool) -> tuple[str, int]:
    """What the client gets, and what its key has paid once nothing is held any more."""
    key = gateway.key(max_budget=1.0)
    body = {"model": lane, "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}], "stream": stream}
    with gateway.http(key) as http:
        answer = http.post("/v1/chat/completions", json=body)
        assert answer.status_code == (200 if stream and answer.text.startswith("data:") else 502), answer.text[:300]
        return answer.text, settled(http)


def settled(http: httpx.Client) -> int:
    """Nano-dollars; the time only bounds a failure."""
    until = time.monotonic() + 10
    while (spend := http.get("/v1/me").json()["spend"])["held_nano"]:
        assert time.monotonic() < until, spend
        time.sleep(0.02)
    spent: int = spend["spent_nano"]
    return spent
