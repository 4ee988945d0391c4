"""Cheap refusals: the body's shape, then the key's own limits. What is refused takes no slot."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidRequest, RateLimited
from gateway.queue.places import Places
from gateway.stages.admit import Admit, Total, duration
from gateway.state.memory import MemoryLimiter
from gateway.types import Call, Endpoint, Options, Outcome, Status
from tests.core.fakes import FakeClock, asking, person

HELLO = {"role": "user", "content": "hello"}


def admit(clock: FakeClock) -> Admit:
    return Admit(MemoryLimiter(clock), max_messages=3, max_n=4)


async def refusal(clock: FakeClock, call: Call) -> InvalidRequest:
    call.identity = person(max_parallel=1)
    stage = admit(clock)
    with pytest.raises(InvalidRequest) as caught:
        await stage.enter(call)
    good = asking(clock, identity=call.identity)
    await stage.enter(good)  # the refused one took no slot
    return caught.value


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 7}, "model"),
        ({"model": ""}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [HELLO] * 4}, "messages"),
        ({"messages": [HELLO, "hello"]}, "messages[1]"),
        ({"messages": [{"content": "hello"}]}, "messages[0].role"),
        ({"messages": [{"role": 7, "content": "hello"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"n": 0}, "n"),
        ({"n": 5}, "n"),
        ({"n": "2"}, "n"),
        ({"n": True}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {f"k{n}": "v" for n in range(17)}}, "metadata"),
        ({"metadata": {"k": 7}}, "metadata.k"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k" * 65: "v"}}, "metadata." + "k" * 64),
    ],
)
async def test_a_chat_body_of_the_wrong_shape(clock: FakeClock, changes: dict[str, Any], param: str) -> None:
    assert (await refusal(clock, asking(clock, body=changes))).param == param


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": 7}, "input"),
        ({"input": []}, "input"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
    ],
)
async def test_an_embeddings_body_of_the_wrong_shape(clock: FakeClock, changes: dict[str, Any], param: str) -> None:
    assert (await refusal(clock, asking(clock, body=changes, endpoint=Endpoint.EMBEDDINGS))).param == param


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n": 4, "temperature": 0, "top_p": 1, "top_logprobs": 20, "metadata": {"k": "v"}, "seed": 7, "unknown": {}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {"messages": [{"role": "assistant", "content": None, "tool_calls": []}]},
        {"temperature": None, "n": None, "metadata": None},
    ],
)
async def test_good_bodies_pass_untouched(clock: FakeClock, changes: dict[str, Any]) -> None:
    call = asking(clock, body=changes)
    before = dict(call.body)
    await admit(clock).enter(call)
    assert call.body == before


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user", "content": "hi"}, None),
        ({"role": "developer", "content": "hi"}, None),
        ({"role": "of its own", "content": "hi"}, None),
        ({"role": ["user"], "content": "hi"}, "messages[1].role"),
        ({"role": "tool", "content": "hi"}, "messages[1].tool_call_id"),
        ({"role": "function", "content": "hi"}, "messages[1].name"),
        ({"role": "user", "text": "hi"}, "messages[1].content"),
        ({"role": "user", "content": "hi", "name": 7}, "messages[1].name"),
        ({"role": "assistant", "content": "hi", "tool_calls": 7}, "messages[1].tool_calls"),
    ],
)
async def test_the_short_way_for_plain_messages_lets_nothing_through(
    clock: FakeClock, message: dict[str, Any], param: str | None
) -> None:
    call = asking(clock, body={"messages": [HELLO, message]})
    if param is None:
        await admit(clock).enter(call)
    else:
        assert (await refusal(clock, call)).param == param


async def test_what_is_wrong_first_in_the_body_is_told_first(clock: FakeClock) -> None:
    wrong = {"top_p": 7, "messages": [{}], "seed": "x"}
    for name in ("top_p", "messages[0].role", "seed"):
        call = asking(clock)
        call.body = {"model": "fast", **wrong}
        if "messages" not in wrong:
            call.body["messages"] = [HELLO]
        assert (await refusal(clock, call)).param == name
        del wrong[name.partition("[")[0]]


async def test_a_template_needs_no_messages(clock: FakeClock) -> None:
    call = asking(clock, options=Options(template="blog_post"))
    del call.body["messages"]
    await admit(clock).enter(call)
    assert call.body["messages"] == []


async def test_requests_a_minute_are_told_and_held_to(clock: FakeClock) -> None:
    stage, mine = admit(clock), person(rpm=2)
    calls = [asking(clock, identity=mine, id=f"gen-{n}") for n in range(3)]
    for call in calls[:2]:
        await stage.enter(call)
        await stage.exit(call, Outcome(Status.COMPLETED))
    assert calls[1].headers == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
    }
    with pytest.raises(RateLimited) as caught:
        await stage.enter(calls[2])
    assert caught.value.code == "rate_limit_exceeded"
    assert caught.value.headers()["x-should-retry"] == "true"
    assert calls[2].headers["x-ratelimit-remaining-requests"] == "0"


async def test_a_slot_is_free_again_after_the_exit(clock: FakeClock) -> None:
    stage, mine = admit(clock), person(max_parallel=1)
    first, second = (asking(clock, identity=mine, id=f"gen-{n}") for n in range(2))
    await stage.enter(first)
    with pytest.raises(RateLimited):
        await stage.enter(second)
    await stage.exit(first, Outcome(Status.FAILED))
    await stage.enter(second)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0ms"), (0.25, "250ms"), (1, "1s"), (59.4, "59s"), (59.9, "1m0s"), (360, "6m0s"), (61, "1m1s"), (-1, "0ms")],
)
def test_durations_as_openai_writes_them(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


async def test_the_gateway_takes_so_many_requests_at_once(clock: FakeClock) -> None:
    places = Places(clock)
    stage = Admit(MemoryLimiter(clock), total=Total(places, 2))
    calls = [asking(clock, id=f"gen-{number}") for number in range(3)]
    for call in calls[:2]:
        await stage.enter(call)
    with pytest.raises(RateLimited) as caught:
        await stage.enter(calls[2])
    assert (caught.value.code, caught.value.should_retry) == ("rate_limit_exceeded", True)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 0
    await stage.exit(calls[0], Outcome(Status.COMPLETED))
    await stage.enter(calls[2])
    for call in calls[1:]:
        await stage.exit(call, Outcome(Status.COMPLETED))
    assert places.snapshot().in_flight == {}


async def test_a_key_that_is_refused_takes_no_place_of_the_gateway(clock: FakeClock) -> None:
    places = Places(clock)
    stage = Admit(MemoryLimiter(clock), total=Total(places, 2))
    person_of_one = person(max_parallel=1)
    await stage.enter(asking(clock, identity=person_of_one))
    with pytest.raises(RateLimited):
        await stage.enter(asking(clock, id="gen-2", identity=person_of_one))
    assert places.snapshot().in_flight == {"gateway:total": 1}


@pytest.mark.parametrize("endpoint", list(Endpoint))
@pytest.mark.parametrize(
    ("named", "ok"), [({}, False), ({"user": ""}, False), ({"user": "u-7"}, True), ({"safety_identifier": "u-7"}, True)]
)
async def test_where_it_is_asked_for_a_request_names_its_user(
    clock: FakeClock, endpoint: Endpoint, named: dict[str, str], ok: bool
) -> None:
    stage = Admit(MemoryLimiter(clock), require_user=True)
    call = asking(clock, endpoint=endpoint, body={"input": "hello", **named})
    if ok:
        await stage.enter(call)
        return
    with pytest.raises(InvalidRequest) as caught:
        await stage.enter(call)
    assert (caught.value.code, caught.value.param) == ("missing_required_parameter", "user")
