"""Gemini's answers as our own reader translates them, against LiteLLM's translation as the sdk lane uses it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.providers import shapes
from gateway.providers.gemini_answer import FINISH, FLAGGED, Events, completion
from gateway.providers.runtime import load
from gateway.providers.translated import Gemini, whole
from gateway.types import JsonObject

GEMINIS = "litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini"
STANDARD = {"x-gemini-service-tier": "Standard"}
SOUND = "data:audio/wav;base64,AAAA"
Oracle = Callable[[JsonObject], JsonObject]


class NoLog:
    optional_params: dict[str, Any] = {}  # noqa: RUF012 - LiteLLM asks for an attribute


class Answered:
    headers = STANDARD


def streamed_by_litellm() -> Oracle:
    """What the sdk lane makes of each event of one stream."""
    kind = importlib.import_module(GEMINIS).ModelResponseIterator
    return Gemini(kind(iter(()), sync_stream=True, logging_obj=NoLog(), response_headers=STANDARD))  # type: ignore[return-value]


def whole_by_litellm(document: JsonObject) -> JsonObject:
    config = importlib.import_module(GEMINIS).VertexGeminiConfig()
    made = config.transform_google_generate_content_to_openai_model_response(
        document, load().ModelResponse(), "asked", NoLog(), Answered()
    )
    return whole("gemini", made.model_dump(), document)


def whole_by_us(document: JsonObject) -> JsonObject:
    return completion(document, STANDARD, model="asked")


def shown(translate: Oracle, document: JsonObject, *, stream: bool, begun: set[int]) -> Any:
    """What a client would see of it, with names and times that are made up taken out; "unreadable" if it raises."""
    try:
        raw = translate(json.loads(json.dumps(document)))
    except Exception:  # whatever it raises, the lane calls the answer unreadable
        return "unreadable"
    used = shapes.usage_in(raw)
    body = shapes.chunk_body(raw, begun) if stream else shapes.chat_body(raw)
    assert isinstance(body.pop("created"), int)
    if not document.get("responseId") or str(body["id"]).startswith("chatcmpl-"):
        assert len(body.pop("id")) == len("chatcmpl-") + 36
    for choice in body["choices"]:
        said = choice.get("delta") or choice.get("message") or {}
        for call in said.get("tool_calls", ()):
            call["id"] = plain_id(call["id"])
        if "audio" in said:
            assert len(said["audio"].pop("id")) == 36
            assert isinstance(said["audio"].pop("expires_at"), int)
    return body, None if used is None else shapes.usage_body(used), shapes.usage_of(used)


def plain_id(identity: str) -> str:
    """LiteLLM's made-up names of calls differ each time; their form does not."""
    name, mark, signature = identity.partition("__thought__")
    if name.startswith("call_"):
        assert len(name) == len("call_") + 28
        name = "made up"
    return name + mark + signature


def assert_same_stream(events: list[JsonObject]) -> None:
    theirs, ours = streamed_by_litellm(), Events(STANDARD)
    begun: tuple[set[int], set[int]] = set(), set()
    for event in events:
        wanted = shown(theirs, event, stream=True, begun=begun[0])
        assert shown(ours, event, stream=True, begun=begun[1]) == wanted
        if wanted == "unreadable":
            return


def assert_same_whole(document: JsonObject) -> None:
    wanted = shown(whole_by_litellm, document, stream=False, begun=set())
    assert shown(whole_by_us, document, stream=False, begun=set()) == wanted


