"""Reads Anthropic's request bodies; what Anthropic would refuse is refused in its own words."""

from __future__ import annotations

import json
from typing import Any

from gateway.fleet import checks
from gateway.fleet.checks import bad
from gateway.fleet.shapes import Image, JsonObject, ModelRequest, Tool, Turn
from gateway.fleet.turns import Message

THOUGHT_TOKENS = 48

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_MIN_BUDGET = 1024
_SILENT_BLOCKS = frozenset({"thinking", "redacted_thinking", "document", "server_tool_use", "search_result"})


def messages(model: str, body: JsonObject, endpoint: str) -> ModelRequest:
    """Read the body of POST /v1/messages, or of its count_tokens (`endpoint` "count_tokens")."""
    limit = checks.count_of(body, "max_tokens")
    if limit is None and endpoint == "chat":
        raise bad("max_tokens: Field required", "max_tokens")
    checks.within(body, "temperature", 0, 1)
    checks.within(body, "top_p", 0, 1)
    names: dict[str, str] = {}
    turns = _system(body)
    cacheable = len(turns) if _is_marked(body.get("system")) else 0
    for place, message in enumerate(_messages(body)):
        turns.extend(_turns(message, place, names))
        if _is_marked(message.get("content")):
            cacheable = len(turns)
    _check_prefill(turns)
    choice = checks.member(body, "tool_choice", dict, default={})
    thinks = _thinks(body, limit)
    return ModelRequest(
        wire="anthropic",
        endpoint=endpoint,
        model=model,
        body=body,
        stream=checks.member(body, "stream", bool, default=False),
        turns=tuple(turns),
        tools=_tools(body),
        tool_choice=choice.get("name") or _CHOICES.get(choice.get("type", "auto"), "auto"),
        parallel_tools=not choice.get("disable_parallel_tool_use"),
        schema=_schema(body),
        max_tokens=limit,
        stop=tuple(map(str, checks.member(body, "stop_sequences", list, default=[]))),
        reasoning=THOUGHT_TOKENS if thinks else 0,
        reasoning_shown=thinks,
        cacheable=len(turns) if "cache_control" in body else cacheable,
    )


def _messages(body: JsonObject) -> list[Any]:
    found: list[Any] | None = checks.member(body, "messages", list)
    if found is None:
        raise bad("messages: Field required", "messages")
    if not found:
        raise bad("messages: at least one message is required", "messages")
    return found


def _system(body: JsonObject) -> list[Turn]:
    system = checks.member(body, "system", (str, list))
    if not system:
        return []
    text = system if isinstance(system, str) else "\n".join(str(block.get("text", "")) for block in system)
    return [Turn("system", text)]


def _turns(message: Any, place: int, names: dict[str, str]) -> list[Turn]:
    """One message as turns. `names` remembers which call belongs to which tool."""
    path = f"messages.{place}"
    role = message.get("role") if isinstance(message, dict) else None
    if role not in {"user", "assistant", "system"}:
        raise bad(f"{path}.role: Input should be 'user' or 'assistant'", f"{path}.role")
    content = message.get("content")
    if isinstance(content, str) and content:
        return [Turn(role, content)]
    if not isinstance(content, list) or not content:
        raise bad(f"{path}: all messages must have non-empty content", f"{path}.content")
    gathered = Message()
    for number, block in enumerate(content):
        _gather(gathered, block, f"{path}.content.{number}", names)
    return gathered.turns(role)


def _gather(message: Message, block: Any, path: str, names: dict[str, str]) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        message.texts.append(str(block.get("text", "")))
    elif kind == "image":
        message.images.append(_image(block.get("source") or {}, path))
    elif kind == "tool_use":
        names[str(block.get("id"))] = str(block.get("name"))
        message.calls.append((str(block.get("name")), json.dumps(block.get("input") or {})))
    elif kind == "tool_result":
        message.results.append(_result(block, names))
    elif kind not in _SILENT_BLOCKS:
        raise bad(f"{path}: Input tag '{kind}' found using 'type' is not known", path)


def _result(block: JsonObject, names: dict[str, str]) -> Turn:
    content = block.get("content") or ""
    if not isinstance(content, str):
        content = "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    return Turn("tool", content, name=names.get(str(block.get("tool_use_id")), ""))


def _image(source: JsonObject, path: str) -> Image:
    if source.get("type") == "base64":
        return checks.image_of(str(source.get("media_type")), str(source.get("data")), f"{path}.source.data")
    return Image("image", url=str(source.get("url")))


def _check_prefill(turns: list[Turn]) -> None:
    last = turns[-1] if turns else None
    if last and last.role == "assistant" and not last.calls and last.text != last.text.rstrip():
        raise bad("messages: final assistant content cannot end with trailing whitespace", "messages")


def _tools(body: JsonObject) -> tuple[Tool, ...]:
    declared = checks.member(body, "tools", list, default=[])
    return tuple(
        Tool(str(tool.get("name")), str(tool.get("description") or ""), tool["input_schema"])
        for tool in declared
        if isinstance(tool.get("input_schema"), dict)
    )


def _schema(body: JsonObject) -> JsonObject | None:
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    schema = wanted.get("schema")
    return schema if wanted.get("type") == "json_schema" and isinstance(schema, dict) else None


def _thinks(body: JsonObject, limit: int | None) -> bool:
    thinking = checks.member(body, "thinking", dict, default={})
    if thinking.get("type") == "enabled":
        budget = checks.count_of(thinking, "budget_tokens", path="thinking.enabled.budget_tokens") or 0
        if budget < _MIN_BUDGET:
            raise bad(
                f"thinking.enabled.budget_tokens: Input should be greater than or equal to {_MIN_BUDGET}", "thinking"
            )
        if limit is not None and budget >= limit:
            raise bad("`max_tokens` must be greater than `thinking.budget_tokens`.", "max_tokens")
    return thinking.get("type") in {"enabled", "adaptive"}


def _is_marked(blocks: Any) -> bool:
    """Whether one of the blocks asks for the prompt cache: everything up to it is then cacheable."""
    return isinstance(blocks, list) and any(isinstance(block, dict) and block.get("cache_control") for block in blocks)
