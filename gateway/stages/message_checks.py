"""The shape of messages, tools and response formats, as far as every provider's translation relies on it.

A mistake is refused with the path of its place, such as `messages[2].tool_calls[0].function.name`.
"""

from __future__ import annotations

from typing import Any

from gateway.errors import InvalidRequest
from gateway.types import JsonObject


def check_messages(messages: Any, most: int, *, templated: bool) -> None:
    """At least one message and at most `most`; none is needed when a template brings some."""
    if messages is None and not templated:
        raise InvalidRequest("You must provide 'messages'.", code="missing_required_parameter", param="messages")
    if not isinstance(messages, list) or not (messages or templated):
        raise InvalidRequest("'messages' must be a list with at least one message.", param="messages")
    if len(messages) > most:
        raise InvalidRequest(f"'messages' may have at most {most} entries.", param="messages")
    for index, message in enumerate(messages):
        check_message(message, f"messages[{index}]")


def check_message(message: Any, where: str) -> None:
    """Role, content and tool calls."""
    expect(isinstance(message, dict), where, "an object")
    role = message.get("role")
    expect(isinstance(role, str), f"{where}.role", "a string")
    check_content(message.get("content"), f"{where}.content", optional=role == "assistant")
    for name in ("name", "tool_call_id"):
        expect(isinstance(message.get(name), str | None), f"{where}.{name}", "a string")
    if role == "tool":
        expect(bool(message.get("tool_call_id")), f"{where}.tool_call_id", "the id of a tool call")
    if role == "function":
        expect(bool(message.get("name")), f"{where}.name", "the name of a function")
    check_calls(message, where)


def check_content(content: Any, where: str, *, optional: bool) -> None:
    if content is None and optional:
        return
    expect(isinstance(content, str | list), where, "a string or a list of parts")
    if isinstance(content, list):
        for index, part in enumerate(content):
            check_part(part, f"{where}[{index}]")


def check_part(part: Any, where: str) -> None:
    expect(isinstance(part, dict), where, "an object")
    kind = part.get("type")
    expect(isinstance(kind, str), f"{where}.type", "a string")
    if kind == "text":
        expect(isinstance(part.get("text"), str), f"{where}.text", "a string")
    elif kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        expect(isinstance(url, str) and bool(url), f"{where}.image_url.url", "a string")
    elif kind in {"input_audio", "file"}:
        expect(isinstance(part.get(kind), dict), f"{where}.{kind}", "an object")


def check_calls(message: JsonObject, where: str) -> None:
    calls = message.get("tool_calls")
    expect(isinstance(calls, list | None), f"{where}.tool_calls", "a list")
    for index, call in enumerate(calls or ()):
        place = f"{where}.tool_calls[{index}]"
        expect(isinstance(call, dict), place, "an object")
        expect(isinstance(call.get("id"), str), f"{place}.id", "a string")
        if call.get("type", "function") == "function":
            check_call(call.get("function"), f"{place}.function")
    legacy = message.get("function_call")
    if legacy is not None:
        check_call(legacy, f"{where}.function_call")


def check_call(function: Any, where: str) -> None:
    expect(isinstance(function, dict), where, "an object")
    for name in ("name", "arguments"):
        expect(isinstance(function.get(name), str), f"{where}.{name}", "a string")


def check_tools(body: JsonObject) -> None:
    """Tools, functions, the choice among them, and the response format, whose own kinds were checked already."""
    for index, tool in enumerate(body.get("tools") or ()):
        where = f"tools[{index}]"
        expect(isinstance(tool, dict), where, "an object")
        expect(isinstance(tool.get("type"), str), f"{where}.type", "a string")
        if tool["type"] == "function":
            check_function(tool.get("function"), f"{where}.function")
    for index, function in enumerate(body.get("functions") or ()):
        check_function(function, f"functions[{index}]")
    check_choice(body.get("tool_choice"))
    legacy = body.get("function_call")
    if isinstance(legacy, dict):
        expect(isinstance(legacy.get("name"), str), "function_call.name", "a string")
    check_format(body.get("response_format") or {"type": "text"})


def check_function(function: Any, where: str) -> None:
    expect(isinstance(function, dict), where, "an object")
    expect(isinstance(function.get("name"), str) and bool(function["name"]), f"{where}.name", "a name")
    expect(isinstance(function.get("description"), str | None), f"{where}.description", "a string")
    expect(isinstance(function.get("parameters"), dict | None), f"{where}.parameters", "a JSON schema")


def check_choice(choice: Any) -> None:
    if isinstance(choice, dict):
        expect(isinstance(choice.get("type"), str), "tool_choice.type", "a string")
        if choice["type"] == "function":
            function = choice.get("function")
            named = isinstance(function, dict) and isinstance(function.get("name"), str)
            expect(named, "tool_choice.function.name", "a string")


def check_format(wanted: JsonObject) -> None:
    expect(isinstance(wanted.get("type"), str), "response_format.type", "a string")
    if wanted["type"] == "json_schema":
        inner, where = wanted.get("json_schema"), "response_format.json_schema"
        if not isinstance(inner, dict):
            raise InvalidRequest(f"'{where}' must be an object.", param=where)
        expect(isinstance(inner.get("name"), str), f"{where}.name", "a string")
        expect(isinstance(inner.get("schema"), dict | None), f"{where}.schema", "a JSON schema")


def expect(holds: bool, where: str, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Refuse the value at `where`, which was to be `what`."""
    if not holds:
        raise InvalidRequest(f"'{where}' must be {what}.", param=where)