TEXTS = st.one_of(st.text(max_size=4), st.sampled_from([SOUND, "data:audio/wav;base64,A", "data:audio", "a b\n"]))
ARGS = st.dictionaries(st.text(max_size=3), st.one_of(st.none(), st.integers(), st.text(max_size=3)), max_size=2)
SIGNATURES = st.fixed_dictionaries({}, optional={"thoughtSignature": st.sampled_from(["c2ln", "bmF0dXI="])})
THOUGHTS = st.fixed_dictionaries({}, optional={"thought": st.booleans()})
WRITTEN = st.fixed_dictionaries({"text": st.one_of(TEXTS, TEXTS)})
CALL = st.fixed_dictionaries(
    {"name": st.sampled_from(["look_up", "é"]), "args": ARGS}, optional={"id": st.sampled_from(["id-1", ""])}
)
PARTS = st.one_of(
    st.builds(lambda *parts: {key: value for part in parts for key, value in part.items()}, WRITTEN, SIGNATURES),
    st.builds(lambda *parts: {key: value for part in parts for key, value in part.items()}, WRITTEN, THOUGHTS).filter(
        lambda part: not (part.get("thought") and part["text"] == SOUND)
    ),
    st.builds(lambda call, signed: {"functionCall": call, **signed}, CALL, SIGNATURES),
    st.builds(
        lambda kind: {"inlineData": {"mimeType": kind, "data": "AAAA"}},
        st.sampled_from(["image/png", "audio/L16", "text/plain", "application/pdf"]),
    ),
    st.sampled_from(
        [
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"functionCall": {"name": "no_args"}},
            {"toolCall": {"id": "1", "toolType": "SEARCH", "args": {}}},
            {"toolResponse": {"id": "1", "response": {}}},
        ]
    ),
)
REASONS = st.one_of(st.sampled_from(["STOP", "MAX_TOKENS", *FINISH, "MALFORMED_FUNCTION_CALL", "NEW_ONE"]), st.none())
WEB = {"web": {"uri": "https://a.example", "title": "A"}}
GROUNDING = st.fixed_dictionaries(
    {},
    optional={
        "webSearchQueries": st.lists(st.sampled_from(["a", "b", ""]), max_size=3),
        "groundingChunks": st.lists(st.sampled_from([WEB, {"maps": {"uri": "u"}}, {"web": {}}]), max_size=3),
        "groundingSupports": st.lists(
            st.sampled_from(
                [
                    {"segment": {"startIndex": 0, "endIndex": 4}, "groundingChunkIndices": [0, 1]},
                    {"segment": {"endIndex": 4}, "groundingChunkIndices": [0]},
                    {"segment": {"startIndex": 2, "endIndex": 4}, "groundingChunkIndices": [2]},
                    {},
                ]
            ),
            max_size=3,
        ),
        "googleMapsWidgetContextToken": st.sampled_from(["", "w"]),
    },
)
LOGPROBS = st.sampled_from(
    [
        {"chosenCandidates": [{"token": "a", "logProbability": -1.5, "tokenId": 7}, {"token": "b", "logProbability": 0}],
         "topCandidates": [{"candidates": [{"token": "a", "logProbability": -1.5}, {"token": "c", "logProbability": -2}]}]},
        {"chosenCandidates": [{"token": "a", "logProbability": -0.25}]},
        {"avgLogprobs": -1.0},
    ]
)  # fmt: skip
CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "content": st.one_of(
            st.builds(lambda parts: {"parts": parts, "role": "model"}, st.lists(PARTS, max_size=4)),
            st.sampled_from([{"role": "model"}, {}]),
        ),
        "finishReason": REASONS,
        "groundingMetadata": st.one_of(GROUNDING, st.lists(GROUNDING, max_size=2)),
        "safetyRatings": st.sampled_from([[], [{"category": "HARM", "probability": "LOW"}]]),
        "citationMetadata": st.just({"citationSources": []}),
        "urlContextMetadata": st.just({"urlMetadata": []}),
        "logprobsResult": LOGPROBS,
    },
)


def numbered(candidates: list[JsonObject], wanted: bool) -> list[JsonObject]:
    """Google numbers its candidates, or does not where there is one."""
    return [{**each, "index": place} for place, each in enumerate(candidates)] if wanted else candidates


COUNTS = st.integers(0, 20)
DETAILS = st.lists(
    st.fixed_dictionaries(
        {"modality": st.sampled_from(["TEXT", "AUDIO", "IMAGE", "VIDEO", "DOCUMENT", "MODALITY_UNSPECIFIED", "text"])},
        optional={"tokenCount": COUNTS},
    ),
    max_size=3,
)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        "promptTokenCount": COUNTS,
        "candidatesTokenCount": COUNTS,
        "totalTokenCount": COUNTS,
        "thoughtsTokenCount": COUNTS,
        "cachedContentTokenCount": COUNTS,
        "toolUsePromptTokenCount": COUNTS,
        "promptTokensDetails": DETAILS,
        "candidatesTokensDetails": DETAILS,
        "cacheTokensDetails": DETAILS,
        "trafficType": st.just("ON_DEMAND"),
    },
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.builds(numbered, st.lists(CANDIDATES, max_size=3), st.booleans()),
        "usageMetadata": USAGE,
        "modelVersion": st.sampled_from(["gemini-x", "gemini-x@002", ""]),
        "responseId": st.sampled_from(["r-1", "r-2"]),
        "promptFeedback": st.sampled_from([{}, {"blockReason": "SAFETY"}, {"safetyRatings": []}]),
    },
)
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@QUICK
@given(st.lists(EVENTS, min_size=1, max_size=3))
def test_the_events_of_a_stream_are_read_as_litellm_reads_them(events: list[JsonObject]) -> None:
    assert_same_stream(events)


@QUICK
@given(EVENTS)
def test_a_whole_answer_is_read_as_litellm_reads_it(document: JsonObject) -> None:
    assert_same_whole(document)


def test_finish_reasons_are_litellms() -> None:
    config = importlib.import_module(GEMINIS).VertexGeminiConfig
    known = config.get_finish_reason_mapping()
    assert {name: FINISH.get(name, "stop") for name in known} == known
    assert config().get_flagged_finish_reasons().keys() == FLAGGED


