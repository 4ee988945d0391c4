"""What a provider's failure becomes: the kind of fault, the words, and nothing secret or of LiteLLM's own."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import httpx
import pytest

from gateway.errors import Fault, ProviderError
from gateway.ports import Provider
from gateway.providers.errors import in_band, provider_error
from gateway.providers.refusals import retry_after
from gateway.providers.transport import Exchange
from tests.providers.asking import ANSWER, HELLO, KEY, WIRES, request
from tests.providers.clientside import completed, streamed
from tests.providers.oracle import Reading
from tests.providers.replay import Recorded, ReplayServer


def openais(message: str, code: str | None = None, **further: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "x", "param": None, "code": code, **further}}


def googles(message: str, reason: str, **further: Any) -> dict[str, Any]:
    return {"error": {"code": 400, "message": message, "status": "X", "details": [{"reason": reason}], **further}}


# Status and body, as the provider gives them; then the fault that it is.
REFUSALS: list[tuple[str, int, Any, Fault]] = [
    ("openai", 400, openais("'messages' is too short", "invalid_value"), Fault.CALLER),
    ("openai", 400, openais("This model's maximum context length is 8192 tokens", None), Fault.CONTEXT_WINDOW),
    ("openai", 400, openais("Too long", "context_length_exceeded"), Fault.CONTEXT_WINDOW),
    ("openai", 400, openais("Flagged", "content_policy_violation"), Fault.CONTENT_POLICY),
    ("openai", 400, openais("The response was filtered", "content_filter"), Fault.CONTENT_POLICY),
    ("openai", 401, openais("Incorrect API key provided", "invalid_api_key"), Fault.CREDENTIALS),
    ("openai", 402, openais("Insufficient Balance"), Fault.CREDENTIALS),
    ("openai", 403, openais("Country not supported", "unsupported_country"), Fault.CREDENTIALS),
    ("openai", 403, openais("Flagged", None, metadata={"reasons": ["violence"]}), Fault.CONTENT_POLICY),
    ("openai", 404, openais("No such model", "model_not_found"), Fault.NOT_FOUND),
    ("openai", 408, openais("Too slow"), Fault.SERVER),
    ("openai", 409, openais("Clash"), Fault.SERVER),
    ("openai", 413, openais("Too large"), Fault.CALLER),
    ("openai", 422, {"detail": [{"loc": ["body", "x"], "msg": "Field required"}]}, Fault.CALLER),
    ("openai", 425, openais("Too early"), Fault.SERVER),
    ("openai", 429, openais("Slow down", "rate_limit_exceeded"), Fault.RATE_LIMITED),
    ("openai", 429, openais("You exceeded your current quota", "insufficient_quota"), Fault.CREDENTIALS),
    ("openai", 500, openais("Sorry"), Fault.SERVER),
    ("openai", 502, None, Fault.SERVER),
    ("openai", 503, openais("Overloaded"), Fault.SERVER),
    ("openai", 504, "<html>", Fault.SERVER),
    ("anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "No"}}, Fault.CALLER),
    ("anthropic", 400, {"error": {"message": "prompt is too long: 9 tokens > 8"}}, Fault.CONTEXT_WINDOW),
    ("anthropic", 400, {"error": {"message": "Your credit balance is too low to access"}}, Fault.CREDENTIALS),
    ("anthropic", 400, {"error": {"message": "Output blocked by content filtering policy"}}, Fault.CONTENT_POLICY),
    ("anthropic", 413, {"error": {"type": "request_too_large", "message": "Too large"}}, Fault.CALLER),
    ("anthropic", 529, {"error": {"type": "overloaded_error", "message": "Overloaded"}}, Fault.SERVER),
    ("gemini", 400, googles("API key not valid.", "API_KEY_INVALID"), Fault.CREDENTIALS),
    ("gemini", 400, googles("Bad schema", "BAD"), Fault.CALLER),
    ("gemini", 400, googles("exceeds the maximum number of tokens allowed (8)", "X"), Fault.CONTEXT_WINDOW),
    ("gemini", 403, googles("No permission", "X"), Fault.CREDENTIALS),
    ("gemini", 500, [googles("Internal", "X")], Fault.SERVER),
    ("mistral", 401, {"detail": "Unauthorized"}, Fault.CREDENTIALS),
    ("mistral", 422, {"object": "error", "message": "Bad", "type": "invalid", "code": 3051}, Fault.CALLER),
    ("openrouter", 400, {"error": {"message": "Bad", "code": 400}}, Fault.CALLER),
]


async def read(lane: Provider, replay: ReplayServer, wire: str, *, stream: bool) -> Reading:
    asked = request(f"{wire}/m", replay.url)
    return (await (streamed if stream else completed)(lane, asked))[0]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("wire", "status", "told", "fault"), REFUSALS)
async def test_an_error_answer_keeps_its_status_and_words(
    lane: Provider, replay: ReplayServer, wire: str, status: int, told: Any, fault: Fault, stream: bool
) -> None:
    replay.answer = Recorded(b"" if told is None else json.dumps(told).encode(), status)
    reading = await read(lane, replay, wire, stream=stream)
    assert (reading.fault, reading.status) == (fault, status)
    body = told[0] if isinstance(told, list) else told
    error = body.get("error", body) if isinstance(body, dict) else {}
    assert reading.code == (error["code"] if isinstance(error.get("code"), str) else None)
    words = error.get("message") or error.get("detail")
    assert reading.message == (
        words if isinstance(words, str) else "Field required" if words else WORDLESS.format(status)
    )


WORDLESS = "the provider answered with status {}"


def test_every_kind_of_fault_comes_from_somewhere() -> None:
    from_exchanges = {fault for *_, fault in REFUSALS}
    from_connections = {fault for _, fault in BROKEN}
    elsewhere = {
        Fault.TRUNCATED,
        Fault.IN_BAND,
        Fault.STALLED,
    }  # in the tests of streams; a stall is the relay's to see
    assert from_exchanges | from_connections | elsewhere == {*Fault}


BROKEN: list[tuple[BaseException, Fault]] = [
    (httpx.ConnectError("x"), Fault.CONNECT),
    (httpx.ConnectTimeout("x"), Fault.CONNECT),
    (httpx.PoolTimeout("x"), Fault.CONNECT),
    (ConnectionRefusedError("x"), Fault.CONNECT),
    (httpx.ReadTimeout("x"), Fault.TIMEOUT),
    (TimeoutError("x"), Fault.TIMEOUT),
    (httpx.ReadError("x"), Fault.RESET),
    (httpx.RemoteProtocolError("x"), Fault.RESET),
    (aiohttp.ServerDisconnectedError("x"), Fault.RESET),
    (aiohttp.ClientPayloadError("x"), Fault.RESET),
    (json.JSONDecodeError("x", "", 0), Fault.MALFORMED),
    (httpx.DecodingError("x"), Fault.MALFORMED),
    (KeyError("choices"), Fault.MALFORMED),
]


@pytest.mark.parametrize(("broken", "fault"), BROKEN, ids=[type(error).__name__ for error, _ in BROKEN])
def test_a_broken_connection_is_told_by_its_innermost_cause(broken: BaseException, fault: Fault) -> None:
    sent = Exchange()
    sent.sent.add("http://provider.invalid")
    error = RuntimeError("litellm.APIConnectionError: something")
    error.__cause__ = broken
    found = provider_error(error, str, sent)
    assert (found.fault, found.status) == (fault, None)


def test_what_broke_is_known_even_where_litellm_forgets_it() -> None:
    sent = Exchange()
    sent.sent.add("http://provider.invalid")
    sent.broken = httpx.ReadError("gone")
    assert provider_error(RuntimeError("Connection error."), str, sent).fault is Fault.RESET


@pytest.mark.parametrize(
    ("error", "fault"),
    [(KeyError("role"), Fault.CALLER), (TypeError("x"), Fault.CALLER), (ImportError("x"), Fault.SERVER)],
)
def test_what_was_never_sent_is_the_callers_or_ours_and_owes_nothing(error: Exception, fault: Fault) -> None:
    found = provider_error(error, str, Exchange())
    assert found.fault is fault
    assert found.fault in {Fault.CALLER, Fault.SERVER}


async def test_messages_that_no_provider_could_be_sent_are_the_callers_fault(
    lane: Provider, replay: ReplayServer
) -> None:
    replay.seen.clear()
    body = {**HELLO, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}
    for wire in ("anthropic", "gemini"):
        reading, _ = await completed(lane, request(f"{wire}/m", replay.url, body))
        assert (reading.fault, reading.status) == (Fault.CALLER, 400)
    assert replay.seen == []


@pytest.mark.parametrize("wire", [*WIRES, "mistral", "openrouter", "groq"])
async def test_messages_hold_neither_secrets_nor_litellms_own_words(
    lane: Provider, replay: ReplayServer, wire: str
) -> None:
    for status in (400, 401, 403, 404, 422, 429, 500, 503):
        told = {"error": {"message": f"Key {KEY} at http://x/?key={KEY} is bad", "code": f"c-{KEY}", "param": KEY}}
        replay.answer = Recorded(json.dumps(told).encode(), status, {"x-key": KEY})
        for stream in (False, True):
            reading = await read(lane, replay, wire, stream=stream)
            assert KEY not in repr(reading)
            assert str(reading.message).startswith("Key [redacted]")
            assert "litellm" not in repr(reading).lower()


async def test_a_broken_answer_is_told_without_litellms_own_words(lane: Provider, replay: ReplayServer) -> None:
    for wire in (*WIRES, "mistral", "openrouter", "groq"):
        for body in (b"", b"{", b"[]", b"null", b'{"choices": []}', b"<html></html>", b'"words"'):
            replay.answer = Recorded(body)
            reading = await read(lane, replay, wire, stream=False)
            assert reading.fault is Fault.MALFORMED, (wire, body)
            assert "litellm" not in str(reading.message).lower()
            assert "github.com" not in str(reading.message)


async def test_an_error_in_an_answer_that_began_well_is_in_band(lane: Provider, replay: ReplayServer) -> None:
    replay.answer = Recorded(json.dumps({"error": {"message": "Provider returned error", "code": 502}}).encode())
    reading = await read(lane, replay, "openrouter", stream=False)
    assert (reading.fault, reading.status, reading.message) == (Fault.IN_BAND, None, "Provider returned error")


@pytest.mark.parametrize(
    ("found", "fault", "code"),
    [
        ({"message": "m", "code": 429}, Fault.RATE_LIMITED, None),
        ({"message": "m", "type": "rate_limit_error"}, Fault.RATE_LIMITED, "rate_limit_error"),
        ({"message": "m", "code": 400}, Fault.IN_BAND, None),
        ({"message": "m", "code": "tool_use_failed"}, Fault.IN_BAND, "tool_use_failed"),
        ({"type": "overloaded_error", "message": "m"}, Fault.IN_BAND, "overloaded_error"),
        ("words", Fault.IN_BAND, None),
    ],
)
def test_an_error_object_within_a_stream_is_told_apart_by_its_own_code(
    found: Any, fault: Fault, code: str | None
) -> None:
    error = in_band(found, str)
    assert (error.fault, error.code, error.status) == (fault, code, None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "1", "retry-after-ms": "0"}, 1.0),
        ({"retry-after": "Sun, 06 Nov 2044 08:49:37 GMT", "date": "Sun, 06 Nov 2044 08:49:07 GMT"}, 30.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_the_wait_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, {}) == seconds


def test_googles_wait_stands_in_the_body() -> None:
    assert retry_after({}, {"details": [{"@type": "RetryInfo", "retryDelay": "48s"}]}) == 48.0


def test_an_error_of_the_lanes_own_is_left_as_it_is() -> None:
    own = ProviderError(Fault.TRUNCATED, "cut")
    assert provider_error(own, str, Exchange()) is own


async def test_an_answer_of_openais_that_litellm_cannot_read_is_read(lane: Provider, replay: ReplayServer) -> None:
    filtered = {**ANSWER, "choices": [{"index": 0, "finish_reason": "content_filter", "logprobs": None}]}
    for model in ("openai/m", "groq/m", "azure_ai/m"):
        replay.answer = Recorded(json.dumps(filtered).encode())
        reading, body = await completed(lane, request(model, replay.url))
        assert (reading.fault, reading.choice(0).finish) == (None, "content_filter")
        assert body["choices"][0]["message"] == {"role": "assistant", "content": None, "refusal": None}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_no_shape_of_an_error_object_breaks_the_reading(
    lane: Provider, replay: ReplayServer, stream: bool
) -> None:
    shapes: list[Any] = [
        {},
        [],
        "x",
        5,
        None,
        {"message": {}},
        {"code": {}},
        {"code": []},
        {"metadata": {"reasons": {}}},
    ]
    shapes += [{"details": [{"reason": {}}, 1]}, {"details": {}}, {"type": [], "param": {}}]
    bodies = [json.dumps({"error": shape}).encode() for shape in shapes] + [
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"detail": [[]]}',
    ]
    for body in bodies:
        for status in (400, 429, 500):
            replay.answer = Recorded(body, status)
            reading = await read(lane, replay, "openai", stream=stream)
            assert reading.status == status
            assert reading.message


def test_a_secret_at_the_end_of_a_long_message_is_not_cut_in_two() -> None:
    def redact(words: str) -> str:
        return words.replace(KEY, "[redacted]")

    response = httpx.Response(400, json={"error": {"message": "x" * 1_990 + KEY}})
    sent = Exchange()
    sent.response = response
    assert KEY[:8] not in provider_error(RuntimeError(), redact, sent).message
