"""What a provider said, read straight off its recorded answer by the provider's own wire documentation.

Independent of the gateway and of LiteLLM: no code of either is used but the types that name a result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Fault
from gateway.types import Usage
from tests.providers.exchanges import Exchange

ANTHROPIC_FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
GEMINI_FINISH = {"STOP": "stop", "MAX_TOKENS": "length"}  # all others are refusals of some kind
RESPONSE_ENDS = frozenset({"response.completed", "response.incomplete"})
FAULTS = {400: Fault.CALLER, 401: Fault.CREDENTIALS, 403: Fault.CREDENTIALS, 404: Fault.NOT_FOUND}
FAULTS |= {429: Fault.RATE_LIMITED}
TOO_LONG = ("maximum context length", "prompt is too long", "exceeds the maximum number of tokens", "messages is too")


@dataclass(slots=True)
class Said:
    """One choice. `tools`: id (None where the wire has none), name, arguments as JSON text."""

    text: str = ""
    thought: str = ""
    refusal: str = ""
    finish: str | None = None
    tools: dict[Any, list[str | None]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)  # of the log probabilities

    def add_tool(self, key: Any, identity: str | None, name: str | None, arguments: str) -> None:
        known = self.tools.setdefault(key, [None, None, ""])
        known[0] = identity or known[0]
        known[1] = name or known[1]
        known[2] = (known[2] or "") + arguments


@dataclass(slots=True)
class Reading:
    """A whole answer, or the error it ended with."""

    choices: dict[int, Said] = field(default_factory=dict)
    usage: Usage | None = None
    fault: Fault | None = None
    status: int | None = None
    code: str | None = None
    param: str | None = None
    retry_after: float | None = None
    message: str | None = None

    def choice(self, index: int) -> Said:
        return self.choices.setdefault(index, Said())


def read(exchange: Exchange) -> Reading:
    """The oracle's reading of one recorded answer."""
    if exchange.status != 200:
        return refused(exchange)
    parse = {"openai-chat": openai, "anthropic-messages": anthropic, "gemini": gemini}.get(exchange.wire, responses)
    reading = Reading()
    for part in parts(exchange):
        parse(part, reading)
    if not reading.choices:
        reading.fault = Fault.MALFORMED
    if exchange.wire == "gemini":
        finish_tools(reading)
    return reading


def parts(exchange: Exchange) -> list[Any]:
    """The answer's JSON documents: one, or one an event."""
    if not exchange.stream:
        return [json.loads(exchange.body)]
    if exchange.body.lstrip().startswith("["):
        return list(json.loads(exchange.body))
    return list(events(exchange.body))


