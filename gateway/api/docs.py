"""What the OpenAPI page says of bodies that are passed on as they are."""

from __future__ import annotations

from typing import Any

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


def _document(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": True}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


CHAT_DOC = _document(
    ["model", "messages"],
    {
        "model": {"type": "string", "description": "A model group, a model by name, or 'auto'."},
        "messages": {"type": "array", "items": MESSAGE},
        "stream": {"type": "boolean", "default": False},
        "prompt": PROMPT,
        "fallbacks": {"type": "array", "items": {"type": "string"}},
    },
)
EMBEDDINGS_DOC = _document(
    ["model", "input"],
    {"model": {"type": "string"}, "input": {}, "encoding_format": {"enum": ["float", "base64"]}},
)
