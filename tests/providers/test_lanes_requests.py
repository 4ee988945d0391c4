"""What each lane posts for the same client's request, over every member of OpenAI's chat API, and what it refuses.

A request that a fast lane hands to the sdk lane is the same by construction; which ones are is pinned here, so that no
lane gets its agreement that way unseen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.providers.params import CHAT
from gateway.types import Deployment, JsonObject
from tests.providers.lanes import Lanes, carded
from tests.providers.lanes_asked import EMBEDDERS, EMBEDDINGS, MEMBERS, MESSAGES, TARGETS, Target, asked
from tests.providers.lanes_sent import posted
from tests.providers.lanes_told import first_difference, told
from tests.providers.replay import Recorded, ReplayServer

# Rows that LiteLLM rewrites in ways of its own, which the fast lanes leave to it; and those of single providers.
LEFT = frozenset(
    {
        "both-maxima", "cache-control", "cache-control-message", "file", "file-id", "image-short", "thinking-blocks",
        "tools-none",
    }
)  # fmt: skip
EFFORTS = frozenset(name for name in MEMBERS if name.startswith("effort"))
SAMPLING = frozenset({"logprobs", "temperature", "temperature-two", "temperature-zero", "top-logprobs", "top-p"})
PARTS = frozenset({"audio", "call-absent-content", "image", "image-address", "image-detail", "parts", "system-parts"})
THINKING = frozenset({"thinking", "thinking-off"})
STRICT = frozenset({"calls", "function-call", "names", "own-member", "refused-before", "thoughts", "tools-strict"})
LEFT_BY: Mapping[str, frozenset[str]] = {
    "openai": SAMPLING | {"effort-minimal", "effort-none", "effort-xhigh", "everything-mild"},  # of reasoning models
    "azure": frozenset({"function-call"}),
    "groq": frozenset({"format-object", "format-schema", "format-schema-loose", "format-text", "web-search"}),
    "mistral": EFFORTS | PARTS | STRICT | {"empty-user", "everything-mild", "seed", "tool-choice-named"},
    "deepseek": EFFORTS | PARTS | THINKING,
    "together_ai": EFFORTS,
    "fireworks_ai": frozenset(name for name in (*MEMBERS, *MESSAGES) if "tool" in name or "call" in name)
    | EFFORTS | THINKING | {"everything-mild", "parallel", "parallel-alone", "parallel-off"},
    "xai": STRICT | {"web-search"},
    "hosted_vllm": THINKING | {"tools-strict"},
    "gemini": frozenset({"functions"}),
}  # fmt: skip
STREAMED = ("nothing", "stream-options", "tools", "format-schema", "max-tokens", "everything-mild")
REFUSED = Recorded(
    b'{"error": {"message": "enough"}}', 400
)  # ends a stream at once: what was posted is all that counts
FIRST = {target.provider: target for target in reversed(TARGETS)}.values()  # dropping differs little between models
CASES = [
    *(pytest.param(target, False, id=f"{target.model}-refusing") for target in (*TARGETS, *EMBEDDERS)),
    *(pytest.param(target, True, id=f"{target.model}-dropping") for target in (*FIRST, EMBEDDERS[0])),
]


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


@pytest.mark.parametrize(("target", "drops"), CASES)
async def test_lanes_post_the_same(lanes: Lanes, replay: ReplayServer, target: Target, drops: bool) -> None:
    deployment = carded(target.deployment(replay.url, drops=drops))
    assert deployment.lane == target.lane
    different, handed = {}, set()
    for name, members in cases(target, drops=drops).items():
        for stream in (False, True) if name in STREAMED else (False,):
            replay.answer = REFUSED if stream else Recorded(json.dumps(target.answer).encode())
            lanes.way_out.handed = 0
            slow, fast = await sent(lanes, replay, deployment, members, stream=stream)
            if slow != fast:
                different[name] = first_difference(slow, fast)
            handed |= {name} if lanes.way_out.handed and slow["posted"] else set()
    assert different == {}
    assert handed <= LEFT | LEFT_BY.get(target.provider, frozenset())


@given(
    target=st.sampled_from([target for target in TARGETS if target.lane != "sdk"]),
    names=st.lists(st.sampled_from(sorted(MEMBERS)), min_size=2, max_size=5, unique=True),
    messages=st.sampled_from(sorted(MESSAGES)),
    drops=st.booleans(),
    stream=st.booleans(),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_lanes_post_the_same_of_members_together(
    lanes: Lanes, replay: ReplayServer, target: Target, names: list[str], messages: str, drops: bool, stream: bool
) -> None:
    replay.answer = REFUSED
    members = {name: value for each in names for name, value in MEMBERS[each].items()} | MESSAGES[messages]
    slow, fast = await sent(lanes, replay, carded(target.deployment(replay.url, drops=drops)), members, stream=stream)
    for refused in (slow["refused"], fast["refused"]):
        if refused and refused["code"] == "unsupported_parameter":
            assert refused.pop("param") in CHAT  # of several, each lane names the one that it meets first
    assert slow == fast
