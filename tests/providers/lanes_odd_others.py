"""What Anthropic and Gemini may answer and no recorded exchange has, event by event; names say what is odd about it."""

from __future__ import annotations

import json
from typing import Any

from tests.providers.lanes_odd import JSON, SSE, WORDS
from tests.providers.replay import Recorded

# --- Anthropic --------------------------------------------------------------------------------------------------------

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

# --- Gemini -----------------------------------------------------------------------------------------------------------

COUNTED = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
CALL = {"functionCall": {"name": "f", "args": {"a": 1}}}


def candidate(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> dict[str, Any]:
    out = {"content": {"parts": [*parts], "role": "model"}, "index": 0, **members}
    return out if finish is None else {**out, "finishReason": finish}


def says(*candidates: dict[str, Any], usage: Any = COUNTED, **members: Any) -> dict[str, Any]:
    told = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [*candidates], **told, "modelVersion": "m-1", "responseId": "r-1", **members}


def part(words: str, **members: Any) -> dict[str, Any]:
    return {"text": words, **members}


def sse(*given: Any, **members: Any) -> Recorded:
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in given)
    return Recorded(body, headers=SSE, **members)


A, B, Z = says(candidate(part("H"))), says(candidate(part("i"))), says(candidate(part("!"), finish="STOP"))
FINISHES = (
    "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII",
    "MALFORMED_FUNCTION_CALL", "IMAGE_SAFETY", "UNEXPECTED_TOOL_CALL", "FINISH_REASON_UNSPECIFIED", "NEW",
)  # fmt: skip
GEMINI_SAYS: dict[str, list[Any]] = {  # each as a stream; the last alone as a whole answer
    "good": [A, B, Z],
    "at-once": [says(candidate(part("Hi"), finish="STOP"))],
    **{f"ends-{finish}": [A, says(candidate(part("x"), finish=finish))] for finish in FINISHES},
    **{f"ends-empty-{finish}": [A, says(candidate(finish=finish))] for finish in ("STOP", "SAFETY", "MALFORMED_FUNCTION_CALL")},
    "ends-without-content": [A, says({"finishReason": "STOP", "index": 0})],
    "ends-safety-rated": [says({"finishReason": "SAFETY", "index": 0, "safetyRatings": [{"category": "C", "probability": "HIGH", "blocked": True}]})],
    "ends-with-a-message": [A, says(candidate(finish="OTHER", finishMessage="why"))],
    "no-end": [A, B],
    "ends-twice": [A, Z, Z],
    "after-the-end": [A, Z, B],
    "blocked": [{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}],
    "blocked-without-usage": [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}}],
    "no-candidates": [A, {"usageMetadata": COUNTED}, Z],
    "no-candidates-at-all": [{"usageMetadata": COUNTED}],
    "candidates-empty": [says()],
    "candidates-null": [{**A, "candidates": None}, Z],
    "content-null": [says({"content": None, "finishReason": "STOP", "index": 0})],
    "content-empty": [says({"content": {}, "finishReason": "STOP", "index": 0})],
    "parts-null": [says({"content": {"parts": None, "role": "model"}, "finishReason": "STOP", "index": 0})],
    "part-empty": [A, says(candidate({}, finish="STOP"))],
    "text-empty": [A, says(candidate(part(""), finish="STOP"))],
    "two-parts": [says(candidate(part("H"), part("i"), finish="STOP"))],
    "index-missing": [says({"content": {"parts": [part("Hi")], "role": "model"}, "finishReason": "STOP"})],
    "two-candidates": [
        says(candidate(part("a")), candidate(part("b"), index=1)),
        says(candidate(part("A"), finish="STOP"), candidate(part("B"), index=1, finish="MAX_TOKENS")),
    ],
    "thoughts": [says(candidate(part("Hm", thought=True))), A, Z],
    "thoughts-beside": [says(candidate(part("Hm", thought=True), part("Hi"), finish="STOP"))],
    "thoughts-signed": [says(candidate(part("Hi", thoughtSignature="c2ln"), finish="STOP"))],
    "thoughts-signed-empty": [A, says(candidate(part("", thoughtSignature="c2ln"), finish="STOP"))],
    "thoughts-alone": [says(candidate(part("Hm", thought=True), finish="STOP"))],
    "call": [says(candidate(CALL, finish="STOP"))],
    "call-with-id": [says(candidate({"functionCall": {**CALL["functionCall"], "id": "fc-1"}}, finish="STOP"))],
    "call-signed": [says(candidate({**CALL, "thoughtSignature": "c2ln"}, finish="STOP"))],
    "call-without-args": [says(candidate({"functionCall": {"name": "f"}}, finish="STOP"))],
    "call-args-null": [says(candidate({"functionCall": {"name": "f", "args": None}}, finish="STOP"))],
    "call-nested": [says(candidate({"functionCall": {"name": "f", "args": {"a": {"b": [1, 2.5, None, "é\u2028"]}}}}, finish="STOP"))],
    "calls-at-once": [says(candidate(CALL, CALL, finish="STOP"))],
    "calls-one-by-one": [says(candidate(CALL)), says(candidate(CALL)), says(candidate(finish="STOP"))],
    "call-after-text": [A, says(candidate(CALL, finish="STOP"))],
    "call-then-the-end": [says(candidate(CALL)), says(candidate(part(""), finish="STOP"))],
    "call-and-limit": [says(candidate(CALL, finish="MAX_TOKENS"))],
    "code": [says(candidate({"executableCode": {"language": "PYTHON", "code": "1+1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}, part("2"), finish="STOP"))],
    "picture": [says(candidate({"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, finish="STOP"))],
    "sound": [says(candidate({"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}}, finish="STOP"))],
    "grounded": [A, says(candidate(part("!"), finish="STOP", groundingMetadata={"webSearchQueries": ["q"], "groundingChunks": [{"web": {"uri": "u", "title": "t"}}], "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 1, "text": "H"}, "groundingChunkIndices": [0]}]}))],
    "grounded-emptily": [says(candidate(part("Hi"), finish="STOP", groundingMetadata={}))],
    "cited": [says(candidate(part("Hi"), finish="STOP", citationMetadata={"citationSources": [{"uri": "u", "startIndex": 0, "endIndex": 1}]}))],
    "rated": [says(candidate(part("Hi"), finish="STOP", safetyRatings=[{"category": "C", "probability": "LOW"}]))],
    "url-context": [says(candidate(part("Hi"), finish="STOP", urlContextMetadata={"urlMetadata": []}))],
    "logprobs": [says(candidate(part("Hi"), finish="STOP", avgLogprobs=-0.1, logprobsResult={"chosenCandidates": [{"token": "Hi", "logProbability": -0.1}], "topCandidates": [{"candidates": [{"token": "Hi", "logProbability": -0.1}]}]}))],
    "usage-absent": [says(candidate(part("Hi"), finish="STOP"), usage=None)],
    "usage-empty": [says(candidate(part("Hi"), finish="STOP"), usage={})],
    "usage-last-only": [says(candidate(part("H")), usage=None), Z],
    "usage-first-only": [A, says(candidate(part("!"), finish="STOP"), usage=None)],
    "usage-after": [A, says(candidate(part("!"), finish="STOP"), usage=None), {"usageMetadata": COUNTED}],
    "usage-prompt-only": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": 5, "totalTokenCount": 5})],
    "usage-thoughts": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"thoughtsTokenCount": 9, "totalTokenCount": 21})],
    "usage-thoughts-within": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"thoughtsTokenCount": 4, "totalTokenCount": 12})],
    "usage-cached": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"cachedContentTokenCount": 3, "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 3}]})],
    "usage-modes": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}, {"modality": "AUDIO", "tokenCount": 2}, {"modality": "IMAGE", "tokenCount": 1}],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 4}]})],
    "usage-mode-uncounted": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"promptTokensDetails": [{"modality": "TEXT"}]})],
    "usage-tools": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"toolUsePromptTokenCount": 11, "toolUsePromptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}], "totalTokenCount": 23})],
    "usage-traffic": [says(candidate(part("Hi"), finish="STOP"), usage=COUNTED | {"trafficType": "ON_DEMAND"})],
    "usage-zero": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0})],
    "usage-huge": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": 10**15, "candidatesTokenCount": 10**18, "totalTokenCount": 10**18})],
    "usage-of-words": [says(candidate(part("Hi"), finish="STOP"), usage={"promptTokenCount": "5"})],
    "error": [A, {"error": {"code": 503, "message": "It failed.", "status": "UNAVAILABLE"}}],
    "error-first": [{"error": {"code": 429, "message": "It failed.", "status": "RESOURCE_EXHAUSTED", "details": []}}],
    "error-after-the-end": [A, Z, {"error": {"code": 500, "message": "It failed."}}],
    "error-list": [[{"error": {"code": 500, "message": "It failed."}}]],
    "characters": [says(candidate(part("Dîner 約束だよ 🍜\u2028"), finish="STOP"))],
    "surrogates-apart": [says(candidate(part("\ud83c"))), says(candidate(part("\udf5c"), finish="STOP"))],
    "no-names": [{"candidates": [candidate(part("Hi"), finish="STOP")], "usageMetadata": COUNTED}],
    "id-changes": [A, {**Z, "responseId": "r-2", "modelVersion": "m-2"}],
    "own-members": [says(candidate(part("Hi", own=1), finish="STOP", own=1), own=1, createTime="2026-01-01T00:00:00Z")],
    "array-for-events": [[A, Z]],
    "runaway": [*[A] * 200, Z],
}  # fmt: skip
GEMINI_STREAMS = {name: sse(*given) for name, given in GEMINI_SAYS.items()} | {
    "nothing": Recorded(b"", headers=SSE),
    "done": Recorded(sse(A, Z).body + b"data: [DONE]\n\n", headers=SSE),
    "no-json": Recorded(sse(A).body + b"data: {nonsense\r\n\r\n" + sse(Z).body, headers=SSE),
    "not-objects": Recorded(b"data: 5\n\n" + sse(A, Z).body, headers=SSE),
    "array": Recorded(json.dumps([A, B, Z]).encode()),
    "json": Recorded(json.dumps(Z).encode()),
    "html": Recorded(b"<html></html>", headers={"content-type": "text/html"}),
    "cut": sse(A, B, Z, cut=200),
    "cut-after-the-end": sse(A, Z, cut=10_000),
}
GEMINI_ANSWERS = {name: Recorded(json.dumps(given[-1]).encode()) for name, given in GEMINI_SAYS.items()} | {
    "empty": Recorded(b""),
    "null": Recorded(b"null"),
    "no-json": Recorded(b"{nonsense"),
    "nothing": Recorded(b"{}"),
    "html": Recorded(b"<html></html>", headers={"content-type": "text/html"}),
    "cut": Recorded(json.dumps(Z).encode(), cut=20),
}
WAIT = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def googles(status: int, word: str, *details: dict[str, Any], words: str = "It will not do.") -> Recorded:
    error = {"code": status, "message": words, "status": word, "details": [*details]}
    return Recorded(json.dumps({"error": error}).encode(), status)


GEMINI_REFUSALS: dict[str, Recorded] = {
    "400": googles(400, "INVALID_ARGUMENT"),
    "400-key": googles(400, "INVALID_ARGUMENT", BAD_KEY),
    "400-window": googles(400, "INVALID_ARGUMENT", words="The input exceeds the maximum number of tokens allowed"),
    "401": googles(401, "UNAUTHENTICATED"),
    "403": googles(403, "PERMISSION_DENIED"),
    "404": googles(404, "NOT_FOUND"),
    "429": googles(429, "RESOURCE_EXHAUSTED"),
    "429-wait": googles(429, "RESOURCE_EXHAUSTED", WAIT),
    "500": googles(500, "INTERNAL"),
    "503": googles(503, "UNAVAILABLE"),
    "504": googles(504, "DEADLINE_EXCEEDED"),
    "400-list": Recorded(b'[{"error": {"code": 400, "message": "It will not do."}}]', 400),
    **{f"400-{name}": Recorded(words, 400) for name, words in WORDS.items()},
}
