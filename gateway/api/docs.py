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
    schema = model.model_json_schema()
    return _body(_inlined(schema, schema.pop("$defs", {})), required=required)


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """Without references: they would be looked for at the top of the whole page."""
    if isinstance(schema, list):
        return [_inlined(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(each, definitions) for name, each in schema.items()}


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
