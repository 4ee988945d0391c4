"""What the OpenAPI page says of bodies, all of which the routes read themselves, after the key was checked."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

MESSAGE: dict[str, Any] = {
    "type": "object",
    "required": ["role"],
    "properties": {"role": {"type": "string"}, "content": {}},
}
PROMPT: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "version": {"type": "string"}, "variables": {"type": "object"}},
    "description": "A template of the library; 'messages' may then be empty.",
}


def document(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """A body that a route reads itself, so that the key is checked first."""
    return _body(model.model_json_schema(), required=required)


def _open(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return _body({"type": "object", "required": required, "properties": properties, "additionalProperties": True})


def _body(schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


CHAT_DOC = _open(
    ["model", "messages"],
    {
        "model": {"type": "string", "description": "A model group, a model by name, or 'auto'."},
        "messages": {"type": "array", "items": MESSAGE},
        "stream": {"type": "boolean", "default": False},
        "prompt": PROMPT,
        "fallbacks": {"type": "array", "items": {"type": "string"}},
    },
)
EMBEDDINGS_DOC = _open(
    ["model", "input"],
    {"model": {"type": "string"}, "input": {}, "encoding_format": {"enum": ["float", "base64"]}},
)
