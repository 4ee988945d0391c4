"""Prompts and answers as the GenAI conventions write them: roles and typed parts, as JSON in one attribute.

Only for teams that store content in full, and only where the admin asked for it in traces. Bounded: long texts are cut,
old messages left out, and data (images, audio, files) is named, not repeated.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.types import Call, JsonObject

MOST_MESSAGES = 50  # the last ones
LONGEST_TEXT = 16_384  # characters of one part
LONGEST_NAME = 200
Part = dict[str, Any]


def content_attributes(call: Call) -> dict[str, str]:
    """What was asked and what the last attempt answered."""
    asked = [_message(each) for each in _mappings(call.body.get("messages"))[-MOST_MESSAGES:]]
    answered = _answers(call)
    return {
        **({"gen_ai.input.messages": _json(asked)} if asked else {}),
        **({"gen_ai.output.messages": _json(answered)} if answered else {}),
    }


def _answers(call: Call) -> list[JsonObject]:
    completion = call.answer.completion if call.answer is not None else None
    if completion is None:
        text = "".join(call.said)
        finish = call.attempts[-1].finish_reason if call.attempts else None
        return [{"role": "assistant", "parts": _text(text), "finish_reason": finish or "error"}] if text else []
    choices = _mappings(completion.body.get("choices"))
    return [
        {**_message(choice.get("message") or {}), "finish_reason": _name(choice.get("finish_reason")) or "error"}
        for choice in choices
    ]


def _message(message: Mapping[str, Any]) -> JsonObject:
    content = message.get("content")
    role = _name(message.get("role")) or "assistant"
    if role == "tool":
        parts: list[Part] = [
            {"type": "tool_call_response", "id": _name(message.get("tool_call_id")), "response": _flat(content)}
        ]
    elif isinstance(content, str):
        parts = _text(content)
    else:
        parts = [_part(each) for each in _mappings(content)]
    return {"role": role, "parts": [*parts, *(_tool_call(each) for each in _mappings(message.get("tool_calls")))]}


def _part(part: Mapping[str, Any]) -> Part:
    text = part.get("text")
    return (
        {"type": "text", "content": text[:LONGEST_TEXT]} if isinstance(text, str) else {"type": _name(part.get("type"))}
    )


def _tool_call(call: Mapping[str, Any]) -> Part:
    function = call.get("function")
    given = function if isinstance(function, Mapping) else {}
    arguments = str(given.get("arguments") or "")[:LONGEST_TEXT]
    return {"type": "tool_call", "id": _name(call.get("id")), "name": _name(given.get("name")), "arguments": arguments}


def _name(value: Any) -> str | None:
    return value[:LONGEST_NAME] if isinstance(value, str) else None


def _text(text: str) -> list[Part]:
    return [{"type": "text", "content": text[:LONGEST_TEXT]}] if text else []


def _flat(content: Any) -> str:
    if isinstance(content, str):
        return content[:LONGEST_TEXT]
    return "".join(str(each.get("text") or "") for each in _mappings(content))[:LONGEST_TEXT]


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
