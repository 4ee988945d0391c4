"""Whole answers, and refusals, that no recorded exchange has, in OpenAI's format; names say what is odd about them."""

from __future__ import annotations

import gzip
import json
from typing import Any

from tests.providers.lanes_odd_streams import GOOD, JSON, RICH, SSE, USAGE
from tests.providers.replay import Recorded


def whole(message: dict[str, Any] | None = None, finish: Any = "stop", **members: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "m-1",
        "choices": [{"index": 0, "message": message or {"role": "assistant", "content": "Hi"}, "finish_reason": finish}],
        "usage": USAGE, **members,
    }  # fmt: skip


def answer(*given: Any, **members: Any) -> Recorded:
    return Recorded(json.dumps(given[0] if given else whole(**members)).encode())


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


OK = whole()
ANSWERS: dict[str, Recorded] = {
    "good": answer(OK),
    "usage-absent": answer(without(OK, "usage")),
    "usage-null": answer(usage=None),
    "usage-rich": answer(usage=RICH),
    "usage-own-members": answer(usage=USAGE | {"cost": 0.1, "own": {"a": None, "b": 1}, "queue_time": 0.5}),
    "usage-huge": answer(usage={"prompt_tokens": 10**15, "completion_tokens": 10**18}),
    "usage-of-words": answer(usage={"prompt_tokens": "5"}),
    "usage-floats": answer(usage={"prompt_tokens": 5.0, "completion_tokens": 7.5}),
    "usage-list": answer(usage=[]),
    "usage-of-groq": answer(without(whole(x_groq={"usage": USAGE}), "usage")),
    "usage-of-deepseek": answer(usage=USAGE | {"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 1}),
    "nulls": answer(
        whole({"role": "assistant", "content": "Hi", "refusal": None, "tool_calls": None}, system_fingerprint=None)
    ),
    "content-null": answer(whole({"role": "assistant", "content": None})),
    "content-missing": answer(whole({"role": "assistant"})),
    "content-empty": answer(whole({"role": "assistant", "content": ""})),
    "content-parts": answer(whole({"role": "assistant", "content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "Hi"}]})),
    "content-number": answer(whole({"role": "assistant", "content": 1})),
    "role-missing": answer(whole({"content": "Hi"})),
    "message-missing": answer(whole() | {"choices": [{"index": 0, "finish_reason": "stop"}]}),
    "message-null": answer(whole() | {"choices": [{"index": 0, "message": None, "finish_reason": "stop"}]}),
    "index-missing": answer(whole() | {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}),
    "finish-missing": answer(whole() | {"choices": [{"index": 0, "message": {"content": "Hi"}}]}),
    "finish-null": answer(finish=None),
    "finish-own-word": answer(finish="eos"),
    "finish-filter": answer(finish="content_filter"),
    "two-choices": answer(whole() | {"choices": [
        {"index": at, "message": {"role": "assistant", "content": each}, "finish_reason": "stop"} for at, each in enumerate("ab")]}),
    "no-choices": answer(whole() | {"choices": []}),
    "choices-null": answer(whole() | {"choices": None}),
    "choices-missing": answer(without(OK, "choices")),
    "choices-object": answer(whole() | {"choices": {"a": 1}}),
    "choice-null": answer(whole() | {"choices": [None]}),
    "tools": answer(whole({"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}, "index": 0},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "", "x": None}}]}, finish="tool_calls")),
    "tools-empty": answer(whole({"role": "assistant", "content": "Hi", "tool_calls": []})),
    "tools-object-arguments": answer(whole({"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]}, finish="tool_calls")),
    "tools-stop": answer(whole({"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]})),
    "tools-json": answer(whole({"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "json_tool_call", "arguments": '{"a": 1}'}}]})),
    "function-call": answer(whole({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}, finish="function_call")),
    "thoughts": answer(whole({"role": "assistant", "content": "Hi", "reasoning_content": "Hm"})),
    "thoughts-of-groq": answer(whole({"role": "assistant", "content": "Hi", "reasoning": "Hm"})),
    "thoughts-in-tags": answer(whole({"role": "assistant", "content": "<think>Hm</think>Hi"})),
    "refusal": answer(whole({"role": "assistant", "content": None, "refusal": "No."})),
    "annotations": answer(whole({"role": "assistant", "content": "Hi", "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]})),
    "annotations-empty": answer(whole({"role": "assistant", "content": "Hi", "annotations": []})),
    "own-members": answer(whole(citations=["u"], provider="P", own={"a": None}, search_results=[], images=[])),
    "litellms-members": answer(whole({"role": "assistant", "content": "Hi", "provider_specific_fields": {"a": 1}, "images": [], "thinking_blocks": []})),
    "object-other": answer(object="other", created=None, model=None, id=None),
    "head-missing": answer({"choices": OK["choices"]}),
    "logprobs": answer(whole() | {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop",
        "logprobs": {"content": [{"token": "Hi", "logprob": -0.1, "bytes": None, "top_logprobs": []}]}}]}),
    "error": answer({"error": {"message": "out of order", "type": "server_error", "code": "boom", "param": "p"}}),
    "error-limit": answer({"error": {"message": "slow down", "code": 429}}),
    "error-words": answer({"error": "out of order"}),
    "error-null": answer(error=None),
    "error-empty": answer(error={}),
    "error-with-choices": answer(error={"message": "out", "code": 502}),
    "error-nested": answer({"error": {"error": {"message": "deep"}}}),
    "detail": answer({"detail": "Not authenticated"}),
    "empty": Recorded(b""),
    "blank": Recorded(b"  \n"),
    "blank-before": Recorded(b"\n\n   " + json.dumps(OK).encode() + b"\n"),
    "null": Recorded(b"null"),
    "list": Recorded(json.dumps([OK]).encode()),
    "number": Recorded(b"1"),
    "no-json": Recorded(b"{nonsense"),
    "half": Recorded(json.dumps(OK).encode()[:60]),
    "not-a-number": answer(own=float("nan")),
    "wrong-utf8": Recorded(json.dumps(OK).encode().replace(b"Hi", b"\xff\xfe")),
    "surrogate": Recorded(json.dumps(OK).encode().replace(b"Hi", b"\\ud83c")),
    "utf16": Recorded(json.dumps(OK).encode("utf-16")),
    "bom": Recorded(b"\xef\xbb\xbf" + json.dumps(OK).encode()),
    "characters": Recorded(json.dumps(whole({"role": "assistant", "content": "Dîner 約束 🍜\u2028"}), ensure_ascii=False).encode()),
    "deep": answer(own=json.loads("[" * 300 + "]" * 300)),
    "big-numbers": Recorded(json.dumps(OK).encode().replace(b"1700000000", b"170000000000000000000000000000")),
    "html": Recorded(b"<html>Welcome</html>", headers={"content-type": "text/html"}),
    "events": Recorded(GOOD, headers=SSE),
    "uncalled": Recorded(json.dumps(OK).encode(), headers={}),
    "called-html": Recorded(json.dumps(OK).encode(), headers={"content-type": "text/html"}),
    "cut": Recorded(json.dumps(OK).encode(), cut=40),
    "cut-at-once": Recorded(b"", cut=0),
    "gzip": Recorded(gzip.compress(json.dumps(OK).encode()), headers=JSON | {"content-encoding": "gzip"}),
    "gzip-cut": Recorded(gzip.compress(json.dumps(OK).encode())[:-12], headers=JSON | {"content-encoding": "gzip"}),
    "gzip-not": Recorded(json.dumps(OK).encode(), headers=JSON | {"content-encoding": "gzip"}),
    "brotli": Recorded(json.dumps(OK).encode(), headers=JSON | {"content-encoding": "br"}),
    "created": Recorded(json.dumps(OK).encode(), 201),
    "status-204": Recorded(b"", 204),
    "moved": Recorded(b"", 307, {"location": "http://127.0.0.1:1/v1"}),
}  # fmt: skip
STATUSES = (
    400,
    401,
    402,
    403,
    404,
    405,
    408,
    409,
    413,
    418,
    422,
    425,
    429,
    451,
    498,
    500,
    502,
    503,
    504,
    520,
    529,
    599,
)
WORDS: dict[str, bytes] = {
    "openai": b'{"error": {"message": "It will not do.", "type": "t", "param": "messages", "code": "c"}}',
    "plain": b'{"message": "It will not do."}',
    "words": b'{"error": "It will not do."}',
    "detail": b'{"detail": [{"loc": ["body"], "msg": "It will not do.", "type": "t"}]}',
    "list": b'[{"error": {"code": 400, "message": "It will not do.", "status": "S"}}]',
    "html": b"<html>nginx</html>",
    "nothing": b"",
    "key": b'{"error": {"message": "Incorrect API key: sk-provider-0123456789abcdef", "code": "sk-provider-0123456789abcdef"}}',
}
TOLD_WAITS: dict[str, dict[str, str]] = {
    "seconds": {"retry-after": "7"},
    "milliseconds": {"retry-after-ms": "1500"},
    "both": {"retry-after": "2", "retry-after-ms": "1500"},
    "date": {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"},
    "nonsense": {"retry-after": "soon"},
    "negative": {"retry-after": "-5"},
    "endless": {"retry-after": "inf"},
}
REFUSALS: dict[str, Recorded] = {
    **{f"{status}-openai": Recorded(WORDS["openai"], status) for status in STATUSES},
    **{f"{status}-{name}": Recorded(words, status) for status in (400, 401, 429, 500) for name, words in WORDS.items()},
    **{f"429-wait-{name}": Recorded(WORDS["openai"], 429, JSON | each) for name, each in TOLD_WAITS.items()},
    "400-window": Recorded(b'{"error": {"message": "m", "code": "context_length_exceeded"}}', 400),
    "400-window-words": Recorded(b'{"error": {"message": "This model\'s maximum context length is 10"}}', 400),
    "400-policy": Recorded(b'{"error": {"message": "m", "code": "content_policy_violation"}}', 400),
    "403-policy": Recorded(b'{"error": {"message": "m", "metadata": {"reasons": ["violence"]}}}', 403),
    "429-quota": Recorded(
        b'{"error": {"message": "m", "type": "insufficient_quota", "code": "insufficient_quota"}}', 429
    ),
    "400-gzip": Recorded(gzip.compress(WORDS["openai"]), 400, JSON | {"content-encoding": "gzip"}),
    "400-brotli": Recorded(WORDS["openai"], 400, JSON | {"content-encoding": "br"}),
    "400-cut": Recorded(WORDS["openai"], 400, cut=20),
    "500-events": Recorded(GOOD, 500, SSE),
    "400-long": Recorded(json.dumps({"error": {"message": "long " * 5000}}).encode(), 400),
}
