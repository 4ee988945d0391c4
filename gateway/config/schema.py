"""The JSON schema of `config.yaml`, for editors: what the models say, and what they take besides. Pure.

A value may be absent (`null`), be `os.environ/NAME`, or be one entry instead of a list. In LiteLLM's blocks further keys
are fine and values may be written in several ways: there the schema helps with names, and `atelier check` with the rest.
"""

from __future__ import annotations

from typing import Any

from gateway.config.config import ConfigFile
from gateway.config.litellm_keys import OTHER_BLOCKS
from gateway.config.litellm_words import said

Schema = dict[str, Any]
_VARIABLE = {"$ref": "#/$defs/Variable"}
_NOTHING = {"type": "null"}
_ANY_SCALAR = ["string", "integer", "number", "boolean", "null"]
_SCALARS = ("integer", "number", "boolean")
_NARROW = frozenset({"enum", "const", "pattern", "maxLength"})
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}  # pydantic's words
_SAID_OUTSIDE = ("description", "default", "title")


def json_schema() -> Schema:
    """As `atelier schema` prints it and docs/config.schema.json has it."""
    schema = ConfigFile.model_json_schema(by_alias=True)
    definitions = {name: _section(each) for name, each in sorted(schema.pop("$defs").items())}
    definitions["Variable"] = {
        "description": "The value of an environment variable.",
        "type": "string",
        "pattern": "^os\\.environ/.+",
    }
    top = _section(schema)
    # LiteLLM has policies, too: of guardrails, by name; and an included file may have the models
    names = "|".join(sorted({*OTHER_BLOCKS, "credential_list"} - top["properties"].keys()))
    top["properties"]["policies"]["anyOf"].append({"type": "object", "additionalProperties": {"type": "object"}})
    del top["required"]
    top["anyOf"] = [{"required": ["model_list"]}, {"required": ["include"]}]
    top["patternProperties"] = {f"^(x-.*|{names})$": {"description": "LiteLLM's, or a place for YAML anchors."}}
    for name, section in (("", top), *definitions.items()):
        _describe(name, section, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Atelier configuration",
        "description": "config.yaml of the Atelier gateway; docs/configuration.md explains every key.",
        **{name: value for name, value in top.items() if name not in _SAID_OUTSIDE},
        "$defs": definitions,
    }


def _section(section: Schema) -> Schema:
    """A model's schema, with the values of its keys opened."""
    if "properties" not in section:
        return section
    wanted = set(section.get("required", ()))
    lenient = section.get("additionalProperties") is True
    properties = {
        name: _opened(each, lenient=lenient, wanted=name in wanted) for name, each in section["properties"].items()
    }
    return {**{name: each for name, each in section.items() if name != "title"}, "properties": properties}


def _describe(model: str, section: Schema, definitions: Schema) -> None:
    """Words for the keys that have none of their own: LiteLLM's, and those that are said as their sections are."""
    for key, value in section.get("properties", {}).items():
        if words := said(model, key):
            value.setdefault("description", words)
        named = next((each["$ref"] for each in value.get("anyOf", [value]) if "$ref" in each), "")
        if words := definitions.get(named.removeprefix("#/$defs/"), {}).get("description"):
            value.setdefault("description", words)


def _opened(value: Schema, *, lenient: bool, wanted: bool) -> Schema:
    """A value's schema with everything else that may stand in its place."""
    outside = {name: value[name] for name in _SAID_OUTSIDE if name in value and name != "title"}
    inside = {name: each for name, each in value.items() if name not in _SAID_OUTSIDE}
    options = [_inner(each, lenient=lenient) for each in inside.get("anyOf", [inside])]
    if lenient:
        options = [each for each in options if not _is_scalar(each)] + [{"type": _ANY_SCALAR}]
    extra = [_VARIABLE] if any(_is_narrow(each) for each in options) else []
    extra += [option["items"] for option in options if _is_list_of_scalars(option)]
    extra += [] if wanted or _NOTHING in options or lenient else [_NOTHING]
    options += [each for each in extra if each not in options]
    return {**(options[0] if len(options) == 1 else {"anyOf": options}), **outside}


def _inner(value: Schema, *, lenient: bool) -> Schema:
    """The entries of a list or mapping are values, too."""
    out = {_BOUNDS.get(name, name): each for name, each in value.items() if name != "title"}
    for name in ("items", "additionalProperties"):
        if isinstance(out.get(name), dict):
            out[name] = _opened(out[name], lenient=lenient, wanted=True)
    return out


def _is_scalar(value: Schema) -> bool:
    return value.get("type") in (*_SCALARS, "string", "null") or "enum" in value or "const" in value


def _is_narrow(value: Schema) -> bool:
    """Whether `os.environ/NAME` does not fit it as it is."""
    return value.get("type") in _SCALARS or not _NARROW.isdisjoint(value)


def _is_list_of_scalars(value: Schema) -> bool:
    return value.get("type") == "array" and isinstance(value.get("items"), dict) and "$ref" not in value["items"]
