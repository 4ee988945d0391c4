"""Anthropic's answers as our own readers read them, against LiteLLM's translation as the sdk lane cleans it up."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ports import ProviderRequest
from gateway.providers import translated
from gateway.providers.anthropic_answer import FINISH, Events, completion
from gateway.providers.anthropic_usage import usage
from gateway.providers.dialect import Parse
from gateway.providers.reader import Reader
from gateway.providers.runtime import load
from gateway.providers.shapes import usage_body
from gateway.providers.translate import completion as cleaned
from gateway.types import JsonObject
from tests.providers.asking import HELLO, request

JSON = {"json_mode": True}
NAMES = {"names": {"a_b": "a/b"}}
ASKED: ProviderRequest = request("anthropic/m", "http://provider.invalid", {"messages": HELLO["messages"]})


def litellms_events(*, json_mode: bool = False, names: dict[str, str] | None = None) -> Parse:
    handler: Any = importlib.import_module("litellm.llms.anthropic.chat.handler")
    inner = handler.ModelResponseIterator(iter(()), sync_stream=True, json_mode=json_mode, tool_name_reverse_map=names)
    return translated.Anthropic(inner)


def litellms_completion(
    document: JsonObject, *, json_mode: bool = False, names: dict[str, str] | None = None, prefix: str | None = None
) -> JsonObject:
    litellm = load()
    found = litellm.AnthropicConfig().transform_parsed_response(
        completion_response=json.loads(json.dumps(document)),
        raw_response=httpx.Response(200),
        model_response=litellm.ModelResponse(),
        json_mode=json_mode,
        prefix_prompt=prefix,
        tool_name_reverse_map=names,
    )
    return translated.whole("anthropic", found.model_dump(), document)


def shown(parse: Parse, events: Iterable[JsonObject]) -> list[Any]:
    """What a client sees of a stream, and what the ledger is told; an error ends it."""
    reader, out = Reader(ASKED, str), []
    for event in events:
        try:
            raw = parse(json.loads(json.dumps(event)))
        except Exception:
            return [*out, "unreadable"]
        chunk = None if raw is None else reader.read(raw)
        if chunk is not None:
            frame = json.loads(chunk.frame[6:]) if chunk.frame else {}
            visible = {name: value for name, value in frame.items() if name not in {"id", "created"}}
            out.append((visible, chunk.text, chunk.content, chunk.finish, chunk.usage))
    last = reader.usage_chunk()
    return [*out, reader.finished, None if last is None else json.loads(last.frame[6:])["usage"]]


def whole(read: Any, document: JsonObject, **reading: Any) -> Any:
    try:
        found = cleaned(read(document, **reading))
    except Exception:
        return "unreadable"
    assert str(found.body.pop("id")).startswith("chatcmpl-")
    assert isinstance(found.body.pop("created"), int)
    return found


# --- by example -----------------------------------------------------------------------------------------------------

USED = {"input_tokens": 10, "output_tokens": 1}
CACHED = {
    **USED, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 3, "service_tier": "standard",
    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0}, "inference_geo": "us",
}  # fmt: skip
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
    {"type": "web_search_result", "url": "https://a.example", "title": "A", "encrypted_content": "e"}]}  # fmt: skip
RAN = {"type": "bash_code_execution_tool_result", "tool_use_id": "srvtoolu_1", "content": {"type": "x", "stdout": "1"}}
QUOTED = {"type": "text", "text": "It is so.", "citations": [{"type": "char_location", "cited_text": "so"}]}
THOUGHT = {"type": "thinking", "thinking": "Hm. ", "signature": "c2ln"}
HIDDEN = {"type": "redacted_thinking", "data": "aGlkZGVu"}
TOOL = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"where": "Zürich"}}
OTHER = {"type": "tool_use", "id": "toolu_2", "name": "a_b", "input": {}}
CALLED = {**TOOL, "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}}
AS_JSON = {"type": "tool_use", "id": "toolu_3", "name": "json_tool_call", "input": {"a": 1}}
IN_VALUES = {**AS_JSON, "input": {"values": {"a": 1}}}
TEXT = {"type": "text", "text": "Dîner à huit heures, 約束だよ 🍜"}
CONTENTS: dict[str, list[JsonObject]] = {
    "text": [TEXT],
    "texts": [TEXT, TEXT],
    "nothing": [],
    "empty": [{"type": "text", "text": ""}],
    "thoughts": [THOUGHT, TEXT],
    "hidden thoughts": [HIDDEN, THOUGHT, TEXT],
    "only hidden": [HIDDEN],
    "a call": [TEXT, TOOL],
    "calls": [TOOL, OTHER, CALLED],
    "a search": [SEARCH, FOUND, QUOTED, TOOL],
    "a search between": [TOOL, SEARCH, FOUND, OTHER],
    "code that ran": [{**SEARCH, "name": "bash_code_execution", "input": {"command": "ls"}}, RAN, TEXT],
    "json": [AS_JSON],
    "json in values": [IN_VALUES],
    "json and a call": [TEXT, AS_JSON, TOOL],
    "json and a search": [SEARCH, FOUND, AS_JSON],
    "thoughts and json": [THOUGHT, AS_JSON],
    "compacted": [{"type": "compaction", "content": "so far"}, TEXT],
    "new kind": [{"type": "hologram", "data": "x"}, TEXT],
    "no kind": [{"text": "x"}],
}
READINGS: dict[str, dict[str, Any]] = {"plain": {}, "json": JSON, "names": NAMES}


@pytest.mark.parametrize("how", READINGS)
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("reason", ["end_turn", "tool_use"])
def test_a_whole_answer_is_read_as_litellm_reads_it(how: str, content: str, reason: str) -> None:
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": CONTENTS[content],
              "stop_reason": reason, "stop_sequence": None, "usage": CACHED}  # fmt: skip
    expected = whole(litellms_completion, answer, **READINGS[how])
    assert whole(completion, answer, **READINGS[how]) == expected
    assert (expected == "unreadable") is (content == "no kind")


@pytest.mark.parametrize("text", ["Argentina is", "is", ""])
def test_what_an_answer_was_to_begin_with_is_put_before_it(text: str) -> None:
    answer = {"model": "m", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": USED}
    expected = whole(litellms_completion, answer, prefix="Argentina")
    assert whole(completion, answer, prefix="Argentina") == expected
    assert expected.body["choices"][0]["message"]["content"].startswith("Argentina")


@pytest.mark.parametrize("missing", ["content", "stop_reason", "usage", "model"])
def test_an_answer_without_what_it_must_have_cannot_be_read(missing: str) -> None:
    answer = {"model": "m", "content": [TEXT], "stop_reason": "end_turn", "usage": USED}
    del answer[missing]
    assert whole(completion, answer) == whole(litellms_completion, answer) == "unreadable"


def test_each_reason_to_stop_is_litellms() -> None:
    core: Any = importlib.import_module("litellm.litellm_core_utils.core_helpers")
    reasons = {*FINISH, "pause_turn", "model_context_window_exceeded", "something_new"}
    assert {each: FINISH.get(each, "stop") for each in reasons} == {
        each: core.map_finish_reason(each) for each in reasons
    }


def streamed(blocks: list[JsonObject], reason: str | None, start: JsonObject, end: JsonObject) -> list[JsonObject]:
    """An answer as Anthropic streams it, each block in a few pieces."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [], "usage": start}
    events: list[JsonObject] = [{"type": "message_start", "message": message}, {"type": "ping"}]
    for index, block in enumerate(blocks):
        begun, deltas = pieces(block)
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": reason, "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": ended, "usage": end}, {"type": "message_stop"}]


