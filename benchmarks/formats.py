"""What a provider answers, as bytes of HTTP that are made once: OpenAI's, Anthropic's, Gemini's and Cohere's formats.

`answer` is a whole answer, `pieces` what a stream writes: the head with all that comes before the first word, and that
word; each further word; the end, with usage where the provider sends it or it was asked for. Cohere answers whole.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec

HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\n%s\r\n\r\n"
STREAM_HEAD = HEAD % (b"200 OK", b"text/event-stream", b"transfer-encoding: chunked")
LAST_CHUNK = b"0\r\n\r\n"
PROMPT_TOKENS = 20
OPENAI, ANTHROPIC, GEMINI, COHERE = "openai", "anthropic", "gemini", "cohere"
OPENAI_ENVELOPE = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "bench", "system_fingerprint": "fp_bench"}
GEMINI_ENVELOPE = {"modelVersion": "gemini-bench", "responseId": "bench"}
CLAUDE: dict[str, Any] = {"id": "msg_bench", "type": "message", "role": "assistant", "model": "claude-bench"}
_encode = msgspec.json.Encoder().encode


def told_by(path: bytes, *, stream: bool) -> tuple[str, bool]:
    """Whose format a path means, and whether the answer is streamed: Gemini's path says that too."""
    if b"enerateContent" in path:
        return GEMINI, b"stream" in path
    if path.endswith(b"/v2/chat"):
        return COHERE, stream
    return (ANTHROPIC if b"/messages" in path else OPENAI), stream


@functools.lru_cache(32)
def answer(speaks: str, words: int) -> bytes:
    """A whole answer."""
    return whole(ANSWERS[speaks](said(words), words))


@functools.lru_cache(32)
def pieces(speaks: str, words: int, *, usage: bool) -> tuple[bytes, ...]:
    """What a stream writes, one after the other."""
    before, spoken, after = STREAMS[speaks](words, usage)
    head, *rest = [in_chunk(piece) for piece in (before + spoken[0], *spoken[1:], after)]
    rest[-1] += LAST_CHUNK
    return (STREAM_HEAD + head, *rest)


def whole(document: dict[str, Any], status: bytes = b"200 OK") -> bytes:
    """A response of known length."""
    body = _encode(document)
    return HEAD % (status, b"application/json", b"content-length: %d" % len(body)) + body


def in_chunk(data: bytes) -> bytes:
    """One chunk of HTTP's chunked encoding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def word(index: int) -> str:
    return f" word{index}"


def said(words: int) -> str:
    return "".join(word(index) for index in range(words))


def event(document: dict[str, Any], name: str = "", end: bytes = b"\n\n") -> bytes:
    """One server-sent event."""
    return (b"event: %s\n" % name.encode() if name else b"") + b"data: " + _encode(document) + end


def openai_answer(text: str, words: int) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return {**OPENAI_ENVELOPE, "object": "chat.completion", "choices": [choice], "usage": openai_usage(words)}


def openai_stream(words: int, usage: bool) -> tuple[bytes, list[bytes], bytes]:  # noqa: FBT001 - one of a table's
    asked = {"usage": None} if usage else {}
    base = {**OPENAI_ENVELOPE, "object": "chat.completion.chunk", **asked}

    def chunk(delta: dict[str, str | None], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**base, "choices": [choice]})

    last = chunk({}, "stop")
    if usage:
        last += event({**base, "choices": [], "usage": openai_usage(words)})
    spoken = [chunk({"content": word(index)}) for index in range(words)]
    return chunk({"role": "assistant", "content": "", "refusal": None}), spoken, last + b"data: [DONE]\n\n"


def openai_usage(words: int) -> dict[str, Any]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": words,
        "total_tokens": PROMPT_TOKENS + words,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def anthropic_answer(text: str, words: int) -> dict[str, Any]:
    return {
        **CLAUDE,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": anthropic_usage(words),
    }


def anthropic_stream(words: int, usage: bool) -> tuple[bytes, list[bytes], bytes]:  # noqa: ARG001, FBT001 - always sent
    def named(kind: str, **members: Any) -> bytes:
        return event({"type": kind, **members}, kind)

    opening = {**CLAUDE, "content": [], "stop_reason": None, "stop_sequence": None, "usage": anthropic_usage(1)}
    before = named("message_start", message=opening)
    before += named("content_block_start", index=0, content_block={"type": "text", "text": ""}) + named("ping")
    deltas = ({"type": "text_delta", "text": word(index)} for index in range(words))
    spoken = [named("content_block_delta", index=0, delta=delta) for delta in deltas]
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    after = named("content_block_stop", index=0) + named("message_delta", delta=ended, usage={"output_tokens": words})
    return before, spoken, after + named("message_stop")


def anthropic_usage(words: int) -> dict[str, Any]:
    return {
        "input_tokens": PROMPT_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": words,
        "service_tier": "standard",
    }


def gemini_answer(text: str, words: int, finish: str | None = "STOP") -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": PROMPT_TOKENS, "candidatesTokenCount": words, "totalTokenCount": PROMPT_TOKENS + words}
    return {"candidates": [candidate], "usageMetadata": usage, **GEMINI_ENVELOPE}


def gemini_stream(words: int, usage: bool) -> tuple[bytes, list[bytes], bytes]:  # noqa: ARG001, FBT001 - always sent
    ends = b"\r\n\r\n"
    spoken = [event(gemini_answer(word(index), index + 1, None), end=ends) for index in range(words)]
    return b"", spoken, event(gemini_answer("", words), end=ends)


def cohere_answer(text: str, words: int) -> dict[str, Any]:
    tokens = {"input_tokens": PROMPT_TOKENS, "output_tokens": words}
    return {
        "id": "bench",
        "finish_reason": "COMPLETE",
        "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
        "usage": {"billed_units": tokens, "tokens": tokens},
    }


ANSWERS = {OPENAI: openai_answer, ANTHROPIC: anthropic_answer, GEMINI: gemini_answer, COHERE: cohere_answer}
STREAMS = {OPENAI: openai_stream, ANTHROPIC: anthropic_stream, GEMINI: gemini_stream}
