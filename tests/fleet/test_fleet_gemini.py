"""Gemini's wire, checked against the shapes of recorded answers."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.fleet import RunningFleet, Settings, tokenizer
from tests.fleet.fleet_clients import Asker

WEATHER = {
    "functionDeclarations": [
        {
            "name": "get_weather",
            "description": "The weather of a city",
            "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
        }
    ]
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\r\n") if line]


def text_of(body: dict[str, Any]) -> str:
    return "".join(
        part.get("text", "") for part in body["candidates"][0]["content"]["parts"] if not part.get("thought")
    )


async def test_an_answer_has_every_member(asker: Asker) -> None:
    answer = await asker.send("gemini", "Write about lighthouses", model="gemini-3.5-flash-lite")
    body = answer.json()
    assert set(body) == {"candidates", "usageMetadata", "modelVersion", "responseId"}
    [candidate] = body["candidates"]
    assert set(candidate) == {"content", "finishReason", "index"}
    usage = body["usageMetadata"]
    assert usage["promptTokenCount"] == tokenizer.count("Write about lighthouses") + tokenizer.MESSAGE_TOKENS
    assert usage["candidatesTokenCount"] == tokenizer.count(text_of(body))
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage["candidatesTokenCount"]
    assert answer.headers["x-sim"] == "1"


async def test_a_stream_of_events_adds_up_and_counts_as_it_goes(asker: Asker) -> None:
    whole = (await asker.send("gemini", "Write about lighthouses")).json()
    answer = await asker.send("gemini", "Write about lighthouses", stream=True)
    assert answer.headers["content-type"] == "text/event-stream"
    *chunks, last = events(answer)
    assert "".join(map(text_of, chunks)) == text_of(whole)
    assert [chunk["usageMetadata"]["candidatesTokenCount"] for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert all("finishReason" not in chunk["candidates"][0] for chunk in chunks)
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"] == whole["usageMetadata"]


async def test_without_sse_the_stream_is_one_json_array(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    body = {"contents": [{"parts": [{"text": "a b"}]}]}
    answer = await http.post(f"{fleet.urls['gemini']}/models/echo:streamGenerateContent", json=body)
    assert answer.headers["content-type"].startswith("application/json")
    assert [text_of(chunk) for chunk in answer.json()] == ["a", " b", ""]


async def test_functions_are_called_and_their_results_told(asker: Asker) -> None:
    asked = "The weather in Oslo and Bergen?"
    whole = (await asker.send("gemini", asked, tools=[WEATHER])).json()
    parts = whole["candidates"][0]["content"]["parts"]
    assert [part["functionCall"]["args"] for part in parts] == [{"city": "Oslo"}, {"city": "Bergen"}]
    streamed = events(await asker.send("gemini", asked, tools=[WEATHER], stream=True))
    called = [
        part["functionCall"]["args"]
        for chunk in streamed
        for part in chunk["candidates"][0]["content"]["parts"]
        if "functionCall" in part
    ]
    assert called == [{"city": "Oslo"}, {"city": "Bergen"}]
    results = [{"functionResponse": {"name": "get_weather", "response": {"result": "seven degrees"}}} for _ in parts]
    told = await asker.send(
        "gemini",
        "",
        tools=[WEATHER],
        contents=[
            {"role": "user", "parts": [{"text": asked}]},
            {"role": "model", "parts": parts},
            {"role": "user", "parts": results},
        ],
    )
    assert text_of(told.json()).count("Weather: seven degrees") == 2


@pytest.mark.parametrize(("mode", "calls"), [("ANY", 1), ("NONE", 0), ("AUTO", 0)])
async def test_the_calling_mode_decides(asker: Asker, mode: str, calls: int) -> None:
    config = {"functionCallingConfig": {"mode": mode}}
    body = (await asker.send("gemini", "Nothing of the kind", tools=[WEATHER], toolConfig=config)).json()
    assert sum("functionCall" in part for part in body["candidates"][0]["content"]["parts"]) == calls


@pytest.mark.parametrize("member", ["responseSchema", "responseJsonSchema", "response_schema"])
async def test_a_schema_is_met(asker: Asker, member: str) -> None:
    kind = str.upper if member == "responseSchema" else str
    schema = {"type": kind("object"), "properties": {"age": {"type": kind("integer")}}, "required": ["age"]}
    config = {"responseMimeType": "application/json", member: schema}
    body = (await asker.send("gemini", "A dog of 9", generationConfig=config)).json()
    assert json.loads(text_of(body)) == {"age": 9}


async def test_json_without_a_schema_is_an_object(asker: Asker) -> None:
    body = (await asker.send("gemini", "A dog", generation_config={"response_mime_type": "application/json"})).json()
    assert isinstance(json.loads(text_of(body)), dict)


@pytest.mark.parametrize(
    ("wanted", "thinks", "shown"),
    [
        ({"thinkingBudget": 0}, False, False),
        ({"thinkingLevel": "low"}, True, False),
        ({"thinkingBudget": 1024, "includeThoughts": True}, True, True),
    ],
)
async def test_thoughts_are_counted_apart(asker: Asker, wanted: Any, thinks: bool, shown: bool) -> None:
    for stream in (False, True):
        answer = await asker.send("gemini", "Think", stream=stream, generationConfig={"thinkingConfig": wanted})
        bodies = events(answer) if stream else [answer.json()]
        usage = bodies[-1]["usageMetadata"]
        assert ("thoughtsTokenCount" in usage) is thinks
        said = tokenizer.count("".join(map(text_of, bodies)))
        assert usage["candidatesTokenCount"] == said
        assert usage["totalTokenCount"] == usage["promptTokenCount"] + said + usage.get("thoughtsTokenCount", 0)
        parts = [part for body in bodies for part in body["candidates"][0]["content"]["parts"]]
        assert any(part.get("thought") for part in parts) is shown


async def test_length_stop_and_candidates(asker: Asker) -> None:
    body = (await asker.send("gemini", "Write", generationConfig={"maxOutputTokens": 4, "candidateCount": 2})).json()
    assert [candidate["finishReason"] for candidate in body["candidates"]] == ["MAX_TOKENS", "MAX_TOKENS"]
    assert body["usageMetadata"]["candidatesTokenCount"] == 8
    stopped = (await asker.send("gemini", "a b c", model="echo", generationConfig={"stopSequences": [" c"]})).json()
    assert text_of(stopped) == "a b"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_limit_can_cut_a_call(asker: Asker, stream: bool) -> None:
    config = {"maxOutputTokens": 2}
    answer = await asker.send("gemini", "The weather in Oslo?", tools=[WEATHER], generationConfig=config, stream=stream)
    bodies = events(answer) if stream else [answer.json()]
    assert bodies[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {}
    assert bodies[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert bodies[-1]["usageMetadata"]["candidatesTokenCount"] == 2


async def test_an_image_is_seen_and_counted(asker: Asker) -> None:
    parts = [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}, {"text": "See?"}]
    body = (await asker.send("gemini", "", contents=[{"parts": parts}])).json()
    assert "PNG image" in text_of(body)
    assert body["usageMetadata"]["promptTokensDetails"][1] == {
        "modality": "IMAGE",
        "tokenCount": tokenizer.IMAGE_TOKENS,
    }


async def test_tokens_can_be_counted(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    body = {"contents": [{"parts": [{"text": "a b"}]}]}
    answer = await http.post(f"{fleet.urls['gemini']}/models/m:countTokens", json=body)
    assert answer.json()["totalTokens"] == 2 + tokenizer.MESSAGE_TOKENS


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"contents": []}, 400),
        ({"contents": [{"role": "assistant", "parts": []}]}, 400),
        ({"contents": "x"}, 400),
        ({"contents": [{"parts": [5]}]}, 400),
        ({"generationConfig": {"temperature": 9}}, 400),
        ({"generationConfig": {"maxOutputTokens": 0}}, 400),
        ({"generationConfig": {"candidateCount": 99}}, 400),
    ],
)
async def test_a_bad_request_is_refused_in_googles_shape(asker: Asker, changes: dict[str, Any], status: int) -> None:
    answer = await asker.send("gemini", "x", **changes)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 403),
        ({"x-goog-api-key": "bad"}, "", 400),
        ({"x-goog-api-key": "good"}, "", 200),
        ({}, "?key=good", 200),
    ],
)
async def test_the_key_comes_as_header_or_in_the_query(
    fleet: RunningFleet, headers: dict[str, str], query: str, status: int
) -> None:
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        body = {"contents": [{"parts": [{"text": "a"}]}]}
        answer = await client.post(f"{fleet.urls['gemini']}/models/m:generateContent{query}", json=body)
    assert answer.status_code == status


async def test_unknown_models_and_methods_are_not_found(
    fleet: RunningFleet, http: httpx.AsyncClient, asker: Asker
) -> None:
    fleet.configure(Settings(speed=0, known_models=("gemini-3.5-flash-lite",)))
    listed = (await http.get(f"{fleet.urls['gemini']}/models")).json()
    assert [model["name"] for model in listed["models"]] == ["models/gemini-3.5-flash-lite"]
    unknown = await asker.send("gemini", "x", model="gemini-9")
    assert (unknown.status_code, unknown.json()["error"]["status"]) == (404, "NOT_FOUND")
    wrong = await http.post(f"{fleet.urls['gemini']}/models/gemini-3.5-flash-lite:predict", json={})
    assert wrong.status_code == 404
