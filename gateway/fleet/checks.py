"""Small checks that the wires share when they read a body. Each raises `Refusal` (400) naming the parameter."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

import msgspec

from gateway.fleet.images import look
from gateway.fleet.shapes import Image, JsonObject, Refusal

ANY_OBJECT: JsonObject = {  # what a model writes when it is only told to write JSON
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "summary": {"type": "string"},
        "points": {"type": "array", "items": {"type": "string"}, "minItems": 3},
    },
    "required": ["title", "summary", "points"],
}


def bad(message: str, param: str | None = None, code: str = "invalid_value") -> Refusal:
    return Refusal(400, code, message, param=param)


def is_bad_key(key: str) -> bool:
    """Keys that begin with "bad", "sk-bad" or "sk-ant-bad" are refused; all others are good."""
    return key.strip().startswith(("bad", "sk-bad", "sk-ant-bad"))


def json_object(body: bytes) -> JsonObject:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad(f"We could not parse the JSON body of your request: {error}") from error
    if not isinstance(value, dict):
        raise bad("The body of the request must be a JSON object.")
    return value


def member(body: JsonObject, name: str, kind: type | tuple[type, ...], default: Any = None, path: str = "") -> Any:
    """`body[name]` if it is of `kind` (a boolean is no number); `default` when it is missing or null."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise bad(f"Invalid type for '{path or name}'.", path or name, "invalid_type")
    return value


def within(body: JsonObject, name: str, low: float, high: float) -> float | None:
    """The number `body[name]`, checked against its bounds."""
    value: float | None = member(body, name, (int, float))
    if value is not None and not low <= value <= high:
        raise bad(f"Invalid '{name}': expected a value between {low} and {high}, but got {value}.", name)
    return value


def count_of(body: JsonObject, name: str, high: int | None = None, path: str = "") -> int | None:
    """The whole number `body[name]`, at least 1."""
    value: int | None = member(body, name, int, path=path)
    if value is not None and (value < 1 or (high is not None and value > high)):
        raise bad(f"Invalid '{path or name}': integer out of range, got {value}.", path or name)
    return value


def image_of(media_type: str, encoded: str, param: str) -> Image:
    """The image in base64 `encoded`."""
    try:
        data = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad("The image data is not valid base64.", param, "invalid_image") from error
    return look(media_type, data)
