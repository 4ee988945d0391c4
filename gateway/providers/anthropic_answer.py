"""Anthropic's answers in OpenAI's shape: whole ones, and the events of a stream, one at a time.

As LiteLLM translates them, without what it adds: finish reasons nobody gave, estimates, calls of tools that Anthropic runs
itself. Members that only LiteLLM knows are not made at all. What cannot be read raises whatever it raises.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from gateway.providers.anthropic_usage import usage
from gateway.types import JsonObject

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "compaction": "length",
}  # all others: "stop"
CALLS = frozenset({"tool_use", "server_tool_use"})
THOUGHTS = frozenset({"thinking", "redacted_thinking"})
HOSTED = "srvtoolu_"  # what the ids of calls begin with that Anthropic runs itself
JSON_TOOL = "json_tool_call"  # LiteLLM's stand-in for a JSON schema, where a model takes none


def completion(
    document: JsonObject,
    *,
    json_mode: bool = False,
    names: Mapping[str, str] | None = None,
    prefix: str | None = None,
    now: Callable[[], float] = time.time,
) -> JsonObject:
    """A whole answer as a chat.completion.

    `json_mode`: a JSON schema was sent as a tool. `names`: of tools that were sent under others, as the client wrote them.
    `prefix`: what the answer is to begin with.
    """
    blocks = document["content"]
    message = said(blocks, names or {})
    finish = FINISH.get(document["stop_reason"], "stop")
    if prefix is not None and not (message["content"] or "").startswith(prefix):
        message["content"] = prefix + (message["content"] or "")
    if json_mode and message["tool_calls"]:
        message, ended = with_json(message)
        finish = ended or finish
    message["tool_calls"] = [call for call in message["tool_calls"] if not hosted(call["id"])]
    told = document["usage"]
    return {
        "id": new_id(),
        "created": int(now()),
        "model": document["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage(told, thoughts=bool(told.get("output_tokens_details"))),
    }


def said(blocks: list[Any], names: Mapping[str, str]) -> JsonObject:
    """The message that the blocks of an answer make, calls of hosted tools still among it."""
    texts, thoughts, calls = [], [], []
    for block in blocks:
        kind = block["type"]
        if kind == "text":
            texts.append(block["text"])
        elif kind in CALLS:
            calls.append(call_of(block, names))
        elif kind in THOUGHTS:
            thoughts.append(block)
    message: JsonObject = {"role": "assistant", "content": "".join(texts) or None, "tool_calls": calls}
    if thoughts:
        message["reasoning_content"] = "".join(block.get("thinking") or "" for block in thoughts)
        message["thinking_blocks"] = thoughts
    return message


def call_of(block: JsonObject, names: Mapping[str, str]) -> JsonObject:
    function = {"name": names.get(block["name"], block["name"]), "arguments": json.dumps(block["input"])}
    call = {"id": block["id"], "type": "function", "function": function}
    return {**call, "caller": block["caller"]} if "caller" in block else call


def with_json(message: JsonObject) -> tuple[JsonObject, str | None]:
    """Where the JSON that was asked for came as a call, it is the content; and the finish reason, if that changes."""
    calls = message["tool_calls"]
    others = [call for call in calls if call["function"]["name"] != JSON_TOOL]
    if len(others) == len(calls):
        return message, None
    found = next(call for call in calls if call["function"]["name"] == JSON_TOOL)
    content = unwrapped(found["function"]["arguments"])
    if not others:
        return {"role": "assistant", "content": content, "tool_calls": []}, "stop"
    return {**message, "content": (message["content"] or "") + content or None, "tool_calls": others}, None


def unwrapped(arguments: str) -> str:
    """What the stand-in's arguments hold: under "values" at times; as it came where it is no JSON by itself."""
    try:
        found = json.loads(arguments)
    except json.JSONDecodeError:
        return arguments
    values = found.get("values") if isinstance(found, dict) else None
    return json.dumps(found if values is None else values)


def hosted(identity: Any) -> bool:
    return str(identity).startswith(HOSTED)


def new_id() -> str:
    return f"chatcmpl-{uuid.uuid4()}"


