"""Exact answers again: for the same tenant with the same rights and the same request, and for nobody else (S13)."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from gateway.stages.cache import Cache, replayed
from gateway.state.memory import MemoryCache
from gateway.types import Answer, Call, Endpoint, Identity, JsonObject, Options, Outcome, Status
from tests.core.fakes import FakeClock, asking, completion, person, text_chunk, texts

DONE = Outcome(Status.COMPLETED)


@pytest.fixture
def stage(clock: FakeClock) -> Cache:
    return Cache(MemoryCache(clock), b"secret", ttl=60)


async def asked(stage: Cache, call: Call) -> str:
    await stage.enter(call)
    return call.headers.get("x-atelier-cache", "unused")


async def answered(stage: Cache, call: Call, text: str = "Hello world", outcome: Outcome = DONE) -> None:
    """A miss that a provider answered."""
    assert await asked(stage, call) in {"miss", "unused"}
    call.answer = Answer(completion=completion(text))
    await stage.exit(call, outcome)


async def test_the_second_request_hits(clock: FakeClock, stage: Cache) -> None:
    await answered(stage, asking(clock))
    again = asking(clock)
    assert await asked(stage, again) == "hit"
    assert again.answer is not None
    assert again.answer.source == "cache"
    assert again.answer.completion is not None
    assert again.answer.completion.body == completion().body
    assert again.answer.completion.finish == "stop"


async def test_it_is_forgotten_after_its_time(clock: FakeClock, stage: Cache) -> None:
    await answered(stage, asking(clock))
    clock.advance(60)
    assert await asked(stage, asking(clock)) == "miss"


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"temperature": 0.5}},
        {"body": {"messages": [{"role": "user", "content": "other words"}]}},
        {"body": {"model": "smart"}},
        {"body": {"response_format": {"type": "json_object"}}},
        {"identity": person(team="blue")},
        {"identity": person(team=None, user="ann")},
        {"identity": person(team=None)},
        {"identity": person(models=frozenset({"smart"}))},
        {"options": Options(policy="priority")},
        {"template_version": "2"},
        {"brand_version": "3"},
        {"endpoint": Endpoint.EMBEDDINGS},
    ],
)
async def test_whatever_changes_the_answer_misses(clock: FakeClock, stage: Cache, change: dict[str, object]) -> None:
    await answered(stage, asking(clock))
    assert await asked(stage, asking(clock, **change)) == "miss"


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"stream": True}, "stream": True},
        {"body": {"stream": True, "stream_options": {"include_usage": True}}, "stream": True},
        {"body": {"user": "somebody"}},
        {"body": {"metadata": {"k": "v"}}},
        {"identity": person(key_id="k_2", name="another key of the team")},
    ],
)
async def test_what_does_not_change_the_answer_hits(clock: FakeClock, stage: Cache, change: dict[str, object]) -> None:
    await answered(stage, asking(clock))
    assert await asked(stage, asking(clock, **change)) == "hit"


async def test_the_order_of_members_does_not_matter(clock: FakeClock, stage: Cache) -> None:
    call = asking(clock, body={"top_p": 1, "seed": 2})
    await answered(stage, call)
    turned = asking(clock)
    turned.body = dict(reversed(list(call.body.items())))
    assert await asked(stage, turned) == "hit"


async def test_two_tenants_never_meet(clock: FakeClock, stage: Cache) -> None:
    """A thousand equal requests in random turns; each answer carries the mark of the tenant it was made for."""
    rnd = random.Random(7)
    hits = 0
    for _ in range(1_000):
        tenant = rnd.choice(["red", "blue"])
        call = asking(clock, identity=person(team=tenant), body={"seed": rnd.randrange(40)})
        if await asked(stage, call) == "hit":
            hits += 1
            assert call.answer is not None
            assert call.answer.completion is not None
            assert call.answer.completion.body["choices"][0]["message"]["content"] == f"for {tenant}"
        else:
            call.answer = Answer(completion=completion(f"for {tenant}"))
            await stage.exit(call, DONE)
    assert hits == 1_000 - 80


async def test_two_keys_of_a_tenant_meet_unless_each_is_to_be_alone(clock: FakeClock, stage: Cache) -> None:
    one, other = person(key_id="k_1", team="red"), person(key_id="k_2", team="red")
    await answered(stage, asking(clock, identity=one))
    assert await asked(stage, asking(clock, identity=other)) == "hit"
    alone = Cache(MemoryCache(clock), b"secret", ttl=60, per_key=True)
    await answered(alone, asking(clock, identity=one))
    assert await asked(alone, asking(clock, identity=other)) == "miss"
    assert await asked(alone, asking(clock, identity=one)) == "hit"


async def test_a_key_without_the_right_does_not_read_what_its_team_may(clock: FakeClock, stage: Cache) -> None:
    await answered(stage, asking(clock, identity=person(models=None)))
    restricted: Identity = person(key_id="k_2", models=frozenset({"other"}))
    assert await asked(stage, asking(clock, identity=restricted)) == "miss"


@pytest.mark.parametrize(
    "change",
    [
        {"body": {"tools": [{"type": "function"}]}},
        {"body": {"functions": [{}]}},
        {"body": {"store": True}},
        {"options": Options(cache=False)},
    ],
)
async def test_some_requests_never_use_it(clock: FakeClock, stage: Cache, change: dict[str, object]) -> None:
    for _ in range(2):
        call = asking(clock, **change)
        await answered(stage, call)
        assert (call.cache_key, call.headers) == (None, {})


@pytest.mark.parametrize("status", [Status.INCOMPLETE, Status.FAILED, Status.CANCELLED])
async def test_only_completed_answers_are_kept(clock: FakeClock, stage: Cache, status: Status) -> None:
    await answered(stage, asking(clock), outcome=Outcome(status))
    assert await asked(stage, asking(clock)) == "miss"


@pytest.mark.parametrize("source", ["mock", "cache"])
async def test_only_a_providers_answers_are_kept(clock: FakeClock, stage: Cache, source: str) -> None:
    call = asking(clock)
    await stage.enter(call)
    call.answer = Answer(completion=completion(), source=source)
    await stage.exit(call, DONE)
    assert await asked(stage, asking(clock)) == "miss"


async def test_streams_and_unanswered_requests_are_not_kept(clock: FakeClock, stage: Cache) -> None:
    async def chunks():  # type: ignore[no-untyped-def]
        yield text_chunk("a")

    for answer in (None, Answer(chunks=chunks())):
        call = asking(clock)
        await stage.enter(call)
        call.answer = answer
        await stage.exit(call, DONE)
    assert await asked(stage, asking(clock)) == "miss"


def frames(body: JsonObject, *, usage: bool) -> list[JsonObject]:
    async def read() -> list[bytes]:
        return [chunk.frame async for chunk in replayed(body, usage=usage) if usage or not chunk.usage_only]

    return [json.loads(line[6:]) for line in texts(asyncio.run(read())).split("\n\n") if line]


BODY: JsonObject = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 5,
    "model": "m",
    "choices": [
        {
            "index": n,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": {"content": []},
            "finish_reason": finish,
        }
        for n, (text, finish) in enumerate([("one", "stop"), ("two", "stop")])
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def test_a_stored_answer_replays_as_a_stream() -> None:
    first, end, usage = frames(BODY, usage=True)
    assert [choice["delta"]["content"] for choice in first["choices"]] == ["one", "two"]
    assert [choice["logprobs"] for choice in first["choices"]] == [{"content": []}] * 2
    assert [(choice["delta"], choice["finish_reason"]) for choice in end["choices"]] == [({}, "stop")] * 2
    assert (usage["choices"], usage["usage"]) == ([], BODY["usage"])
    assert first["usage"] is None
    for frame in (first, end, usage):
        assert (frame["id"], frame["created"], frame["model"]) == ("chatcmpl-1", 5, "m")
        assert frame["object"] == "chat.completion.chunk"


def test_usage_is_replayed_only_to_those_who_asked() -> None:
    assert all("usage" not in frame for frame in frames(BODY, usage=False))


async def test_a_hit_for_a_stream_is_a_stream(clock: FakeClock, stage: Cache) -> None:
    await answered(stage, asking(clock), "stored text")
    call = asking(clock, stream=True)
    assert await asked(stage, call) == "hit"
    assert call.answer is not None
    assert call.answer.chunks is not None
    read = [chunk async for chunk in call.answer.chunks]
    assert "".join(chunk.text for chunk in read) == "stored text"
    assert [chunk.finish for chunk in read if chunk.finish] == ["stop"]
