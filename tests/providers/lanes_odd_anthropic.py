"""What Anthropic may answer and no recorded exchange has, event by event; names say what is odd about it."""

from __future__ import annotations

import json
from typing import Any

from tests.providers.lanes_odd import WORDS
from tests.providers.lanes_odd_streams import JSON, SSE
from tests.providers.replay import Recorded

START_USAGE = {"input_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1}


def started(**members: Any) -> dict[str, Any]:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [],
        "stop_reason": None,
    }
    return {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": START_USAGE, **members}}


def block(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **members}}


def delta(index: int, kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def text(words: str, index: int = 0) -> dict[str, Any]:
    return delta(index, "text_delta", text=words)


def stopped(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def ended(reason: str | None = "end_turn", usage: Any = None, **members: Any) -> dict[str, Any]:
    usage = {"output_tokens": 7} if usage is None else usage
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None, **members}, "usage": usage}


END = {"type": "message_stop"}
PING = {"type": "ping"}
HI = (block(0, "text", text=""), text("Hi"), stopped())


def events(*given: dict[str, Any]) -> bytes:
    return b"".join(f"event: {each.get('type')}\ndata: {json.dumps(each)}\n\n".encode() for each in given)


def stream(*given: dict[str, Any], **members: Any) -> Recorded:
    return Recorded(events(*given), headers=SSE, **members)


def tool(index: int, *pieces: str, **members: Any) -> list[dict[str, Any]]:
    named = {"id": f"toolu_{index}", "name": "f", "input": {}, **members}
    return [
        block(index, members.get("type", "tool_use"), **{key: value for key, value in named.items() if key != "type"}),
        *(delta(index, "input_json_delta", partial_json=each) for each in pieces),
        stopped(index),
    ]


def failed(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "It failed.", **members}}


