"""The shape of messages, tools and response formats, as far as every provider's translation relies on it.

A mistake is refused with the path of its place, such as `messages[2].tool_calls[0].function.name`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.errors import InvalidRequest
from gateway.types import JsonObject

NO_LIST = "'messages' must be a list with at least one message."
PLAIN_ROLES = ("user", "assistant", "system", "developer")


def messages_check(most: int) -> Callable[[Any, str], None]:
    """A list with at most `most` messages; that there is one is checked already where one is needed."""

    def check(messages: Any, name: str) -> None:
        if not isinstance(messages, list):
            raise InvalidRequest(NO_LIST, param=name)
        if len(messages) > most:
            raise InvalidRequest(f"'{name}' may have at most {most} entries.", param=name)
        for index, message in enumerate(messages):
            if not is_plain(message):
                check_message(message, f"{name}[{index}]")

    return check


def is_plain(message: Any) -> bool:
    """A text in a role that needs nothing else, as most are."""
    return (
        isinstance(message, dict)
        and len(message) == 2
        and type(message.get("content")) is str
        and message.get("role") in PLAIN_ROLES
    )


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


def check_tools(tools: list[Any], name: str) -> None:
    for index, tool in enumerate(tools):
        where = f"{name}[{index}]"
        expect(isinstance(tool, dict), where, "an object")
        expect(isinstance(tool.get("type"), str), f"{where}.type", "a string")
        if tool["type"] == "function":
            check_function(tool.get("function"), f"{where}.function")


def check_functions(functions: list[Any], name: str) -> None:
    for index, function in enumerate(functions):
        check_function(function, f"{name}[{index}]")


def check_function(function: Any, where: str) -> None:
    expect(isinstance(function, dict), where, "an object")
    expect(isinstance(function.get("name"), str) and bool(function["name"]), f"{where}.name", "a name")
    expect(isinstance(function.get("description"), str | None), f"{where}.description", "a string")
    expect(isinstance(function.get("parameters"), dict | None), f"{where}.parameters", "a JSON schema")


def check_choice(choice: str | JsonObject, name: str) -> None:
    if isinstance(choice, dict):
        expect(isinstance(choice.get("type"), str), f"{name}.type", "a string")
        if choice["type"] == "function":
            function = choice.get("function")
            named = isinstance(function, dict) and isinstance(function.get("name"), str)
            expect(named, f"{name}.function.name", "a string")


def check_function_call(choice: str | JsonObject, name: str) -> None:
    if isinstance(choice, dict):
        expect(isinstance(choice.get("name"), str), f"{name}.name", "a string")


def check_format(wanted: JsonObject, name: str) -> None:
    if not wanted:
        return
    expect(isinstance(wanted.get("type"), str), f"{name}.type", "a string")
    if wanted["type"] == "json_schema":
        inner, where = wanted.get("json_schema"), f"{name}.json_schema"
        if not isinstance(inner, dict):
            raise InvalidRequest(f"'{where}' must be an object.", param=where)
        expect(isinstance(inner.get("name"), str), f"{where}.name", "a string")
        expect(isinstance(inner.get("schema"), dict | None), f"{where}.schema", "a JSON schema")


def expect(holds: bool, where: str, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Refuse the value at `where`, which was to be `what`."""
    if not holds:
        raise InvalidRequest(f"'{where}' must be {what}.", param=where)
