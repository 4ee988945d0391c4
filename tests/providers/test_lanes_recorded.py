"""Every recorded exchange through every lane that serves its provider: the same request, and the same to tell a client."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.ports import ProviderRequest
from gateway.types import Price
from tests.providers.asking import HELLO
from tests.providers.exchanges import ABSENT, RESPONSES, Exchange, answered_by_openai, exchanges
from tests.providers.lanes import Lanes, carded
from tests.providers.lanes_sent import posted
from tests.providers.lanes_told import Told, comparable, differences, told
from tests.providers.replay import ReplayServer

CUTS = ((1, None), (2, None), (3, 7), (4, 2**20))  # seed, and the longest piece: many bytes, few, all at once
PRICE = Price(1_000, 3_000, 100, 1_250, 3_500, 5_000, 7_000, request=11)
# Models that the sdk lane alone serves, with LiteLLM's prefix, and what is LiteLLM's own about them.
UNCOMPARED = {
    "azure_ai/": "addresses",
    "azure/gpt-5": "parameters of Azure's reasoning models",
    "mistral/magistral": "a system prompt",
}
NONE = [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))]
ALL = [pytest.param(each, id=each.id) for each in exchanges() if each.wire != RESPONSES]
BY_RESPONSES = [pytest.param(each, id=each.id) for each in exchanges() if each.wire == RESPONSES]


def asking(exchange: Exchange, replay: ReplayServer) -> ProviderRequest:
    replay.answer = exchange.recorded
    replay.seen.clear()
    asked = exchange.asked(replay.url)
    return replace(asked, deployment=carded(replace(asked.deployment, price=PRICE)))


async def heard(lanes: Lanes, asked: ProviderRequest, exchange: Exchange, *, slow: bool) -> Told:
    lane = lanes.slow if slow else lanes.chosen
    return comparable(await told(lane, asked, stream=exchange.stream), asked)


@pytest.mark.parametrize("exchange", ALL or NONE)
async def test_lanes_agree_on_a_recorded_exchange(exchange: Exchange, lanes: Lanes, replay: ReplayServer) -> None:
    asked = asking(exchange, replay)
    slow = await heard(lanes, asked, exchange, slow=True)
    assert slow.problems == slow.misfits == []
    sent = [posted(each) for each in replay.seen]
    for cut in CUTS:
        replay.seed(*cut)
        replay.seen.clear()
        assert differences(slow, await heard(lanes, asked, exchange, slow=False)) == []
        assert [posted(each) for each in replay.seen] == sent


@pytest.mark.parametrize("exchange", ALL or NONE)
async def test_lanes_read_a_recorded_answer_alike_by_themselves(
    exchange: Exchange, lanes: Lanes, replay: ReplayServer
) -> None:
    """To a plain question, which no lane has to leave to another."""
    asked = replace(asking(exchange, replay), body=HELLO | {"max_completion_tokens": 4096})
    slow = await heard(lanes, asked, exchange, slow=True)
    lanes.way_out.handed = 0
    for cut in CUTS:
        replay.seed(*cut)
        assert differences(slow, await heard(lanes, asked, exchange, slow=False)) == []
    assert lanes.way_out.handed == 0
    assert (asked.deployment.lane == "sdk") == asked.deployment.model.startswith((*UNCOMPARED,))


@pytest.mark.parametrize("exchange", BY_RESPONSES or NONE)
async def test_what_openais_responses_api_answers_is_left_to_litellm(
    exchange: Exchange, lanes: Lanes, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by_openai(monkeypatch)
    asked = asking(exchange, replay)
    lanes.way_out.handed = 0
    found = await heard(lanes, asked, exchange, slow=False)
    assert found.problems == found.misfits == []
    assert asked.deployment.lane == "sdk" or lanes.way_out.handed == 1
