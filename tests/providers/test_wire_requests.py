"""The wire lane sends what LiteLLM would send, refuses what it would refuse, and leaves to it what it would rewrite."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider, ProviderRequest
from gateway.providers.facts import carded, model_facts
from gateway.providers.http import Http
from gateway.providers.wire import WireLane
from gateway.types import Chunk, Completion, Deployment, Endpoint, JsonObject
from tests.providers.asking import ANSWER, HELLO, KEY, TOOL, request
from tests.providers.lanes import Lanes
from tests.providers.replay import Recorded, ReplayServer
from tests.providers.wire_cases import EMBEDDED_BY, SPOKEN_TO, Case, cases

CASES = cases()
COMPARED = ("authorization", "api-key", "openai-organization", "x-client-request-id", "x-tenant", "content-type")
EMBEDDINGS = {
    "data": [{"index": 0, "embedding": [0.5]}],
    "model": "m",
    "usage": {"prompt_tokens": 1, "total_tokens": 1},
}
STREAMED = (
    b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
# What most clients send has to go out by the wire lane itself, to whomever.
NEVER_LEFT = (
    "nothing",
    "null",
    "default",
    "max_completion_tokens",
    "stop",
    "penalties",
    "user",
    "messages plain",
    "stream",
)


class Left(Exception):
    """The request was handed to the sdk lane."""


class Elsewhere:
    """The sdk lane's place."""

    async def complete(self, request: ProviderRequest) -> Completion:
        raise Left

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
        raise Left
        yield Chunk(b"")

    def dropped(self, deployment: Deployment, body: JsonObject) -> tuple[str, ...]:
        return ()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def wire() -> AsyncIterator[WireLane]:
    http = Http()
    yield WireLane(http, str, Elsewhere())
    await http.close()


def asked(case: Case, url: str) -> ProviderRequest:
    facts = model_facts(case.model, custom_llm_provider=None, base_model=None)
    made = request(case.model, url + case.suffix, case.body, params=case.params, reasoning=facts.reasoning)
    endpoint = Endpoint.EMBEDDINGS if "input" in case.body else Endpoint.CHAT
    return dataclasses.replace(made, deployment=carded(dataclasses.replace(made.deployment, endpoint=endpoint)))


async def sent(lane: Provider, asked: ProviderRequest, case: Case, replay: ReplayServer) -> Any:
    """What the provider got; or the refusal, where it got nothing."""
    replay.seen.clear()
    answer = json.dumps(EMBEDDINGS if "input" in case.body else ANSWER).encode()
    replay.answer = (
        Recorded(STREAMED, headers={"content-type": "text/event-stream"}) if case.stream else Recorded(answer)
    )
    try:
        if case.stream:
            async for _ in lane.stream(asked):
                pass
        else:
            await lane.complete(asked)
    except ProviderError as error:
        assert replay.seen == []
        return error.fault, error.status, error.code, error.param
    (seen,) = replay.seen
    return seen.target, {name: seen.headers.get(name) for name in COMPARED}, seen.json


@pytest.mark.parametrize(("model", "place"), [(each[0], at) for at, each in enumerate(SPOKEN_TO + EMBEDDED_BY)])
async def test_a_provider_gets_what_litellm_would_send(
    lanes: Lanes, wire: WireLane, replay: ReplayServer, model: str, place: int
) -> None:
    _, suffix, params = (SPOKEN_TO + EMBEDDED_BY)[place]
    compared = 0
    for case in (each for each in CASES if (each.model, each.suffix, each.params) == (model, suffix, params)):
        ours = asked(case, replay.url)
        assert ours.deployment.lane == "wire", ours.deployment.card
        try:
            got = await sent(wire, ours, case, replay)
        except Left:
            assert not case.name.endswith(NEVER_LEFT) or "system" in str(case.body), case.name
            continue
        compared += 1
        assert got == await sent(lanes.slow, ours, case, replay), case.name
    assert compared >= 7


async def test_what_is_left_to_litellm_comes_from_it(lanes: Lanes, replay: ReplayServer) -> None:
    http = Http()
    both = WireLane(http, str, lanes.slow)
    replay.answer = Recorded(json.dumps(ANSWER).encode())
    replay.seen.clear()
    url_as_text = {"role": "user", "content": [{"type": "image_url", "image_url": "https://example.com/a.png"}]}
    case = Case("image", "openai/gpt-4o", "/v1", {}, {"messages": [url_as_text]})
    await both.complete(asked(case, replay.url))
    (seen,) = replay.seen
    assert seen.json["messages"][0]["content"][0]["image_url"] == {"url": "https://example.com/a.png"}
    replay.answer = Recorded(STREAMED, headers={"content-type": "text/event-stream"})
    assert [chunk.text async for chunk in both.stream(asked(case, replay.url))] == ["Hi"]
    await http.close()