def pieces(block: JsonObject) -> tuple[JsonObject, list[JsonObject]]:
    """How a block begins in a stream, and what follows."""
    kind = block.get("type")
    if kind == "text":
        cited = [{"type": "citations_delta", "citation": each} for each in block.get("citations", ())]
        return {**block, "text": ""}, [{"type": "text_delta", "text": each} for each in halves(block["text"])] + cited
    if kind == "thinking":
        thoughts = [{"type": "thinking_delta", "thinking": each} for each in halves(block["thinking"])]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": kind, "thinking": "", "signature": ""}, [*thoughts, signed]
    if kind in {"tool_use", "server_tool_use"}:
        arguments = json.dumps(block["input"], ensure_ascii=False) if block["input"] else ""
        parts = [{"type": "input_json_delta", "partial_json": each} for each in ("", *halves(arguments))]
        return {**block, "input": {}}, parts
    return block, []


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]


@pytest.mark.parametrize("how", READINGS)
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "refusal", None])
def test_a_stream_is_read_as_litellm_reads_it(how: str, content: str, reason: str | None) -> None:
    events = streamed(CONTENTS[content], reason, CACHED, {"output_tokens": 5})
    expected = shown(litellms_events(**READINGS[how]), events)
    assert shown(Events(**READINGS[how]), events) == expected
    assert expected[-1] == "unreadable" or expected[-2] is (reason is not None)


# --- by strategy ----------------------------------------------------------------------------------------------------

QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
COUNT = st.none() | st.integers(0, 1_000)
WRITTEN_FOR = st.dictionaries(st.sampled_from(["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]), COUNT)
TOKENS = {
    "input_tokens": COUNT,
    "output_tokens": COUNT | st.floats(0, 100),
    "cache_read_input_tokens": COUNT,
    "cache_creation_input_tokens": COUNT,
    "cache_creation": st.none() | WRITTEN_FOR,
    "output_tokens_details": st.none() | st.fixed_dictionaries({"thinking_tokens": st.integers(-1, 1_000)}),
}
STEPS = st.lists(st.fixed_dictionaries({}, optional={**TOKENS, "output_tokens": COUNT}), max_size=3)
USAGE = st.fixed_dictionaries(
    {},
    optional={
        **TOKENS,
        "iterations": st.none() | STEPS,
        "service_tier": st.none() | st.sampled_from(["standard", "batch"]),
        "server_tool_use": st.none() | st.just({"web_search_requests": 2}),
        "inference_geo": st.just("us"),
        "speed": st.just("fast"),
    },
)
WORDS = st.text(max_size=6) | st.sampled_from(["{}", '"a"', "1e5", " 1", '{"values": 2}', "null", '{"é": '])
NAME = st.sampled_from(["look_up", "a_b", "json_tool_call", "web_search", "bash_code_execution"])
IDENTITY = st.sampled_from(["toolu_1", "toolu_2", "srvtoolu_1", "srvtoolu_2"])
CALLS = st.builds(
    lambda kind, identity, name, given, caller: {"type": kind, "id": identity, "name": name, "input": given, **caller},
    st.sampled_from(["tool_use", "server_tool_use"]),
    IDENTITY,
    NAME,
    st.dictionaries(WORDS, st.integers() | WORDS, max_size=2),
    st.sampled_from([{}, {"caller": {"type": "direct"}}, {"caller": None}]),
).filter(lambda call: not (call["id"].startswith("srvtoolu_") and call["name"] == "json_tool_call"))
BLOCKS = (
    st.builds(lambda text: {"type": "text", "text": text}, WORDS)
    | st.sampled_from([QUOTED, HIDDEN, THOUGHT, {**THOUGHT, "more": 1}, FOUND, RAN, AS_JSON, IN_VALUES])
    | CALLS
)
REASON = st.sampled_from([None, *FINISH, "pause_turn", "something_new"])
READING = st.sampled_from([{}, JSON, NAMES, {**JSON, **NAMES}])
DELTAS = (
    st.builds(lambda text: {"type": "text_delta", "text": text}, WORDS)
    | st.builds(lambda text: {"type": "input_json_delta", "partial_json": text}, WORDS)
    | st.builds(lambda text: {"type": "thinking_delta", "thinking": text}, WORDS)
    | st.builds(lambda text: {"type": "signature_delta", "signature": text}, WORDS)
    | st.sampled_from([{"type": "citations_delta", "citation": {"cited_text": "x"}}, {"type": "compaction_delta", "content": "x"}])
)  # fmt: skip
EVENTS = (
    st.builds(lambda delta: {"type": "content_block_delta", "index": 0, "delta": delta}, DELTAS)
    | st.builds(lambda block: {"type": "content_block_start", "index": 0, "content_block": block}, BLOCKS)
    | st.builds(lambda used, why: {"type": "message_delta", "delta": {"stop_reason": why}, "usage": used}, USAGE, REASON)
    | st.builds(lambda used: {"type": "message_start", "message": {"model": "claude", "usage": used}}, USAGE)
    | st.sampled_from(
        [
            {"type": "ping"}, {"type": "content_block_stop", "index": 0}, {"type": "message_stop"}, {"type": "news"}, {},
            {"type": "message_start", "message": {}}, {"type": "message_delta", "delta": {}}, {"type": "error"},
        ]
    )
)  # fmt: skip


def sound(events: list[JsonObject]) -> list[JsonObject]:
    """Without deltas that no call has: LiteLLM makes an empty object of arguments that never came."""
    kept, kind = [], None
    for event in events:
        kind = event["content_block"].get("type") if "content_block" in event else kind
        if kind not in {"tool_use", "server_tool_use"} or event.get("delta", {}).get("type") in {
            None,
            "input_json_delta",
        }:
            kept.append(event)
    return kept


@QUICK
@given(USAGE, st.booleans())
def test_usage_is_counted_as_litellm_counts_it(said: JsonObject, streaming: bool) -> None:
    told = bool(said.get("output_tokens_details"))
    counted = load().AnthropicConfig().calculate_usage(
        usage_object=said, reasoning_content=None, completion_response=None if streaming else {"content": []}
    )  # fmt: skip
    expected = counted.model_dump()
    translated.without_estimate(expected, said)
    assert usage(said, thoughts=told) == usage_body(expected)


@QUICK
@given(st.lists(BLOCKS, max_size=5), REASON, USAGE, READING)
def test_any_whole_answer_is_read_as_litellm_reads_it(
    blocks: list[JsonObject], reason: str | None, used: JsonObject, reading: dict[str, Any]
) -> None:
    answer = {"model": "claude", "content": blocks, "stop_reason": reason, "usage": used}
    assert whole(completion, answer, **reading) == whole(litellms_completion, answer, **reading)


@QUICK
@given(st.lists(BLOCKS, max_size=5), REASON, USAGE, USAGE, READING)
def test_any_stream_is_read_as_litellm_reads_it(
    blocks: list[JsonObject], reason: str | None, start: JsonObject, end: JsonObject, reading: dict[str, Any]
) -> None:
    events = streamed(blocks, reason, start, end)
    assert shown(Events(**reading), events) == shown(litellms_events(**reading), events)


@QUICK
@given(st.lists(EVENTS, max_size=12).map(sound), READING)
def test_events_in_any_order_are_read_as_litellm_reads_them(events: list[JsonObject], reading: dict[str, Any]) -> None:
    assert shown(Events(**reading), events) == shown(litellms_events(**reading), events)
