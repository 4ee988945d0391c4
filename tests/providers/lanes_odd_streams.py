"""Streams that no recorded exchange has: what providers of OpenAI's format, and servers in front of them, may send.

Each is one that a client could meet; names say what is odd about it.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

from tests.providers.replay import Recorded

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
RICH = USAGE | {
    "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 2, "audio_tokens": None},
}


def chunk(*choices: dict[str, Any], **members: Any) -> dict[str, Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "m-1"}
    return {**head, "choices": [*choices], **members}


def delta(finish: str | None = None, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"index": index, "delta": members, "finish_reason": finish}


def call(index: int | None, arguments: str, **members: Any) -> dict[str, Any]:
    place = {} if index is None else {"index": index}
    return {**place, **members, "function": {"arguments": arguments} | ({"name": "f"} if "id" in members else {})}


def sse(*events: Any, done: bool = True) -> bytes:
    said = [each if isinstance(each, str) else json.dumps(each) for each in (*events, *(["[DONE]"] if done else []))]
    return b"".join(f"data: {each}\n\n".encode() for each in said)


ROLE, HI = chunk(delta(role="assistant", content="")), chunk(delta(content="Hi"))
STOP, TOLD = chunk(delta("stop")), chunk(usage=USAGE)
GOOD = sse(ROLE, HI, STOP, TOLD)


def stream(*events: Any, done: bool = True, **headers: str) -> Recorded:
    return Recorded(sse(*events, done=done), headers=SSE | headers)


def bytes_of(body: bytes, **members: Any) -> Recorded:
    return Recorded(body, **{"headers": SSE, **members})


STREAMS: dict[str, Recorded] = {
    "good": stream(ROLE, HI, STOP, TOLD),
    "no-done": stream(ROLE, HI, STOP, TOLD, done=False),
    "nothing": bytes_of(b""),
    "done-alone": stream(),
    "no-finish": stream(ROLE, HI),
    "no-finish-but-usage": stream(ROLE, HI, TOLD),
    "finish-alone": stream(STOP),
    "usage-alone": stream(TOLD),
    "usage-with-the-end": stream(ROLE, HI, chunk(delta("stop"), usage=USAGE)),
    "usage-with-the-end-and-after": stream(ROLE, HI, chunk(delta("stop"), usage=USAGE), TOLD),
    "usage-in-every-chunk": stream(
        *(chunk(delta(content=each), usage=USAGE | {"completion_tokens": at}) for at, each in enumerate("abc")),
        chunk(delta("stop"), usage=USAGE),
    ),
    "usage-null": stream(chunk(delta(content="Hi"), usage=None), chunk(delta("stop"), usage=None)),
    "usage-first": stream(TOLD, ROLE, HI, STOP),
    "usage-rich": stream(ROLE, HI, STOP, chunk(usage=RICH)),
    "usage-own-members": stream(ROLE, HI, STOP, chunk(usage=USAGE | {"cost": 0.1, "own": {"a": None, "b": 1}})),
    "usage-huge": stream(ROLE, HI, STOP, chunk(usage={"prompt_tokens": 10**15, "completion_tokens": 10**18})),
    "usage-of-words": stream(ROLE, HI, STOP, chunk(usage={"prompt_tokens": "5", "completion_tokens": None})),
    "usage-floats": stream(ROLE, HI, STOP, chunk(usage={"prompt_tokens": 5.0, "completion_tokens": 7.5})),
    "usage-negative": stream(ROLE, HI, STOP, chunk(usage={"prompt_tokens": -5, "completion_tokens": 7})),
    "usage-empty": stream(ROLE, HI, STOP, chunk(usage={})),
    "usage-list": stream(ROLE, HI, STOP, chunk(usage=[1])),
    "usage-of-groq": stream(ROLE, HI, chunk(delta("stop"), x_groq={"id": "r", "usage": USAGE})),
    "usage-of-deepseek": stream(ROLE, HI, STOP, chunk(usage=USAGE | {"prompt_cache_hit_tokens": 4})),
    "usage-without-choices": stream(ROLE, HI, STOP, {"id": "chatcmpl-1", "usage": USAGE}),
    "usage-choices-null": stream(ROLE, HI, STOP, {**TOLD, "choices": None}),
    "empty-deltas": stream(chunk(delta()), ROLE, chunk(delta()), HI, chunk(delta()), chunk(), STOP, TOLD),
    "empty-contents": stream(ROLE, chunk(delta(content="")), chunk(delta(content=None)), HI, STOP),
    "delta-null": stream({**ROLE, "choices": [{"index": 0, "delta": None}]}, HI, STOP),
    "delta-missing": stream(HI, {**ROLE, "choices": [{"index": 0, "finish_reason": "stop"}]}),
    "no-role": stream(HI, STOP, TOLD),
    "role-with-content": stream(chunk(delta(role="assistant", content="Hi")), STOP, TOLD),
    "role-every-time": stream(*(chunk(delta(role="assistant", content=each)) for each in "abc"), STOP, TOLD),
    "role-late": stream(HI, ROLE, STOP),
    "role-alone": stream(chunk(delta(role="assistant")), HI, STOP),
    "finish-with-content": stream(ROLE, chunk(delta("stop", content="Hi")), TOLD),
    "finish-empty": stream(chunk(delta("", role="assistant", content="Hi")), STOP),
    "finish-empty-only": stream(ROLE, chunk(delta("", content="Hi"))),
    "finish-length": stream(ROLE, HI, chunk(delta("length")), TOLD),
    "finish-tool-calls-without": stream(ROLE, HI, chunk(delta("tool_calls")), TOLD),
    "finish-own-word": stream(ROLE, HI, chunk(delta("eos")), TOLD),
    "finish-filter": stream(ROLE, chunk(delta("content_filter")), TOLD),
    "finish-twice": stream(ROLE, HI, STOP, STOP, TOLD),
    "content-after-finish": stream(ROLE, STOP, HI, TOLD),
    "finish-absent-member": stream(chunk({"index": 0, "delta": {"content": "Hi"}}), STOP),
    "finish-number": stream(ROLE, HI, chunk({"index": 0, "delta": {}, "finish_reason": 1})),
    "index-missing": stream(chunk({"delta": {"content": "Hi"}, "finish_reason": None}), STOP),
    "two-choices": stream(
        chunk(delta(role="assistant", content="a"), delta(index=1, role="assistant", content="b")),
        chunk(delta(index=1, content="B")), chunk(delta(content="A")), chunk(delta("stop", index=1)), STOP, TOLD,
    ),
    "two-choices-one-cut": stream(chunk(delta(content="a")), chunk(delta(index=1, content="b")), STOP),
    "two-choices-turned": stream(chunk(delta(index=1, content="b")), HI, STOP, chunk(delta("length", index=1))),
    "tool": stream(
        ROLE, chunk(delta(tool_calls=[call(0, "", id="c1", type="function")])), chunk(delta(tool_calls=[call(0, '{"a"')])),
        chunk(delta(tool_calls=[call(0, ":1}")])), chunk(delta("tool_calls")), TOLD,
    ),
    "tools-side-by-side": stream(
        chunk(delta(tool_calls=[call(0, "{", id="c1", type="function"), call(1, "{", id="c2", type="function")])),
        chunk(delta(tool_calls=[call(1, "}"), call(0, "}")])), chunk(delta("tool_calls")), TOLD,
    ),
    "tools-unnumbered": stream(
        ROLE, chunk(delta(tool_calls=[call(None, "{}", id="c1"), call(None, "{}", id="c2")])),
        chunk(delta("tool_calls", tool_calls=[call(None, "{}", id="c3")])), TOLD,
    ),
    "tool-empty-list": stream(chunk(delta(role="assistant", content="Hi", tool_calls=[])), chunk(delta("stop", tool_calls=[]))),
    "tool-null": stream(chunk(delta(role="assistant", content="Hi", tool_calls=None)), STOP),
    "tool-nulls-within": stream(
        chunk(delta(tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": None}}])),
        chunk(delta(tool_calls=[{"index": 0, "id": None, "type": None, "function": {"name": None, "arguments": "{}"}}])),
        chunk(delta("tool_calls")),
    ),
    "tool-strings": stream(chunk(delta(tool_calls="no list")), STOP),
    "tool-finish-stop": stream(chunk(delta(tool_calls=[call(0, "{}", id="c1", type="function")])), STOP),
    "tool-custom": stream(
        chunk(delta(tool_calls=[{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "f", "input": "x"}}])),
        chunk(delta("tool_calls")),
    ),
    "function-call": stream(
        ROLE, chunk(delta(function_call={"name": "f", "arguments": ""})), chunk(delta(function_call={"arguments": "{}"})),
        chunk(delta("function_call")),
    ),
    "thoughts": stream(ROLE, chunk(delta(reasoning_content="Hm")), chunk(delta(reasoning_content="", content="Hi")), STOP),
    "thoughts-of-groq": stream(ROLE, chunk(delta(reasoning="Hm")), HI, STOP, TOLD),
    "thoughts-both-ways": stream(ROLE, chunk(delta(reasoning="Hm", reasoning_content="Hm")), HI, STOP),
    "thoughts-detailed": stream(
        ROLE, chunk(delta(reasoning="Hm", reasoning_details=[{"type": "reasoning.text", "text": "Hm", "index": 0}])), HI, STOP,
    ),
    "thoughts-null": stream(ROLE, chunk(delta(content="Hi", reasoning_content=None, reasoning=None)), STOP),
    "thoughts-object": stream(ROLE, chunk(delta(content="Hi", reasoning={"a": 1})), STOP),
    "content-parts": stream(
        ROLE, chunk(delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}])),
        chunk(delta(content=[{"type": "text", "text": "Hi"}])), STOP,
    ),
    "content-number": stream(ROLE, chunk(delta(content=1)), STOP),
    "refusal": stream(chunk(delta(role="assistant", content=None, refusal="")), chunk(delta(refusal="No.")), STOP),
    "logprobs": stream(
        ROLE, chunk({**delta(content="Hi"), "logprobs": {"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105],
        "top_logprobs": []}], "refusal": None}}), {**STOP, "choices": [{**delta("stop"), "logprobs": None}]},
    ),
    "annotations": stream(ROLE, chunk(delta(content="Hi", annotations=[{"type": "url_citation", "url_citation": {"url": "u"}}])), STOP),
    "citations": stream({**ROLE, "citations": ["u"]}, {**HI, "citations": ["u"]}, {**STOP, "citations": ["u"]}),
    "audio": stream(chunk(delta(role="assistant", audio={"id": "a", "data": "AAAA"})), chunk(delta(audio={"transcript": "Hi"})), STOP),
    "own-members": stream(
        {**ROLE, "provider": "P", "system_fingerprint": "fp", "service_tier": "default", "obfuscation": "xyz"},
        {**HI, "own": {"a": None}, "system_fingerprint": None}, {**STOP, "choices": [{**delta("stop"), "stop_reason": 5}]}, TOLD,
    ),
    "litellms-members": stream({**HI, "provider_specific_fields": {"a": 1}, "citations_list": [1]}, STOP),
    "members-called-alike": stream(
        ROLE, chunk(delta(content='{"finish_reason": "stop", "usage": {"prompt_tokens": 9}, "error": 1}')), STOP, TOLD,
    ),
    "escapes": stream(ROLE, chunk(delta(content='"\\ / \b \f \n \r \t \u0000 \u2028 data: \n\ndata: x')), STOP),
    "characters": bytes_of("".join(f"data: {json.dumps(each, ensure_ascii=False)}\n\n" for each in (
        ROLE, chunk(delta(content="Dîner 約束だよ 🍜\u2028\u2029\u0085")), STOP)).encode()),
    "surrogates-apart": stream(ROLE, chunk(delta(content="\ud83c")), chunk(delta(content="\udf5c")), STOP),
    "wrong-utf8": bytes_of(sse(ROLE) + b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n' + sse(STOP)),
    "id-changes": stream(ROLE, {**HI, "id": "other", "created": 2, "model": "m-2"}, STOP, TOLD),
    "id-missing": stream(*({key: value for key, value in each.items() if key == "choices"} for each in (ROLE, HI, STOP))),
    "id-empty-first": stream({**chunk(), "id": "", "model": "", "created": 0, "prompt_filter_results": [{"prompt_index": 0}]}, ROLE, HI, STOP),
    "object-other": stream({**ROLE, "object": "chat.completion"}, {**HI, "object": ""}, STOP),
    "error": stream(ROLE, HI, {"error": {"message": "out of order", "type": "server_error", "code": "boom"}}),
    "error-first": stream({"error": {"message": "out of order", "type": "server_error", "code": 500}}),
    "error-limit": stream(ROLE, {"error": {"message": "slow down", "code": 429}}),
    "error-words": stream(ROLE, HI, {"error": "out of order"}),
    "error-null": stream({**ROLE, "error": None}, {**HI, "error": None}, STOP),
    "error-empty": stream({**ROLE, "error": {}}, HI, STOP),
    "error-with-choices": stream(ROLE, {**HI, "error": {"message": "out", "code": 502}}, STOP),
    "error-after-the-end": stream(ROLE, HI, STOP, {"error": {"message": "too late"}}),
    "error-event": bytes_of(sse(ROLE, HI, done=False) + b'event: error\ndata: {"error": {"message": "out"}}\n\n'),
    "error-with-key": stream(ROLE, {"error": {"message": "bad key sk-provider-0123456789abcdef", "param": "p"}}),
    "comments": bytes_of(b": hello\n\n" + GOOD.replace(b"data: ", b": OPENROUTER PROCESSING\n\ndata: ", 2)),
    "crlf": bytes_of(GOOD.replace(b"\n", b"\r\n")),
    "cr": bytes_of(GOOD.replace(b"\n", b"\r")),
    "mixed-ends": bytes_of(GOOD.replace(b"\n\n", b"\r\n\n", 2)),
    "no-space": bytes_of(GOOD.replace(b"data: ", b"data:")),
    "two-spaces": bytes_of(GOOD.replace(b"data: ", b"data:  ")),
    "many-blanks": bytes_of(GOOD.replace(b"\n\n", b"\n\n\n\n\n")),
    "ids-and-names": bytes_of(GOOD.replace(b"data: ", b"event: message\nid: 1\nretry: 10\ndata: ")),
    "in-two-lines": bytes_of(GOOD.replace(b'"choices"', b'\ndata: "choices"')),
    "bom": bytes_of(b"\xef\xbb\xbf" + GOOD),
    "no-blank-at-the-end": bytes_of(sse(ROLE, HI, STOP, TOLD, done=False).rstrip(b"\n")),
    "done-unended": bytes_of(GOOD.rstrip(b"\n")),
    "done-spaced": bytes_of(sse(ROLE, HI, STOP, TOLD, done=False) + b"data:  [DONE] \n\n"),
    "after-done": bytes_of(GOOD + sse(HI) + b"junk"),
    "data-empty": bytes_of(b"data:\n\n" + GOOD),
    "data-alone": bytes_of(b"data\n\n" + GOOD),
    "no-json": bytes_of(sse(ROLE, HI, done=False) + b"data: {nonsense\n\n" + sse(STOP)),
    "no-json-after-the-end": bytes_of(sse(ROLE, HI, STOP, done=False) + b"data: {nonsense\n\n"),
    "not-a-number": stream(ROLE, HI.copy() | {"own": float("nan")}, STOP),
    "not-objects": stream(ROLE, "[]", "1", "null", '"x"', HI, STOP),
    "twice-the-member": bytes_of(sse(ROLE) .replace(b"data: [DONE]\n\n", b"") + b'data: {"choices":[{"index":0,"delta":{"content":"a","content":"b"},"finish_reason":null,"finish_reason":"stop"}]}\n\n'),
    "spaced-json": bytes_of(b"".join(b"data: " + json.dumps(each, separators=(" , ", " : ")).encode() + b"\n\n" for each in (ROLE, HI, STOP, TOLD))),
    "dense-json": bytes_of(b"".join(b"data: " + json.dumps(each, separators=(",", ":")).encode() + b"\n\n" for each in (ROLE, HI, STOP, TOLD))),
    "members-turned": bytes_of(b"".join(b"data: " + json.dumps(dict(reversed(each.items()))).encode() + b"\n\n" for each in (ROLE, HI, STOP, TOLD))),
    "escaped-names": bytes_of(GOOD.replace(b'"finish_reason"', b'"finish\\u005freason"').replace(b'"usage"', b'"\\u0075sage"')),
    "deep": stream(ROLE, {**HI, "own": json.loads("[" * 200 + "]" * 200)}, STOP),
    "big-numbers": bytes_of(GOOD.replace(b"1700000000", b"170000000000000000000000000000")),
    "choices-missing": stream(ROLE, {"id": "chatcmpl-1"}, HI, STOP),
    "choices-object": stream(ROLE, {**HI, "choices": {"0": 1}}, STOP),
    "choice-null": stream(ROLE, {**HI, "choices": [None]}, STOP),
    "message-for-delta": stream({**HI, "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}),
    "runaway": stream(*[HI] * 200, STOP),
    "cut": bytes_of(GOOD, cut=len(GOOD) // 2),
    "cut-after-the-end": bytes_of(GOOD, cut=len(sse(ROLE, HI, STOP, done=False))),
    "cut-at-once": bytes_of(GOOD, cut=0),
    "gzip": bytes_of(gzip.compress(GOOD), headers=SSE | {"content-encoding": "gzip"}),
    "gzip-cut": bytes_of(gzip.compress(GOOD)[:-20], headers=SSE | {"content-encoding": "gzip"}),
    "brotli": bytes_of(GOOD, headers=SSE | {"content-encoding": "br"}),
    "called-json": bytes_of(GOOD, headers=JSON),
    "called-html": bytes_of(GOOD, headers={"content-type": "text/html"}),
    "uncalled": bytes_of(GOOD, headers={}),
    "latin": bytes_of(GOOD, headers={"content-type": "text/event-stream; charset=iso-8859-1"}),
    "html": bytes_of(b"<html><body>Welcome</body></html>", headers={"content-type": "text/html"}),
    "json-for-events": bytes_of(b'{"choices": [{"index": 0, "message": {"content": "Hi"}}]}', headers=JSON),
    "error-for-events": bytes_of(b'{"error": {"message": "no"}}', headers=JSON),
}  # fmt: skip