def events(text: str) -> Iterator[Any]:
    """Server-sent events by the WHATWG's rules; ends at [DONE]."""
    data: list[str] = []
    for line in [*re.split(r"\r\n|\n|\r", text), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            joined, data = "\n".join(data), []
            if joined == "[DONE]":
                return
            yield json.loads(joined)


def openai(part: dict[str, Any], reading: Reading) -> None:
    """platform.openai.com/docs/api-reference/chat, and what its imitators add."""
    if "error" in part:
        reading.fault = Fault.IN_BAND
        reading.message = part["error"]["message"]
        code = part["error"].get("code")
        reading.code = code if isinstance(code, str) else None
    for item in part.get("choices") or ():
        said = reading.choice(item["index"])
        said.finish = item.get("finish_reason") or said.finish
        given = item.get("delta") or item.get("message") or {}
        openai_content(given.get("content"), said)
        said.thought += given.get("reasoning_content") or given.get("reasoning") or ""
        said.refusal += given.get("refusal") or ""
        legacy = given.get("function_call")
        if legacy:
            said.add_tool("legacy", None, legacy.get("name"), legacy.get("arguments") or "")
        for place, call in enumerate(given.get("tool_calls") or ()):
            made = call.get("function") or call.get("custom") or {}
            arguments = made.get("arguments") or made.get("input") or ""
            said.add_tool(call.get("index", place), call.get("id"), made.get("name"), arguments)
        said.tokens += [each["token"] for each in (item.get("logprobs") or {}).get("content") or ()]
    usage = part.get("usage") or (part.get("x_groq") or {}).get("usage")
    if usage:
        reading.usage = openai_usage(usage)


def openai_content(content: Any, said: Said) -> None:
    """Text, or Mistral's list of parts, some of which are thoughts."""
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
        if part["type"] == "thinking":
            said.thought += "".join(each["text"] for each in part["thinking"])
        else:
            said.text += part.get("text") or ""


def openai_usage(raw: dict[str, Any]) -> Usage:
    given, made = raw.get("prompt_tokens_details") or {}, raw.get("completion_tokens_details") or {}
    return Usage(
        input=raw["prompt_tokens"],
        output=raw["completion_tokens"],
        cached_input=given.get("cached_tokens") or raw.get("prompt_cache_hit_tokens") or 0,
        cache_write=given.get("cache_write_tokens") or 0,
        reasoning=made.get("reasoning_tokens") or 0,
        audio_input=given.get("audio_tokens") or 0,
        audio_output=made.get("audio_tokens") or 0,
    )


def anthropic(part: dict[str, Any], reading: Reading) -> None:
    """docs.anthropic.com/en/api/messages and …/messages-streaming."""
    said = reading.choice(0)
    match part["type"]:
        case "message":
            for index, block in enumerate(part["content"]):
                anthropic_block(index, block, said)
            said.finish = ANTHROPIC_FINISH[part["stop_reason"]]
            reading.usage = anthropic_usage(part["usage"], None)
        case "message_start":
            reading.usage = anthropic_usage(part["message"]["usage"], None)
        case "content_block_start":
            anthropic_block(part["index"], part["content_block"], said)
        case "content_block_delta":
            anthropic_delta(part["index"], part["delta"], said)
        case "message_delta":
            said.finish = ANTHROPIC_FINISH[part["delta"]["stop_reason"]]
            reading.usage = anthropic_usage(part["usage"], reading.usage)


def anthropic_block(index: int, block: dict[str, Any], said: Said) -> None:
    said.text += block.get("text") or ""
    said.thought += block.get("thinking") or ""
    if block["type"] == "tool_use":
        said.add_tool(index, block["id"], block["name"], json.dumps(block["input"]) if block["input"] else "")


def anthropic_delta(index: int, delta: dict[str, Any], said: Said) -> None:
    said.text += delta.get("text") or ""
    said.thought += delta.get("thinking") or ""
    if delta["type"] == "input_json_delta" and index in said.tools:
        said.add_tool(index, None, None, delta["partial_json"])


def anthropic_usage(raw: dict[str, Any], before: Usage | None) -> Usage:
    """`input_tokens` leaves the cached ones out; a later event may repeat the input or leave it out."""
    cached, written = raw.get("cache_read_input_tokens") or 0, raw.get("cache_creation_input_tokens") or 0
    given = (raw.get("input_tokens") or 0) + cached + written
    if before is not None and not given:
        given, cached, written = before.input, before.cached_input, before.cache_write
    if before is not None and not cached + written and given + before.cached_input + before.cache_write == before.input:
        given, cached, written = before.input, before.cached_input, before.cache_write
    thought = (raw.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    output = raw.get("output_tokens") or 0
    return Usage(input=given, output=output, cached_input=cached, cache_write=written, reasoning=thought)


def responses(part: dict[str, Any], reading: Reading) -> None:
    """platform.openai.com/docs/api-reference/responses: the last event of a stream holds the whole answer."""
    whole = part.get("response", part) if "type" not in part or part["type"] in RESPONSE_ENDS else None
    if whole is None or not whole.get("output"):
        return
    said = reading.choice(0)
    for index, item in enumerate(whole["output"]):
        if item["type"] == "message":
            said.text += "".join(piece.get("text") or "" for piece in item["content"])
            said.refusal += "".join(piece.get("refusal") or "" for piece in item["content"])
        elif item["type"] in {"function_call", "custom_tool_call"}:
            said.add_tool(index, item["call_id"], item["name"], item.get("arguments") or item.get("input") or "")
    said.finish = "tool_calls" if said.tools else "stop"
    if whole["status"] == "incomplete":
        said.finish = "length" if whole["incomplete_details"]["reason"] == "max_output_tokens" else "content_filter"
    raw = whole["usage"]
    given = raw["input_tokens_details"]
    reading.usage = Usage(
        input=raw["input_tokens"],
        output=raw["output_tokens"],
        cached_input=given["cached_tokens"],
        cache_write=given.get("cache_write_tokens") or 0,
        reasoning=raw["output_tokens_details"]["reasoning_tokens"],
    )


def gemini(part: dict[str, Any], reading: Reading) -> None:
    """ai.google.dev/api/generate-content."""
    if (part.get("promptFeedback") or {}).get("blockReason"):
        reading.choice(0).finish = "content_filter"
    for candidate in part.get("candidates") or ():
        said = reading.choice(candidate.get("index", 0))
        for piece in (candidate.get("content") or {}).get("parts") or ():
            if piece.get("thought"):
                said.thought += piece.get("text") or ""
            else:
                said.text += piece.get("text") or ""
            if "functionCall" in piece:
                call = piece["functionCall"]
                said.add_tool(len(said.tools), None, call["name"], json.dumps(call.get("args") or {}))
        if candidate.get("finishReason"):
            said.finish = GEMINI_FINISH.get(candidate["finishReason"], "content_filter")
        chosen = (candidate.get("logprobsResult") or {}).get("chosenCandidates") or ()
        said.tokens += [each["token"] for each in chosen]
    if part.get("usageMetadata"):
        reading.usage = gemini_usage(part["usageMetadata"])


def gemini_usage(raw: dict[str, Any]) -> Usage:
    """The thoughts are not among the candidates' tokens, but are billed as output."""
    thought = raw.get("thoughtsTokenCount", 0)
    audio = {"in": 0, "out": 0}
    for side, name in (("in", "promptTokensDetails"), ("out", "candidatesTokensDetails")):
        for detail in raw.get(name) or ():
            if detail["modality"] == "AUDIO":
                audio[side] += detail.get("tokenCount", 0)
    return Usage(
        input=raw.get("promptTokenCount", 0) + raw.get("toolUsePromptTokenCount", 0),
        output=raw.get("candidatesTokenCount", 0) + thought,
        cached_input=raw.get("cachedContentTokenCount", 0),
        reasoning=thought,
        audio_input=audio["in"],
        audio_output=audio["out"],
    )


def finish_tools(reading: Reading) -> None:
    """Gemini says STOP for a function call; OpenAI's clients look for "tool_calls"."""
    for said in reading.choices.values():
        if said.tools and said.finish == "stop":
            said.finish = "tool_calls"


def refused(exchange: Exchange) -> Reading:
    """An HTTP error: the fault is by the status, but for windows that are too small and Google's bad keys."""
    status = exchange.status
    fault = FAULTS[status]
    body = json.loads(exchange.body)
    error = (body[0] if isinstance(body, list) else body).get("error") or body
    message = error.get("message") or error.get("detail")
    too_long = error.get("code") == "context_length_exceeded" or any(words in message for words in TOO_LONG)
    if fault is Fault.CALLER and too_long:
        fault = Fault.CONTEXT_WINDOW
    details = error["details"] if isinstance(error.get("details"), list) else []
    if any(detail.get("reason") == "API_KEY_INVALID" for detail in details):
        fault = Fault.CREDENTIALS
    waits = [each["retryDelay"] for each in details if "retryDelay" in each]
    told = exchange.response["headers"].get("retry-after")
    return Reading(
        fault=fault,
        status=status,
        code=error["code"] if isinstance(error.get("code"), str) else None,
        param=error.get("param"),
        retry_after=float(told) if told is not None else float(waits[0].rstrip("s")) if waits else None,
        message=message,
    )
