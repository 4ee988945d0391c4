"""An attempt reaches its provider once, whatever happens to it: the provider may bill every time."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from gateway.errors import Fault, ProviderError
from gateway.fleet import RunningFleet
from gateway.ports import Provider, ProviderRequest
from tests.providers.asking import HELLO, TEXT, TOOL, WIRES, request
from tests.providers.lanes import Lanes
from tests.providers.replay import Canary, Recorded, ReplayServer

FAULTS = {
    "400": Fault.CALLER,
    "401": Fault.CREDENTIALS,
    "404": Fault.NOT_FOUND,
    "408": Fault.SERVER,
    "409": Fault.SERVER,
    "429": Fault.RATE_LIMITED,
    "500": Fault.SERVER,
    "503": Fault.SERVER,
    "529": Fault.SERVER,
    "reset": Fault.RESET,
    "refused": Fault.RESET,  # a model that refuses: the connection is there, and breaks
    "context_length_exceeded": Fault.CONTEXT_WINDOW,
    "content_policy": Fault.CONTENT_POLICY,
}
CALLERS = (Fault.CONTEXT_WINDOW, Fault.CONTENT_POLICY)


async def failure(lane: Provider, asked: ProviderRequest, *, stream: bool) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        if stream:
            async for _ in lane.stream(asked):
                pass
        else:
            await lane.complete(asked)
    return caught.value


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("kind", "fault"), FAULTS.items())
async def test_a_failing_provider_is_asked_once(
    lane: Provider, fleet: RunningFleet, wire: str, kind: str, fault: Fault, stream: bool
) -> None:
    fleet.fault(kind)
    error = await failure(lane, request(f"{wire}/echo", fleet.urls[wire]), stream=stream)
    ended = await fleet.journal.settled(1)
    assert len(ended) == 1
    assert error.fault is fault
    assert error.status == (int(kind) if kind.isdigit() else 400 if fault in CALLERS else None)


@pytest.mark.parametrize("kind", ["429", "500", "503", "reset", "refused"])
async def test_embeddings_are_asked_for_once(lane: Provider, fleet: RunningFleet, kind: str) -> None:
    fleet.fault(kind)
    asked = request("openai/text-embedding-3-small", fleet.urls["openai"], TEXT)
    error = await failure(lane, asked, stream=False)
    assert len(await fleet.journal.settled(1)) == 1
    assert error.fault is FAULTS[kind]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_closed_port_is_told_as_such(lane: Provider, wire: str, stream: bool) -> None:
    error = await failure(lane, request(f"{wire}/echo", f"http://127.0.0.1:{closed_port()}"), stream=stream)
    assert (error.fault, error.status) == (Fault.CONNECT, None)


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


# LiteLLM gives a Gemini stream no time limit at all, and the other lanes have none; the call stage ends them (see
# test_closing_connections).
@pytest.mark.parametrize(
    ("wire", "stream"),
    [("openai", False), ("openai", True), ("anthropic", False), ("anthropic", True), ("gemini", False)],
)
async def test_a_provider_that_hangs_is_given_up_after_one_try(
    lanes: Lanes, fleet: RunningFleet, wire: str, stream: bool
) -> None:
    fleet.fault("hang_before_headers")
    error = await failure(lanes.slow, request(f"{wire}/echo", fleet.urls[wire], timeout=0.2), stream=stream)
    assert error.fault is Fault.TIMEOUT
    assert len(await fleet.journal.settled(1)) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("model", "status", "told"),
    [
        ("openai/m", 422, {"error": {"message": {"detail": [{"loc": ["body", "seed"], "msg": "no"}]}}}),
        ("groq/m", 422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
        ("mistral/m", 422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}),
        ("azure_ai/m", 400, {"error": {"message": "Extra inputs are not permitted, field: 'tools[0].x'"}}),
        ("anthropic/m", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "no thinking"}}),
        ("openai/m", 400, {"error": {"message": "could not finish the message because max_tokens or model output limit "
                                                "was reached. Please try again."}}),
    ],
)  # fmt: skip
async def test_litellm_mends_no_request_behind_our_back(
    lane: Provider, replay: ReplayServer, model: str, status: int, told: dict[str, Any], stream: bool
) -> None:
    replay.seen.clear()
    replay.answer = Recorded(json.dumps(told).encode(), status)
    body = {**HELLO, "seed": 1, "tools": [TOOL]}
    error = await failure(lane, request(model, replay.url, body, params={"drop_params": True}), stream=stream)
    assert len(replay.seen) == 1
    assert (error.fault, error.status) == (Fault.CALLER, status)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_redirect_is_not_followed(
    lane: Provider, replay: ReplayServer, canary: Canary, wire: str, status: int
) -> None:
    replay.seen.clear()
    replay.answer = Recorded(b"", status, {"location": f"{canary.url}/v1/chat/completions"})
    for stream in (False, True):
        error = await failure(lane, request(f"{wire}/m", replay.url), stream=stream)
        assert (error.fault, error.status) == (Fault.SERVER, status)
    assert (len(replay.seen), canary.came) == (2, 0)
