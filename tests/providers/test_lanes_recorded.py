"""Every recorded exchange through every lane that serves its provider: the same request, and the same to tell a client."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.providers import params
from gateway.types import Price
from tests.providers.exchanges import ABSENT, RESPONSES, Exchange, exchanges
from tests.providers.lanes import Lanes, carded
from tests.providers.lanes_sent import posted
from tests.providers.lanes_told import comparable, differences, told
from tests.providers.replay import ReplayServer

CUTS = ((1, None), (2, None), (3, 7), (4, 2**20))  # seed, and the longest piece: many bytes, few, all at once
PRICE = Price(1_000, 3_000, 100, 1_250, 3_500, 5_000, 7_000, request=11)
ALL = [pytest.param(each, id=each.id) for each in exchanges()]
NONE = [pytest.param(None, marks=pytest.mark.skip(reason=ABSENT))]


@pytest.mark.parametrize("exchange", ALL or NONE)
async def test_lanes_agree_on_a_recorded_exchange(
    exchange: Exchange, lanes: Lanes, replay: ReplayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if exchange.wire == RESPONSES:
        monkeypatch.setattr(params, "has_responses_api", lambda _: True)
    replay.answer = exchange.recorded
    asked = exchange.asked(replay.url)
    asked = replace(asked, deployment=carded(replace(asked.deployment, price=PRICE)))
    replay.seen.clear()
    slow = comparable(await told(lanes.slow, asked, stream=exchange.stream), asked)
    assert slow.problems == slow.misfits == []
    sent = [posted(each) for each in replay.seen]
    for cut in CUTS:
        replay.seed(*cut)
        replay.seen.clear()
        fast = comparable(await told(lanes.chosen, asked, stream=exchange.stream), asked)
        assert differences(slow, fast) == []
        assert [posted(each) for each in replay.seen] == sent