class Events:
    """One stream: an event in, a chat.completion.chunk out, or None where it says nothing."""

    def __init__(
        self,
        *,
        json_mode: bool = False,
        names: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._json_mode = json_mode
        self._names = names or {}
        self._head: JsonObject = {"id": new_id(), "object": "chat.completion.chunk", "created": int(now())}
        self._told: JsonObject = {}  # usage is cumulative, but later events leave members out
        self._call = -1  # index of the last call that is the client's
        self._calling = False  # the open block is such a call
        self._arguments: bool | None = None  # of the open block: some came; False: empty ones; None: none
        self._in_json = self._had_json = False
        self._begun = False

    def __call__(self, event: JsonObject) -> JsonObject | None:
        """Raises KeyError, TypeError, AttributeError for an event that cannot be read."""
        usage_told: JsonObject | None = None
        finish: str | None = None
        delta: JsonObject = {}
        match event.get("type"):
            case "content_block_delta":
                delta = self._more(event["delta"])
            case "content_block_start":
                delta = self._start(event["content_block"])
            case "content_block_stop":
                delta = self._stop()
            case "message_delta":
                finish = self._finish(event["delta"].get("stop_reason"))
                usage_told = self._used(event, event)
            case "message_start":
                if "model" in event["message"]:
                    self._head["model"] = event["message"]["model"]
                usage_told = self._used(event["message"], event)
            case "error":
                raise ValueError("an error without its object")
        if self._begun and not delta and finish is None and usage_told is None:
            return None
        self._begun = True
        delta.setdefault("content", "")
        chunk = {**self._head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        if usage_told is not None:
            chunk["usage"] = usage_told
        return chunk

    def _start(self, block: JsonObject) -> JsonObject:
        """A block begins: text may be in it already, a call has its name, hidden thoughts are there as a whole."""
        self._calling = self._in_json = False
        self._arguments = None
        kind = block["type"]
        if kind == "text":
            return {"content": block["text"]}
        if kind == "redacted_thinking":
            return {"thinking_blocks": [{"type": kind, "data": block["data"]}]}
        if kind not in CALLS or hosted(block["id"]):
            return {}
        self._call += 1
        self._calling = True
        name = self._names.get(block["name"], block["name"])
        if self._json_mode and name == JSON_TOOL:
            self._in_json = self._had_json = True
            return {}
        call = self._piece("", name)
        call["id"] = block["id"]
        if block.get("caller"):
            call["caller"] = block["caller"]
        return {"tool_calls": [call]}

    def _more(self, delta: JsonObject) -> JsonObject:
        """More of the open block. Citations are LiteLLM's own member, and are left out."""
        if "text" in delta:
            return {"content": delta["text"]}
        if "partial_json" in delta:
            piece = delta["partial_json"]
            self._arguments = bool(piece) or bool(self._arguments)
            if not self._calling:
                return {}
            return {"content": unwrapped(piece)} if self._in_json else {"tool_calls": [self._piece(piece)]}
        if delta.get("thinking"):
            thought = delta["thinking"]
            return {"reasoning_content": thought, "thinking_blocks": [{"type": "thinking", "thinking": thought}]}
        if delta.get("signature"):
            block = {"type": "thinking", "thinking": "", "signature": delta["signature"]}
            return {"reasoning_content": "", "thinking_blocks": [block]}
        return {}

    def _stop(self) -> JsonObject:
        """A call whose arguments were empty has none: an empty object, for clients that read JSON."""
        empty = self._calling and self._arguments is False
        self._calling = self._in_json = False
        return {"tool_calls": [self._piece("{}")]} if empty else {}

    def _piece(self, arguments: str, name: str | None = None) -> JsonObject:
        function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
        return {"index": self._call, "type": "function", "function": function}

    def _finish(self, reason: str | None) -> str | None:
        if not reason:
            return None
        return "stop" if self._had_json else FINISH.get(reason, "stop")

    def _used(self, holder: JsonObject, event: JsonObject) -> JsonObject | None:
        if "usage" not in holder:
            return None
        self._told = {**self._told, **holder["usage"]}
        return usage(self._told, thoughts=bool((event.get("usage") or {}).get("output_tokens_details")))