TEXT = {"content": {"parts": [{"text": "約束 🍜"}], "role": "model"}, "index": 0}
CALLS = {
    "content": {
        "parts": [
            {"functionCall": {"name": "a", "args": {"où": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "b", "args": {}, "id": "own"}},
        ]
    },
    "index": 0,
}
USED = {"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 12, "thoughtsTokenCount": 4}


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([{"candidates": [TEXT]}, {"candidates": [{"finishReason": "STOP", "index": 0}]}], id="text"),
        pytest.param([{"candidates": [CALLS]}, {"candidates": [{"finishReason": "STOP"}]}], id="calls-then-stop"),
        pytest.param([{"candidates": [CALLS]}, {"candidates": [{**CALLS, "finishReason": "STOP"}]}], id="more-calls"),
        pytest.param([{"candidates": [{**CALLS, "finishReason": "MAX_TOKENS"}]}], id="calls-cut-short"),
        pytest.param([{"candidates": [TEXT, {**TEXT, "index": 1}], "usageMetadata": USED}], id="two-candidates"),
        pytest.param([{"promptFeedback": {"blockReason": "OTHER"}, "usageMetadata": USED}], id="blocked"),
        pytest.param([{"promptFeedback": {"blockReason": "OTHER"}, "candidates": [TEXT]}], id="blocked-and-not"),
        pytest.param([{"candidates": [{"groundingMetadata": {"webSearchQueries": ["q"]}}]}], id="notes-alone"),
        pytest.param([{"usageMetadata": USED}], id="usage-alone"),
        pytest.param([{"candidates": [TEXT], "usageMetadata": None}], id="usage-is-null"),
        pytest.param([{"error": None, "candidates": [TEXT]}], id="empty-error"),
        pytest.param([{"candidates": None}], id="no-candidates"),
        pytest.param([{"candidates": [{"content": None, "finishReason": "SAFETY"}]}], id="no-content"),
        pytest.param([{"candidates": ["text"]}], id="no-objects"),
        pytest.param([{"candidates": [{"content": {"parts": None}, "finishReason": "STOP"}]}], id="parts-are-null"),
        pytest.param([{"candidates": [{"content": {"parts": [None]}}]}], id="a-part-is-null"),
        pytest.param([{"candidates": [{"content": {"parts": [{"text": None}]}}]}], id="a-text-is-null"),
        pytest.param([{"candidates": [{"content": {"parts": [{"functionCall": None}]}}]}], id="a-call-is-null"),
        pytest.param([{"candidates": [{"content": {"parts": [{"inlineData": {}}]}}]}], id="data-is-empty"),
        pytest.param([{"candidates": [{**CALLS, "groundingMetadata": None}]}], id="notes-are-null"),
        pytest.param([{"candidates": [TEXT], "promptFeedback": None}], id="feedback-is-null"),
        pytest.param([{"candidates": [{**TEXT, "logprobsResult": None}]}], id="log-probabilities-are-null"),
        pytest.param([{"candidates": [TEXT], "responseId": None, "modelVersion": None}], id="names-are-null"),
        pytest.param([{"candidates": [TEXT], "usageMetadata": {"promptTokenCount": None}}], id="a-count-is-null"),
        pytest.param([{"candidates": [TEXT], "usageMetadata": {"promptTokensDetails": None}}], id="details-are-null"),
        pytest.param([{"candidates": [TEXT], "usageMetadata": {"thoughtsTokenCount": None}}], id="thoughts-are-null"),
    ],
)
def test_streams_of_note_are_read_as_litellm_reads_them(events: list[JsonObject]) -> None:
    assert_same_stream(events)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"candidates": [{**TEXT, "finishReason": "STOP"}], "usageMetadata": USED}, id="text"),
        pytest.param({"candidates": [{**CALLS, "finishReason": "STOP"}], "usageMetadata": USED}, id="calls"),
        pytest.param({"candidates": [{**TEXT, "finishReason": "SAFETY"}], "usageMetadata": USED}, id="flagged"),
        pytest.param({"candidates": [{**TEXT, "finishReason": "OTHER"}], "usageMetadata": USED}, id="not-flagged"),
        pytest.param({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USED}, id="blocked"),
        pytest.param({"promptFeedback": {"blockReason": "SAFETY"}}, id="blocked-without-usage"),
        pytest.param({"candidates": [TEXT]}, id="without-usage"),
        pytest.param({"candidates": [], "usageMetadata": USED}, id="no-candidate"),
        pytest.param({"usageMetadata": USED}, id="nothing"),
        pytest.param([], id="a-list"),
    ],
)
def test_whole_answers_of_note_are_read_as_litellm_reads_them(document: JsonObject) -> None:
    assert_same_whole(document)