async def test_a_stream_that_is_left_to_litellm_is_closed_with_ours() -> None:
    closed = []

    class Endless(Elsewhere):
        async def stream(self, request: ProviderRequest) -> AsyncGenerator[Chunk, None]:
            try:
                while True:
                    yield Chunk(b"")
            finally:
                closed.append(request.attempt_id)

    http = Http()
    stream = WireLane(http, str, Endless()).stream(request("openai/m", "http://unused.invalid"))
    await anext(stream)
    await stream.aclose()
    assert closed == ["gen-1:1"]
    await http.close()


async def test_no_member_is_answered_for_by_anothers_deployment(wire: WireLane, replay: ReplayServer) -> None:
    """Two deployments of one id, as after a reload: each is asked in its own way."""
    first = asked(Case("a", "openai/one", "/v1", {}, HELLO), replay.url)
    second = asked(Case("b", "openai/two", "/v1", {"extra_headers": {"x-tenant": "blue"}}, HELLO), replay.url)
    for each, name, tenant in ((first, "one", None), (second, "two", "blue"), (first, "one", None)):
        _, headers, body = await sent(wire, each, Case("", "", ""), replay)
        assert (body["model"], headers["x-tenant"]) == (name, tenant)


async def test_the_clients_body_is_left_as_it_was_and_its_trace_goes_on(wire: WireLane, replay: ReplayServer) -> None:
    body = {**HELLO, "tools": [TOOL], "user": "bob", "stop": ["a"] * 9, "unknown": {"a": [1]}, "stream": True}
    before = json.dumps(body)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    made = dataclasses.replace(asked(Case("a", "openai/m", "/v1", {}, body), replay.url), traceparent=trace)
    await sent(wire, made, Case("", "", ""), replay)
    assert json.dumps(body) == before
    (seen,) = replay.seen
    assert seen.headers["traceparent"].startswith(trace[:35])
    assert seen.headers["accept-encoding"] == "gzip"


async def test_a_requests_own_headers_stand_over_those_of_the_configuration(
    wire: WireLane, replay: ReplayServer
) -> None:
    told = {"X-CLIENT-request-id": "mine", "TraceParent": "mine", "tracestate": "mine", "x-tenant": "blue"}
    made = asked(Case("a", "openai/m", "/v1", {"extra_headers": told}, HELLO), replay.url)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for given, parents, states in (
        (None, "mine", "mine"),
        (trace, trace, None),
        (f"{trace} a=1,b=2", trace, "a=1,b=2"),
    ):
        await sent(wire, dataclasses.replace(made, traceparent=given), Case("", "", ""), replay)
        (seen,) = replay.seen
        assert seen.headers["x-client-request-id"] == made.attempt_id
        assert (seen.headers["x-tenant"], seen.headers["traceparent"]) == ("blue", parents)
        assert seen.headers.get("tracestate") == states


@pytest.mark.parametrize(("url", "named"), [("http://", {}), ("ftp://a.invalid", {}), ("", {"x-a": "b\r\nc: d"})])
async def test_what_cannot_be_sent_is_told_as_such(
    wire: WireLane, replay: ReplayServer, url: str, named: dict[str, str]
) -> None:
    made = asked(Case("a", "openai/m", "/v1", {"extra_headers": named}, HELLO), replay.url)
    card = made.deployment.card
    assert card is not None
    card = dataclasses.replace(card, url=url or card.url)
    made = dataclasses.replace(made, deployment=dataclasses.replace(made.deployment, card=card))
    replay.seen.clear()
    with pytest.raises(ProviderError) as caught:
        await wire.complete(made)
    assert caught.value.fault is Fault.CONNECT
    assert not replay.seen


async def test_a_deployment_without_a_card_is_litellms(wire: WireLane, replay: ReplayServer) -> None:
    with pytest.raises(Left):
        await wire.complete(request("openai/m", replay.url))


async def test_a_key_is_in_no_card_and_no_representation(replay: ReplayServer) -> None:
    deployment = asked(Case("a", "openai/m", "/v1", {}, HELLO), replay.url).deployment
    assert KEY not in repr(deployment)
    assert KEY not in repr(deployment.card)


async def test_a_refusal_names_the_member(wire: WireLane, replay: ReplayServer) -> None:
    case = Case("a", "openai/m", "/v1", {}, {**HELLO, "thinking": {"type": "enabled"}})
    with pytest.raises(ProviderError) as caught:
        await wire.complete(asked(case, replay.url))
    assert (caught.value.fault, caught.value.code, caught.value.param) == (
        Fault.CALLER,
        "unsupported_parameter",
        "thinking",
    )
