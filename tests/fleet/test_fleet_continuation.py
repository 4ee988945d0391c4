"""A begun answer is continued exactly where it stops: by prefill or by instruction, on any wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fleet.fleet_clients import WIRES, Asker

ASK = "Write a blog post about lighthouses in 200 words"
every_wire = pytest.mark.parametrize("wire", WIRES)


def turns(wire: str, *texts: str) -> dict[str, Any]:
    """Messages of user and assistant in turn."""
    if wire == "gemini":
        roles = ("user", "model")
        return {"contents": [{"role": roles[n % 2], "parts": [{"text": text}]} for n, text in enumerate(texts)]}
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]}


async def said(asker: Asker, wire: str, *texts: str, model: str = "m") -> str:
    body = (await asker.send(wire, "", model=model, **turns(wire, *texts))).json()
    if wire == "openai":
        return str(body["choices"][0]["message"]["content"])
    if wire == "anthropic":
        return "".join(block["text"] for block in body["content"])
    return "".join(part["text"] for part in body["candidates"][0]["content"]["parts"])


async def test_every_wire_gives_the_same_answer(asker: Asker) -> None:
    assert len({await said(asker, wire, ASK, model=f"model-{wire}") for wire in WIRES}) == 1


@every_wire
@pytest.mark.parametrize("share", [0.01, 0.3, 0.77, 1.0])
async def test_a_prefill_is_continued_to_the_same_whole(asker: Asker, wire: str, share: float) -> None:
    whole = await said(asker, "openai", ASK)
    begun = whole[: round(len(whole) * share)].rstrip()
    assert begun + await said(asker, wire, ASK, begun) == whole


@every_wire
async def test_an_answer_is_continued_on_request(asker: Asker, wire: str) -> None:
    whole = await said(asker, "openai", ASK)
    begun = whole[:333].rstrip()
    assert begun + await said(asker, wire, ASK, begun, "Please continue exactly where you stopped.") == whole


@every_wire
async def test_the_text_so_far_may_stand_in_the_instruction(asker: Asker, wire: str) -> None:
    whole = await said(asker, "openai", ASK)
    begun = whole[:333].rstrip()
    assert begun + await said(asker, wire, f"{ASK}\n\nContinue from here:\n{begun}") == whole


async def test_the_tail_of_the_text_is_enough(asker: Asker) -> None:
    whole = await said(asker, "openai", ASK)
    assert whole[:333] + await said(asker, "openai", ASK, whole[200:333]) == whole


async def test_a_text_that_nobody_wrote_is_answered_afresh(asker: Asker) -> None:
    whole = await said(asker, "openai", ASK)
    assert await said(asker, "openai", ASK, "Quite another beginning") == whole


@every_wire
async def test_an_echo_is_continued_too(asker: Asker, wire: str) -> None:
    assert await said(asker, wire, "one two three", "one t", model="echo") == "wo three"


@pytest.mark.parametrize(
    "asked", ["Write a blog post about continued education", "Will the rain continue? Write a poem about it, please."]
)
async def test_a_request_about_continuing_is_no_continuation(asker: Asker, asked: str) -> None:
    whole = await said(asker, "openai", ASK)
    assert await said(asker, "openai", ASK, whole, asked) == await said(asker, "openai", asked)
