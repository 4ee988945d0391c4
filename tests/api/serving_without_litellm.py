"""A gateway in a process of its own that serves the wire lane, and says after each step whether LiteLLM was imported.

`python -m tests.api.serving_without_litellm FOLDER`: one JSON object on stdout, the state of LiteLLM after each step, and
under "modules" which packages were imported until the last request of the wire lane.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx

from gateway.fleet import Settings, start_fleet
from gateway.start import Start

MASTER = "sk-master-key-of-a-test"
HELLO = {"model": "wired", "messages": [{"role": "user", "content": "Say hello."}]}
SAID: dict[str, Any] = {}


def say(step: str) -> None:
    SAID[step] = "imported" if "litellm" in sys.modules else "absent"


def entry(group: str, model: str, base: str, **further: Any) -> dict[str, Any]:
    return {"model_name": group, "litellm_params": {"model": model, "api_base": base, "api_key": "sk-x", **further}}


def write(path: Path, entries: list[dict[str, Any]]) -> None:
    sections = {"dashboard": {"enabled": False}, "simulation": {"mode": "off"}}
    path.write_text(json.dumps({"model_list": entries, "general_settings": {"master_key": MASTER}, **sections}))


async def ask(client: httpx.AsyncClient, model: str, **members: Any) -> httpx.Response:
    answer = await client.post("/v1/chat/completions", json={**HELLO, "model": model, **members})
    assert answer.status_code == 200, answer.text
    return answer


async def wired(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "wired")).json()["choices"][0]["message"]["content"]
    say("whole")
    assert "[DONE]" in (await ask(client, "wired", stream=True)).text
    say("stream")
    dropped = await ask(client, "dropping", seed=1, safety_identifier="somebody", verbosity="low")
    assert dropped.json()["choices"]
    say("dropping")
    assert (await ask(client, "openai/gpt-anything")).json()["choices"]
    assert (await ask(client, "gpt-4o")).json()["choices"]
    say("wildcard")
    unknown = await client.post("/v1/chat/completions", json={**HELLO, "model": "nobodys/model"})
    assert unknown.status_code == 404, unknown.text
    say("unknown")
    embedding = await client.post("/v1/embeddings", json={"model": "embedding", "input": "hello"})
    assert embedding.status_code == 200, embedding.text
    say("embedding")


async def translated(client: httpx.AsyncClient, gateway: Any, path: Path, entries: list[dict[str, Any]]) -> None:
    write(path, entries)
    await gateway.services.reloader.reload("a test")
    assert (await client.get("/health/ready")).status_code == 200, "it has been ready, and goes on"
    assert (await ask(client, "wired")).json()["choices"]
    assert (await ask(client, "translated")).json()["choices"]
    say("translated")


async def main(folder: Path) -> None:
    fleet = await start_fleet(Settings(speed=0))
    openai, anthropic = f"{fleet.urls['openai']}", fleet.urls["anthropic"]
    entries = [
        entry("wired", "openai/gpt-house", openai),
        entry("dropping", "openai/gpt-house", openai, drop_params=True),
        entry("embedding", "openai/text-embedding-3-small", openai),
        entry("openai/*", "openai/*", openai),
    ]
    path = folder / "config.yaml"
    write(path, entries)
    start = Start(path, None, 0, demo=False)
    assert start.listen() is not None
    gateway: Any = start.load()
    await gateway.start()
    say("started")
    transport = httpx.ASGITransport(gateway.asgi)
    headers = {"authorization": f"Bearer {MASTER}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        assert (await client.get("/health/ready")).status_code == 200
        await wired(client)
        SAID["modules"] = sorted({name.partition(".")[0] for name in sys.modules})
        further = entry("translated", "anthropic/claude-opus-5-5", anthropic)
        await translated(client, gateway, path, [*entries, further])
    await gateway.stop()
    await fleet.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
    sys.stdout.write(json.dumps(SAID))
