"""Images and files by address: the gateway opens none, however it is spelled (S2)."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest

from gateway.errors import Fault
from gateway.ports import Provider
from gateway.providers import media
from gateway.types import JsonObject
from tests.providers.asking import ANSWER, ANSWERS, HELLO, request
from tests.providers.clientside import completed
from tests.providers.replay import Canary, Recorded, ReplayServer

# {port} is the canary's. Most name this machine in another way; some are forms that only some parsers read so.
SPELLINGS = (
    "http://127.0.0.1:{port}/a.png",
    "http://localhost:{port}/a.png",
    "http://LOCALHOST:{port}/a.png",
    "http://localhost.:{port}/a.png",
    "http://2130706433:{port}/a.png",
    "http://0x7f000001:{port}/a.png",
    "http://0x7f.0x0.0x0.0x1:{port}/a.png",
    "http://0177.0.0.1:{port}/a.png",
    "http://017700000001:{port}/a.png",
    "http://127.1:{port}/a.png",
    "http://127.0.1:{port}/a.png",
    "http://127.000.000.001:{port}/a.png",
    "http://127.9.9.9:{port}/a.png",
    "http://0:{port}/a.png",
    "http://0.0.0.0:{port}/a.png",
    "http://[::1]:{port}/a.png",
    "http://[0:0:0:0:0:0:0:1]:{port}/a.png",
    "http://[::]:{port}/a.png",
    "http://[::ffff:127.0.0.1]:{port}/a.png",
    "http://[::ffff:7f00:1]:{port}/a.png",
    "http://[::127.0.0.1]:{port}/a.png",
    "http://[2002:7f00:1::]:{port}/a.png",
    "http://[64:ff9b::7f00:1]:{port}/a.png",
    "http://[fe80::1%25lo]:{port}/a.png",
    "http://100.64.0.1:{port}/a.png",
    "http://169.254.169.254/latest/meta-data/a.png",
    "http://metadata.google.internal/a.png",
    "http://user:pass@127.0.0.1:{port}/a.png",
    "http://example.com@127.0.0.1:{port}/a.png",
    "http://127.0.0.1:{port}#@example.com/a.png",
    "http://127.0.0.1:{port}?.png",
    "http://127.0.0.1:{port}\\@example.com/a.png",
    "http://①②⑦.⓪.⓪.①:{port}/a.png",
    "http://127。0。0。1:{port}/a.png",
    "http://127.0.0.1.nip.io:{port}/a.png",
    "HTTP://127.0.0.1:{port}/a.png",
    "hTTp://127.0.0.1:{port}/a.png",
    "HTTPS://127.0.0.1:{port}/a.png",
    " http://127.0.0.1:{port}/a.png",
    "\thttp://127.0.0.1:{port}/a.png",
    "http:/127.0.0.1:{port}/a.png",
    "http:127.0.0.1:{port}/a.png",
    "http:\\\\127.0.0.1:{port}\\a.png",
    "//127.0.0.1:{port}/a.png",
    "ftp://127.0.0.1:{port}/a.png",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "dict://127.0.0.1:{port}/d",
    "jar:http://127.0.0.1:{port}!/a.png",
    "unix:///var/run/docker.sock",
    "gs://bucket/a",
    "gs://bucket/a.png",
    "s3://bucket/a.png",
    "url:http://127.0.0.1:{port}/a.png",
    "blob:http://127.0.0.1:{port}/a",
    "view-source:http://127.0.0.1:{port}/a.png",
    "javascript:fetch('http://127.0.0.1:{port}')",
    "http://127.0.0.1:{port}/a.png?format=data:image/png;base64,AAAA",
    "http://%31%32%37.0.0.1:{port}/a.png",
)
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAYS: dict[str, Any] = {
    "image_url": lambda url: {"type": "image_url", "image_url": {"url": url}},
    "image_url as text": lambda url: {"type": "image_url", "image_url": url},
    "file": lambda url: {"type": "file", "file": {"file_id": url}},
    "document": lambda url: {"type": "document", "source": {"type": "url", "url": url}},
    "video": lambda url: {"type": "video_url", "video_url": {"url": url}},
}


def showing(*parts: JsonObject, role: str = "user") -> JsonObject:
    return {**HELLO, "messages": [{"role": role, "content": [{"type": "text", "text": "What is this?"}, *parts]}]}


def answering(replay: ReplayServer, wire: str) -> None:
    replay.seen.clear()
    replay.answer = Recorded(json.dumps(ANSWERS.get(wire, ANSWER)).encode())


@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini", "mistral", "ollama_chat", "bedrock"])
async def test_no_spelling_of_an_address_is_opened(
    lane: Provider, replay: ReplayServer, canary: Canary, wire: str
) -> None:
    for spelling in SPELLINGS:
        answering(replay, wire)
        body = showing(WAYS["image_url"](spelling.format(port=canary.port)))
        reading, _ = await completed(lane, request(f"{wire}/m", replay.url, body))
        if wire in {"openai", "mistral"}:
            assert len(replay.seen) == 1, spelling  # untouched: the provider decides
        else:
            assert (reading.fault, reading.status, replay.seen) == (Fault.CALLER, 400, []), spelling
    assert canary.came == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", ["user", "tool"])
@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
async def test_no_way_to_name_an_address_leads_to_its_being_opened(
    lane: Provider, replay: ReplayServer, canary: Canary, way: str, role: str, wire: str
) -> None:
    answering(replay, wire)
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    body = showing(WAYS[way](f"{canary.url}/a.png"), role=role)
    if role == "tool":
        body["messages"] = [
            {"role": "assistant", "tool_calls": [call]},
            {**body["messages"][0], "tool_call_id": "call_1"},
        ]
    reading, _ = await completed(lane, request(f"{wire}/m", replay.url, body))
    assert (reading.fault, reading.code) == (Fault.CALLER, "unsupported_image_url")
    assert "data URI" in str(reading.message)
    assert canary.came == 0


@pytest.mark.parametrize("wire", ["anthropic", "gemini", "ollama_chat", "bedrock"])
async def test_what_gets_past_the_first_look_is_not_opened_either(
    lane: Provider, replay: ReplayServer, canary: Canary, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    monkeypatch.setattr("gateway.providers.sdk.refuse_addresses", lambda *_: None)
    for way in ("image_url", "file"):
        answering(replay, wire)
        body = showing(WAYS[way](f"{canary.url}/a.png"))
        await completed(lane, request(f"{wire}/m", replay.url, body))
    assert canary.came == 0


async def test_an_https_address_goes_to_anthropic_which_opens_it_itself(lane: Provider, replay: ReplayServer) -> None:
    answering(replay, "anthropic")
    address = "https://images.example.invalid/a"
    await completed(lane, request("anthropic/m", replay.url, showing(WAYS["image_url"](address))))
    (seen,) = replay.seen
    assert seen.json["messages"][0]["content"][1]["source"] == {"type": "url", "url": address}


async def test_gemini_is_given_no_address_for_litellm_would_open_it(lane: Provider, replay: ReplayServer) -> None:
    answering(replay, "gemini")
    body = showing(WAYS["image_url"]("https://images.example.invalid/a.png"))
    reading, _ = await completed(lane, request("gemini/m", replay.url, body))
    assert (reading.fault, reading.code, replay.seen) == (Fault.CALLER, "unsupported_image_url", [])


@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini"])
async def test_an_inline_image_arrives(lane: Provider, replay: ReplayServer, wire: str) -> None:
    answering(replay, wire)
    await completed(lane, request(f"{wire}/m", replay.url, showing(WAYS["image_url"](PIXEL))))
    (seen,) = replay.seen
    assert PIXEL.partition(",")[2] in json.dumps(seen.json)


def test_words_that_look_like_addresses_are_words() -> None:
    text = "See http://127.0.0.1/ and file:///etc/passwd"
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}, {"role": "user", "content": text}]
    }
    assert not list(media.addresses(body["messages"]))


def test_litellms_own_fetchers_are_shut() -> None:
    urls: Any = importlib.import_module("litellm.litellm_core_utils.url_utils")
    with pytest.raises(urls.SSRFError, match="opens no address"):
        urls.safe_get(None, "https://example.com/a.png")