FOUND = {"tool_use_id": "srvtoolu_1", "content": []}
ANTHROPIC_STREAMS: dict[str, Recorded] = {
    "good": stream(started(), PING, *HI, ended(), END),
    "nothing": Recorded(b"", headers=SSE),
    "start-alone": stream(started()),
    "no-start": stream(*HI, ended(), END),
    "no-stop-event": stream(started(), *HI, ended()),
    "no-end": stream(started(), *HI),
    "no-end-but-stop": stream(started(), *HI, END),
    "end-without-reason": stream(started(), *HI, ended(None), END),
    "end-alone": stream(started(), ended(), END),
    **{
        f"ends-{reason}": stream(started(), *HI, ended(reason), END)
        for reason in ("max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded", "new")
    },
    "ends-at-a-sequence": stream(started(), *HI, ended("stop_sequence", stop_sequence="END"), END),
    "ends-twice": stream(started(), *HI, ended(), ended(), END),
    "usage-absent": stream(started(usage=None), *HI, ended(usage={}), END),
    "usage-null": stream(started(usage=None), *HI, {**ended(), "usage": None}, END),
    "usage-start-alone": stream(started(), *HI, {key: value for key, value in ended().items() if key != "usage"}, END),
    "usage-end-alone": stream(started(usage={}), *HI, ended(usage={"input_tokens": 9, "output_tokens": 7}), END),
    "usage-whole-at-the-end": stream(started(), *HI, ended(usage={**START_USAGE, "output_tokens": 7}), END),
    "usage-grows": stream(started(), *HI, ended(usage={"input_tokens": 105, "cache_read_input_tokens": 2, "output_tokens": 7}), END),
    "usage-rich": stream(
        started(usage={**START_USAGE, "service_tier": "standard", "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0}}),
        *HI, ended(usage={"output_tokens": 7, "server_tool_use": {"web_search_requests": 1}, "output_tokens_details": {"thinking_tokens": 4}}), END,
    ),
    "usage-zero": stream(started(usage={"input_tokens": 0, "output_tokens": 0}), *HI, ended(usage={"output_tokens": 0}), END),
    "usage-nulls": stream(started(usage={**START_USAGE, "cache_read_input_tokens": None, "cache_creation_input_tokens": None}), *HI, ended(), END),
    "usage-of-words": stream(started(usage={"input_tokens": "5"}), *HI, ended(usage={"output_tokens": "7"}), END),
    "usage-huge": stream(started(usage={"input_tokens": 10**15}), *HI, ended(usage={"output_tokens": 10**18}), END),
    "no-blocks": stream(started(), ended(), END),
    "empty-text": stream(started(), block(0, "text", text=""), text(""), stopped(), ended(), END),
    "text-in-the-block": stream(started(), block(0, "text", text="Well, "), text("Hi"), stopped(), ended(), END),
    "two-texts": stream(started(), *HI, block(1, "text", text=""), text("again", 1), stopped(1), ended(), END),
    "block-unstarted": stream(started(), text("Hi"), ended(), END),
    "block-unstopped": stream(started(), block(0, "text", text=""), text("Hi"), ended(), END),
    "block-new": stream(started(), block(0, "new_kind", a=1), delta(0, "new_delta", a=1), stopped(), ended(), END),
    "delta-new": stream(started(), block(0, "text", text=""), delta(0, "new_delta", a=1), text("Hi"), stopped(), ended(), END),
    "event-new": stream(started(), {"type": "new_event", "a": 1}, *HI, ended(), END),
    "event-untyped": stream(started(), {"a": 1}, *HI, ended(), END),
    "characters": stream(started(), block(0, "text", text=""), text("Dîner 約束だよ 🍜"), stopped(), ended(), END),
    "surrogates-apart": stream(started(), block(0, "text", text=""), text("\ud83c"), text("\udf5c"), stopped(), ended(), END),
    "tool": stream(started(), *tool(0, "", '{"a"', ": 1}"), ended("tool_use"), END),
    "tool-without-input": stream(started(), *tool(0), ended("tool_use"), END),
    "tool-empty-input": stream(started(), *tool(0, ""), ended("tool_use"), END),
    "tool-input-in-the-block": stream(started(), *tool(0, input={"a": 1}), ended("tool_use"), END),
    "tool-after-text": stream(started(), *HI, *tool(1, "{}"), ended("tool_use"), END),
    "tools": stream(started(), *HI, *tool(1, "{", "}"), *tool(2, '{"b": 2}'), ended("tool_use"), END),
    "tools-with-text-between": stream(started(), *tool(0, "{}"), block(1, "text", text=""), text("and", 1), stopped(1), *tool(2, "{}"), ended("tool_use"), END),
    "tool-of-theirs": stream(
        started(), block(0, "server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query": "x"}'), stopped(),
        block(1, "web_search_tool_result", **FOUND), stopped(1), *tool(2, "{}"), ended("tool_use"), END,
    ),
    "tool-of-theirs-alone": stream(
        started(), block(0, "server_tool_use", id="srvtoolu_1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query": "x"}'), stopped(),
        block(1, "web_search_tool_result", **FOUND), stopped(1), block(2, "text", text=""), text("So", 2), stopped(2), ended(), END,
    ),
    "tool-for-json": stream(started(), *tool(0, '{"a": 1}', name="json_tool_call"), ended("tool_use"), END),
    "thinking": stream(
        started(), block(0, "thinking", thinking="", signature=""), delta(0, "thinking_delta", thinking="Hm"),
        delta(0, "signature_delta", signature="c2ln"), stopped(), block(1, "text", text=""), text("Hi", 1), stopped(1), ended(), END,
    ),
    "thinking-in-the-block": stream(started(), block(0, "thinking", thinking="Hm", signature="c2ln"), stopped(), *HI, ended(), END),
    "thinking-redacted": stream(started(), block(0, "redacted_thinking", data="x"), stopped(), block(1, "text", text=""), text("Hi", 1), stopped(1), ended(), END),
    "thinking-unsigned": stream(started(), block(0, "thinking", thinking=""), delta(0, "thinking_delta", thinking="Hm"), stopped(), ended(), END),
    "citations": stream(
        started(), block(0, "text", text="", citations=[]), text("Hi"),
        delta(0, "citations_delta", citation={"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1}),
        stopped(), ended(), END,
    ),
    "overloaded": stream(started(), *HI, failed("overloaded_error")),
    "overloaded-first": stream(failed("overloaded_error")),
    "limited": stream(started(), failed("rate_limit_error")),
    "error-after-the-end": stream(started(), *HI, ended(), failed("api_error")),
    "error-details": stream(started(), failed("api_error", details={"a": 1})),
    "error-words": stream(started(), {"type": "error", "error": "It failed."}),
    "error-empty": stream(started(), {"type": "error"}, *HI, ended(), END),
    "role-of-user": stream(started(role="user"), *HI, ended(), END),
    "start-with-content": stream(started(content=[{"type": "text", "text": "Hi"}]), ended(), END),
    "start-twice": stream(started(), *HI, started(), ended(), END),
    "start-null": stream({"type": "message_start", "message": None}, *HI, ended(), END),
    "container": stream(started(container={"id": "c"}), *HI, ended(container={"id": "c"}), END),
    "context-management": stream(started(), *HI, {**ended(), "context_management": {"applied_edits": []}}, END),
    "done": Recorded(events(started(), *HI, ended(), END) + b"data: [DONE]\n\n", headers=SSE),
    "no-names": Recorded(b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (started(), *HI, ended(), END)), headers=SSE),
    "crlf": Recorded(events(started(), *HI, ended(), END).replace(b"\n", b"\r\n"), headers=SSE),
    "no-json": Recorded(events(started(), *HI) + b"event: x\ndata: {nonsense\n\n" + events(ended(), END), headers=SSE),
    "not-objects": Recorded(events(started()) + b"data: [1]\n\ndata: 5\n\n" + events(*HI, ended(), END), headers=SSE),
    "cut": stream(started(), *HI, ended(), END, cut=500),
    "cut-after-the-end": Recorded(events(started(), *HI, ended()), headers=SSE, cut=10_000),
    "html": Recorded(b"<html>Welcome</html>", headers={"content-type": "text/html"}),
    "json-for-events": Recorded(b'{"type": "error", "error": {"type": "api_error", "message": "no"}}'),
    "runaway": stream(started(), block(0, "text", text=""), *[text("x")] * 200, stopped(), ended(), END),
}  # fmt: skip


def message(*content: dict[str, Any], reason: str | None = "end_turn", **members: Any) -> Recorded:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [*content],
        "stop_reason": reason,
    }
    return Recorded(
        json.dumps({**body, "stop_sequence": None, "usage": {**START_USAGE, "output_tokens": 7}, **members}).encode()
    )


SAID = {"type": "text", "text": "Hi"}
USES = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}}
ANTHROPIC_ANSWERS: dict[str, Recorded] = {
    "good": message(SAID),
    "no-content": message(),
    "content-null": message(content=None),
    "two-texts": message(SAID, {"type": "text", "text": " again"}),
    "empty-text": message({"type": "text", "text": ""}),
    **{
        f"ends-{reason}": message(SAID, reason=reason)
        for reason in ("max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded", "new", None)
    },
    "sequence": message(SAID, reason="stop_sequence", stop_sequence="END"),
    "tool": message(SAID, USES, reason="tool_use"),
    "tools": message(USES, {**USES, "id": "toolu_2", "input": {}}, reason="tool_use"),
    "tool-for-json": message({**USES, "name": "json_tool_call"}, reason="tool_use"),
    "tool-of-theirs": message({**USES, "type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}, {"type": "web_search_tool_result", **FOUND}, SAID, USES, reason="tool_use"),
    "thinking": message({"type": "thinking", "thinking": "Hm", "signature": "c2ln"}, SAID),
    "thinking-redacted": message({"type": "redacted_thinking", "data": "x"}, SAID),
    "thinking-alone": message({"type": "thinking", "thinking": "Hm", "signature": "c2ln"}),
    "citations": message({**SAID, "citations": [{"type": "char_location", "cited_text": "x", "document_index": 0}]}),
    "block-new": message({"type": "new_kind", "a": 1}, SAID),
    "usage-absent": message(SAID, usage=None),
    "usage-empty": message(SAID, usage={}),
    "usage-rich": message(SAID, usage={**START_USAGE, "output_tokens_details": {"thinking_tokens": 4}, "server_tool_use": {"web_search_requests": 1}, "service_tier": "standard"}),
    "usage-of-words": message(SAID, usage={"input_tokens": "5", "output_tokens": "7"}),
    "usage-huge": message(SAID, usage={"input_tokens": 10**15, "output_tokens": 10**18}),
    "container": message(SAID, container={"id": "c", "expires_at": "x"}),
    "error": Recorded(json.dumps(failed("api_error")).encode()),
    "empty": Recorded(b""),
    "null": Recorded(b"null"),
    "list": Recorded(b"[]"),
    "no-json": Recorded(b"{nonsense"),
    "html": Recorded(b"<html></html>", headers={"content-type": "text/html"}),
    "in-openais-format": Recorded(b'{"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}'),
    "characters": message({"type": "text", "text": "Dîner 約束 🍜\u2028"}),
    "surrogate": message({"type": "text", "text": "\ud83c"}),
    "cut": Recorded(b'{"id": "msg_1", "type"', cut=10),
}  # fmt: skip
KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
KINDS |= {
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}
ANTHROPIC_REFUSALS: dict[str, Recorded] = {
    **{f"{status}": Recorded(json.dumps(failed(kind)).encode(), status) for status, kind in KINDS.items()},
    **{f"429-{name}": Recorded(words, 429, JSON | {"retry-after": "3"}) for name, words in WORDS.items()},
    "400-window": Recorded(
        json.dumps(failed("invalid_request_error", message="prompt is too long: 9 tokens")).encode(), 400
    ),
    "400-credit": Recorded(
        json.dumps(failed("invalid_request_error", message="Your credit balance is too low")).encode(), 400
    ),
    "400-policy": Recorded(
        json.dumps(failed("invalid_request_error", message="Output blocked by content filtering policy")).encode(), 400
    ),
}
