"""Answers that nobody recorded, however odd: the lanes agree on what a client is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.providers.asking import HELLO, request
from tests.providers.lanes import Lanes, carded
from tests.providers.lanes_odd import ANSWERS, REFUSALS
from tests.providers.lanes_odd_anthropic import ANTHROPIC_ANSWERS, ANTHROPIC_REFUSALS, ANTHROPIC_STREAMS
from tests.providers.lanes_odd_gemini import GEMINI_ANSWERS, GEMINI_REFUSALS, GEMINI_STREAMS
from tests.providers.lanes_odd_streams import STREAMS
from tests.providers.lanes_told import comparable, differences, told
from tests.providers.replay import Recorded, ReplayServer

Cuts = tuple[tuple[int, int | None], ...]
CUTS: Cuts = ((5, None), (6, 5), (7, 2**20))  # seed, and the longest piece: many bytes, few, all at once
MODELS = ("openai/house", "groq/m")  # one that LiteLLM reaches through OpenAI's SDK, and one that it reaches by itself
FURTHER = ("mistral/m", "deepseek/m", "openrouter/m", "azure/m")
# Where the lanes do not agree, by the answer's name, and why a user would not mind.
EXPLAINED = {
    "tools-json": "LiteLLM takes a client's own tool for its stand-in for a JSON schema, and its call apart",
    "status-204": "an answer without a body fails either way; LiteLLM calls it an error within the answer",
}
# LiteLLM reads these two its own way: it makes up finish reasons and ids that are missing, replaces words for an end that
# it does not know, leaves members out, and gives up on what is no string. The wire lane tells what the provider said.
READ_BY_LITELLM = ("xai/m", "fireworks_ai/m")
MADE_UP = frozenset(
    {
        "choices-missing", "choices-null", "choices-object", "citations", "content-number", "content-parts", "deep",
        "delta-null", "detail", "error-empty", "finish-empty-only", "finish-missing", "finish-null", "finish-number",
        "finish-own-word", "head-missing", "id-missing", "index-missing", "message-for-delta", "message-missing",
        "message-null", "object-other", "own-members", "refusal", "role-missing", "thoughts-in-tags", "thoughts-object",
        "tools-object-arguments", "tools-stop", "tools-unnumbered", "usage-alone", "usage-choices-null", "usage-empty",
        "usage-floats", "usage-huge", "usage-list", "usage-negative", "usage-of-deepseek", "usage-of-groq",
        "usage-of-words",
    }
)  # fmt: skip


def answers(whole: Mapping[str, Recorded], streamed: Mapping[str, Recorded], refused: Mapping[str, Recorded]) -> Any:
    """Every answer, to a whole request or to a stream."""
    cases = [pytest.param(False, name, each, id=name) for name, each in (whole | refused).items()]
    cases += [pytest.param(True, name, each, id=f"stream-{name}") for name, each in (streamed | refused).items()]
    return pytest.mark.parametrize(("stream", "name", "given"), cases)


async def compared(
    lanes: Lanes, replay: ReplayServer, model: str, given: Recorded, *, stream: bool, cuts: Cuts = CUTS
) -> list[str]:
    """What differs, wherever the answer is cut. Each lane has asked once for each answer, and by itself."""
    asked = request(model, replay.url, HELLO)
    asked = replace(asked, deployment=carded(asked.deployment))
    replay.answer = given
    replay.seen.clear()
    slow = comparable(await told(lanes.slow, asked, stream=stream), asked)
    lanes.way_out.handed = 0
    found: list[str] = []
    for cut in cuts:
        replay.seed(*cut)
        found += differences(slow, comparable(await told(lanes.chosen, asked, stream=stream), asked))
    assert slow.problems == []
    assert len(replay.seen) == 1 + len(cuts)
    assert lanes.way_out.handed == 0
    return found


@pytest.mark.parametrize("model", MODELS)
@answers(ANSWERS, STREAMS, REFUSALS)
async def test_lanes_agree_on_odd_answers_in_openais_format(
    lanes: Lanes, replay: ReplayServer, model: str, name: str, given: Recorded, stream: bool
) -> None:
    found = await compared(lanes, replay, model, given, stream=stream)
    assert bool(found) == (name in EXPLAINED), found


@pytest.mark.parametrize("model", FURTHER)
@answers(ANSWERS, STREAMS, REFUSALS)
async def test_lanes_agree_on_odd_answers_of_further_providers(
    lanes: Lanes, replay: ReplayServer, model: str, name: str, given: Recorded, stream: bool
) -> None:
    found = await compared(lanes, replay, model, given, stream=stream, cuts=CUTS[:1])
    assert bool(found) == (name in EXPLAINED), found


@pytest.mark.parametrize("model", READ_BY_LITELLM)
@answers(ANSWERS, STREAMS, REFUSALS)
async def test_lanes_agree_where_litellm_makes_nothing_up(
    lanes: Lanes, replay: ReplayServer, model: str, name: str, given: Recorded, stream: bool
) -> None:
    found = await compared(lanes, replay, model, given, stream=stream, cuts=CUTS[:1])
    assert found == [] or name in MADE_UP | EXPLAINED.keys()


@answers(ANTHROPIC_ANSWERS, ANTHROPIC_STREAMS, ANTHROPIC_REFUSALS)
async def test_lanes_agree_on_odd_answers_of_anthropic(
    lanes: Lanes, replay: ReplayServer, name: str, given: Recorded, stream: bool
) -> None:
    found = await compared(lanes, replay, "anthropic/claude-haiku-4-5", given, stream=stream)
    assert bool(found) == (name in EXPLAINED), found


@answers(GEMINI_ANSWERS, GEMINI_STREAMS, GEMINI_REFUSALS)
async def test_lanes_agree_on_odd_answers_of_gemini(
    lanes: Lanes, replay: ReplayServer, name: str, given: Recorded, stream: bool
) -> None:
    found = await compared(lanes, replay, "gemini/gemini-2.5-flash", given, stream=stream)
    assert bool(found) == (name in EXPLAINED), found
