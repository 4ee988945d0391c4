"""Reads Gemini's request bodies.

Members may be spelt as JSON does or as protobuf does: `maxOutputTokens`, `max_output_tokens`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from gateway.fleet import checks
from gateway.fleet.checks import bad
from gateway.fleet.shapes import Image, JsonObject, ModelRequest, Tool, Turn
from gateway.fleet.turns import Message

THOUGHT_TOKENS = 48

_CAPITAL = re.compile(r"[A-Z]")
_CHOICES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
_MAX_CANDIDATES = 8


def content(model: str, body: JsonObject, method: str) -> ModelRequest:
    """Read the body of generateContent, streamGenerateContent or countTokens (`method`)."""
    if method == "countTokens":
        body = _get(body, "generateContentRequest") or body
    config = _get(body, "generationConfig") or {}
    checks.within(config, "temperature", 0, 2)
    calling = _get(_get(body, "toolConfig") or {}, "functionCallingConfig") or {}
    allowed = _get(calling, "allowedFunctionNames") or []
    tools = tuple(tool for tool in _tools(body) if not allowed or tool.name in allowed)
    thought, shown = _thought(model, config)
    return ModelRequest(
        wire="gemini",
        endpoint="count_tokens" if method == "countTokens" else "chat",
        model=model,
        body=body,
        stream=method == "streamGenerateContent",
        turns=_turns(body),
        tools=tools,
        tool_choice=_CHOICES.get(str(_get(calling, "mode") or "AUTO").upper(), "auto"),
        schema=_schema(config),
        max_tokens=_count(config, "maxOutputTokens"),
        stop=tuple(map(str, _get(config, "stopSequences") or ())),
        choices=_count(config, "candidateCount", _MAX_CANDIDATES) or 1,
        seed=_get(config, "seed"),
        reasoning=thought,
        reasoning_shown=shown,
    )


def embedding(model: str, body: JsonObject, method: str) -> ModelRequest:
    """Read the body of embedContent or batchEmbedContents."""
    items = [body] if method == "embedContent" else checks.member(body, "requests", list, default=[])
    if not items:
        raise bad("* BatchEmbedContentsRequest.requests: must not be empty", "requests")
    texts = []
    for item in items:
        parts = (item.get("content") or {}).get("parts") or []
        texts.append("\n".join(str(part.get("text", "")) for part in parts))
    if not all(texts):
        raise bad("* EmbedContentRequest.content: contents is not specified", "content")
    first = items[0]
    size = _count(first, "outputDimensionality") or _count(
        _get(first, "embedContentConfig") or {}, "outputDimensionality"
    )
    return ModelRequest("gemini", "embeddings", model, {**body, "dimensions": size}, inputs=tuple(texts))


def _get(value: JsonObject, name: str) -> Any:
    return value.get(name, value.get(_snake(name)))


def _snake(name: str) -> str:
    return _CAPITAL.sub(lambda found: f"_{found.group().lower()}", name)


def _count(config: JsonObject, name: str, high: int | None = None) -> int | None:
    return checks.count_of({name: _get(config, name)}, name, high)


def _turns(body: JsonObject) -> tuple[Turn, ...]:
    contents = _get(body, "contents")
    if not isinstance(contents, list) or not contents:
        raise bad("* GenerateContentRequest.contents: contents is not specified", "contents")
    turns: list[Turn] = []
    system = _get(body, "systemInstruction")
    if system:
        turns.extend(_turn({**system, "role": "system"}, "system_instruction"))
    for place, item in enumerate(contents):
        turns.extend(_turn(item, f"contents[{place}]"))
    return tuple(turns)


def _turn(item: Any, path: str) -> list[Turn]:
    """One content as turns."""
    role = item.get("role", "user") if isinstance(item, dict) else None
    if role not in {"user", "model", "function", "system"}:
        raise bad("Please use a valid role: user, model.", f"{path}.role")
    message = Message()
    for place, part in enumerate(item.get("parts") or ()):
        _gather(message, part, f"{path}.parts[{place}]")
    return message.turns("assistant" if role == "model" else role)


def _gather(message: Message, part: Any, path: str) -> None:
    if called := _get(part, "functionCall"):
        message.calls.append((str(called.get("name")), json.dumps(called.get("args") or {})))
    elif result := _get(part, "functionResponse"):
        message.results.append(Turn("tool", _result(result.get("response")), name=str(result.get("name"))))
    elif inline := _get(part, "inlineData"):
        media_type, encoded = str(_get(inline, "mimeType")), str(inline.get("data"))
        message.images.append(checks.image_of(media_type, encoded, f"{path}.inline_data"))
    elif file := _get(part, "fileData"):
        message.images.append(Image("image", url=str(_get(file, "fileUri"))))
    elif not part.get("thought"):
        message.texts.append(str(part.get("text", "")))


def _result(response: Any) -> str:
    if isinstance(response, dict) and len(response) == 1:
        response = next(iter(response.values()))
    return response if isinstance(response, str) else json.dumps(response, ensure_ascii=False)


def _tools(body: JsonObject) -> list[Tool]:
    tools = []
    for group in checks.member(body, "tools", list, default=[]):
        for declared in _get(group, "functionDeclarations") or ():
            schema = _get(declared, "parametersJsonSchema") or declared.get("parameters") or {"type": "object"}
            tools.append(Tool(str(declared.get("name")), str(declared.get("description") or ""), schema))
    return tools


def _schema(config: JsonObject) -> JsonObject | None:
    if _get(config, "responseMimeType") != "application/json":
        return None
    schema = _get(config, "responseJsonSchema") or _get(config, "responseSchema")
    return schema if isinstance(schema, dict) else checks.ANY_OBJECT


def _thought(model: str, config: JsonObject) -> tuple[int, bool]:
    """How many tokens the model thinks, and whether it shows them."""
    wanted = _get(config, "thinkingConfig")
    if not isinstance(wanted, dict):
        return (THOUGHT_TOKENS if "pro" in model.split("-") else 0), False
    budget = _get(wanted, "thinkingBudget")
    off = budget == 0 or str(_get(wanted, "thinkingLevel") or "").lower() in {"minimal", "none"}
    return (0 if off else THOUGHT_TOKENS), bool(_get(wanted, "includeThoughts"))
