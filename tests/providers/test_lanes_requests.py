"""What each lane posts for the same client's request, over every member of OpenAI's chat API, and what it refuses.

A request that a fast lane hands to the sdk lane is the same by construction; which ones are is pinned here, so that no
lane gets its agreement that way unseen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.types import Deployment, JsonObject
from tests.providers.lanes import Lanes, carded
from tests.providers.lanes_asked import EMBEDDERS, EMBEDDINGS, MEMBERS, MESSAGES, TARGETS, Target, asked
from tests.providers.lanes_sent import posted
from tests.providers.lanes_told import first_difference, told
from tests.providers.replay import Recorded, ReplayServer

STREAMED = ("nothing", "stream-options", "tools", "format-schema", "max-tokens", "everything-mild")
REFUSED = Recorded(
    b'{"error": {"message": "enough"}}', 400
)  # ends a stream at once: what was posted is all that counts


async def sent(lanes: Lanes, replay: ReplayServer, deployment: Deployment, members: JsonObject, *, stream: bool) -> Any:
    """What each of the two lanes posted, or refused, and what it leaves out."""
    out = []
    for lane in (lanes.slow, lanes.chosen):
        replay.seen.clear()
        request = asked(deployment, members, stream=stream)
        before = json.dumps(request.body)
        found = await told(lane, request, stream=stream)
        assert json.dumps(request.body) == before, "the client's body was written into"
        refused = None
        if not replay.seen:
            assert found.error is not None, found
            refused = {name: found.error[name] for name in ("fault", "status", "code", "param")}
        requests = [posted(each) for each in replay.seen]
        out.append({"posted": requests, "refused": refused, "left out": lane.dropped(deployment, request.body)})
    return out


def cases(target: Target, *, drops: bool) -> Mapping[str, JsonObject]:
    if target in EMBEDDERS:
        return EMBEDDINGS
    return MEMBERS if drops else MEMBERS | MESSAGES


@pytest.mark.parametrize("drops", [False, True], ids=["refusing", "dropping"])
@pytest.mark.parametrize("target", [*TARGETS, *EMBEDDERS], ids=lambda target: target.model)
async def test_lanes_post_the_same(lanes: Lanes, replay: ReplayServer, target: Target, drops: bool) -> None:
    deployment = carded(target.deployment(replay.url, drops=drops))
    different, handed = {}, set()
    for name, members in cases(target, drops=drops).items():
        for stream in (False, True) if name in STREAMED else (False,):
            replay.answer = REFUSED if stream else Recorded(json.dumps(target.answer).encode())
            lanes.way_out.handed = 0
            slow, fast = await sent(lanes, replay, deployment, members, stream=stream)
            if slow != fast:
                different[name] = first_difference(slow, fast)
            handed |= {name} if lanes.way_out.handed else set()
    assert different == {}
    print(deployment.lane, sorted(handed))
