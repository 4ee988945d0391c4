"""JSON that is valid for its schema, checked by a validator that is not ours."""

from __future__ import annotations

import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fleet.patterns import matching
from gateway.fleet.schema import instance

PROMPT = "Invite 12 people from Oslo and Paris for 3 days, by train"
SCHEMAS: dict[str, Any] = {
    "nothing said": {},
    "anything": True,
    "nested": {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True},
            "author": {"$ref": "#/$defs/person"},
            "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/person"}]},
        },
        "required": ["title", "tags", "author", "maybe"],
        "additionalProperties": False,
        "$defs": {
            "person": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 6}, "age": {"type": "integer", "minimum": 18}},
                "required": ["name", "age"],
                "additionalProperties": False,
            }
        },
    },
    "tree": {
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$ref": "#"}}, "value": {"type": "number"}},
        "required": ["children", "value"],
    },
    "list": {
        "$ref": "#/definitions/node",
        "definitions": {
            "node": {
                "type": "object",
                "properties": {"next": {"oneOf": [{"$ref": "#/definitions/node"}, {"type": "null"}]}},
                "required": ["next"],
            }
        },
    },
    "enum": {"enum": ["plane", "train", None]},
    "const": {"const": {"a": [1]}},
    "types": {"type": ["null", "integer"]},
    "tuple": {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"type": "boolean"}],
        "items": False,
        "minItems": 2,
    },
    "many": {"type": "array", "items": {"type": "integer"}, "minItems": 7, "maxItems": 9},
    "few": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
        ]
    },
    "any of with siblings": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "anyOf": [{"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
    },
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    "required but not described": {"type": "object", "required": ["q"]},
    "short": {"type": "string", "maxLength": 3},
    "long": {"type": "string", "minLength": 300, "maxLength": 400},
    "even": {"type": "integer", "exclusiveMinimum": 6, "maximum": 9, "multipleOf": 2},
    "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    "cents": {"type": "number", "multipleOf": 0.25, "maximum": 1},
    "plate": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,4}$"},
    **{
        form: {"type": "string", "format": form}
        for form in ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid")
    },
}


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_value_is_valid(name: str, seed: int) -> None:
    value = instance(SCHEMAS[name], PROMPT, seed)
    jsonschema.validate(value, SCHEMAS[name], format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)


def test_gemini_spells_types_in_capitals() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"n": {"type": "INTEGER"}, "s": {"type": "ARRAY", "items": {"type": "STRING"}}},
    }
    value = instance(schema, PROMPT)
    assert value["n"] == 12
    assert all(isinstance(item, str) for item in value["s"])


def test_the_value_speaks_of_what_was_asked() -> None:
    schema = {
        "properties": {
            "city": {"type": "string"},
            "people": {"type": "integer"},
            "days": {"type": "integer"},
            "vehicle": {"enum": ["plane", "train"]},
        }
    }
    assert instance(schema, PROMPT) == {"city": "Oslo", "people": 12, "days": 3, "vehicle": "train"}
    assert instance(schema, PROMPT, turn=1)["city"] == "Paris"


def test_a_schema_without_end_ends() -> None:
    endless = {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}
    assert isinstance(instance(endless, PROMPT), dict)
    assert instance({"$ref": "#"}, PROMPT)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}-\d{4}$",
        r"^@[a-zA-Z0-9_]+$",
        r"^\+?[1-9]\d{1,14}$",
        r"^(foo|bar)+$",
        r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
        r"^#(?:[0-9a-f]{3}){1,2}$",
        r"\bv\d+\.\d+(\.\d+)?\b",
        r"^(?P<y>\d{4})-(?P<m>0[1-9]|1[0-2])$",
        r"^.{5,}$",
        r"^a*?$",
        r"^[-a]b]?$",
        r"[]a]",
        r"^[^\w\s]$",
        r"x{,2}y",
        "",
    ],
)
def test_a_pattern_is_matched(pattern: str) -> None:
    assert re.search(pattern, matching(pattern))


def test_a_pattern_can_be_made_longer() -> None:
    assert len(matching("^[a-z]+$", 12)) >= 12


simple = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["string", "number", "boolean", "null"])}),
    st.integers(-50, 50).map(lambda low: {"type": "integer", "minimum": low, "maximum": low + 5}),
    st.integers(0, 40).map(lambda size: {"type": "string", "minLength": size, "maxLength": size + 3}),
    st.lists(st.text(max_size=4), min_size=1).map(lambda values: {"enum": values}),
)
schemas = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.tuples(inner, st.integers(0, 4)).map(lambda made: {"type": "array", "items": made[0], "minItems": made[1]}),
        st.dictionaries(st.text(max_size=5), inner, max_size=4).map(
            lambda members: {
                "type": "object",
                "properties": members,
                "required": list(members)[::2],
                "additionalProperties": False,
            }
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(schemas)
def test_any_schema_of_the_usual_kind_is_met(schema: dict[str, Any]) -> None:
    jsonschema.validate(instance(schema, PROMPT), schema)
