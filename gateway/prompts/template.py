"""A prompt template as the gateway holds it: checked, compiled, immutable. Files are read by `library`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.prompts.neutralise import fence, quote
from gateway.prompts.render import Message
from gateway.prompts.schema import ListVariable, StringVariable, TextVariable, Value, Variable
from gateway.types import JsonObject

MAX_OUTPUT = 256 * 1024  # bytes of UTF-8, over all messages of a version


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a template. Its messages are compiled, and use no variable but its own."""

    template: str
    version: str
    notes: str
    needs_brand: bool
    variables: Mapping[str, Variable]
    messages: tuple[Message, ...]

    def render(self, values: Mapping[str, Value], nonce: str) -> list[JsonObject]:
        """Chat messages: always as many, in the same roles. `values` come from `validate_variables`.

        Raises `OversizeError` above `MAX_OUTPUT`.
        """
        prepared = {name: _as_data(name, variable, values[name], nonce) for name, variable in self.variables.items()}
        rendered: list[JsonObject] = []
        left = MAX_OUTPUT
        for message in self.messages:
            content = message.render(prepared, left)
            left -= len(content.encode())
            rendered.append({"role": message.role, "content": content})
        return rendered


@dataclass(frozen=True, slots=True)
class Template:
    """All versions of one template, in the order of its file; `current` serves requests that name none."""

    id: str
    title: str
    description: str
    category: str
    current: str
    versions: Mapping[str, Version]

    def describe(self) -> JsonObject:
        """For a form: everything but the messages."""
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "category": self.category,
            "current": self.current,
            "versions": [
                {
                    "version": version.version,
                    "notes": version.notes,
                    "needs_brand": version.needs_brand,
                    "variables": [
                        {"name": name, **variable.model_dump(mode="json", exclude_none=True)}
                        for name, variable in version.variables.items()
                    ],
                }
                for version in self.versions.values()
            ],
        }


def _as_data(name: str, variable: Variable, value: Value, nonce: str) -> Any:
    """Free text in its quotation marks or fence; what is empty stays empty, so that a template can test for it."""
    match variable:
        case StringVariable():
            return quote(str(value), nonce) if value else ""
        case TextVariable():
            return fence(name, str(value), nonce) if value else ""
        case ListVariable() if isinstance(value, list):
            return [quote(item, nonce) for item in value]
        case _:
            return value
