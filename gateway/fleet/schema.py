"""Makes a value that is valid for a JSON schema and speaks of what was asked.

Knows the keywords that the providers accept: type (also in Gemini's capitals), properties, required, items,
prefixItems, enum, const, anyOf, oneOf, allOf, $ref, $defs, format, pattern and all the bounds. A schema that no
finite value fits gets null where it does not end.
"""

from __future__ import annotations

import math
import random
from typing import Any

from gateway.fleet import strings
from gateway.fleet.brief import Brief, read
from gateway.fleet.shapes import JsonObject

_DEEP = 4  # from here on only what is required
_TOO_DEEP = 24
_USUAL_ITEMS = 3
_SIMPLE = frozenset({"string", "number", "integer", "boolean", "null"})


def instance(schema: Any, prompt: str, seed: int = 0, turn: int = 0) -> Any:
    """A value for `schema`. With another `turn` the next names and numbers of the prompt are used."""
    return _Maker(schema, read(prompt), prompt, random.Random(f"{prompt}|{seed}"), turn).make(schema, "", 0)  # noqa: S311


class _Maker:
    def __init__(self, root: Any, brief: Brief, prompt: str, draw: random.Random, turn: int) -> None:
        self._root = root
        self._words = strings.Words(brief, prompt, turn)
        self._draw = draw

    def make(self, schema: Any, name: str, depth: int) -> Any:
        if not isinstance(schema, dict):
            return self._words.text(name, {}) if schema is True else None
        if depth > _TOO_DEEP:
            return None
        schema = self._settled(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._chosen(schema["enum"])
        match _type_of(schema):
            case "object":
                made: Any = self._object(schema, depth)
            case "array":
                made = self._array(schema, name, depth)
            case "integer" | "number" as kind:
                made = _number(schema, self._words.number(), whole=kind == "integer")
            case "boolean":
                made = True
            case "null":
                made = None
            case _:
                made = self._words.text(name, schema)
        return made

    def _settled(self, schema: JsonObject, depth: int) -> JsonObject:
        """The schema without references and choices."""
        for _ in range(_TOO_DEEP):
            if "$ref" in schema:
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._resolved(schema["$ref"]), **rest}
            elif schema.get("allOf"):
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for part in schema["allOf"]:
                    rest = _merged(rest, self._settled(part, depth))
                schema = rest
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                rest = {key: value for key, value in schema.items() if key not in {"anyOf", "oneOf"}}
                schema = _merged(rest, self._option(options, depth))
            else:
                break
        return schema

    def _option(self, options: list[Any], depth: int) -> JsonObject:
        known = [option for option in options if isinstance(option, dict)]
        if depth >= _DEEP:
            known.sort(key=_simplest_first)
        else:
            known.sort(key=lambda option: _type_of(option) == "null")
        return known[0] if known else {}

    def _resolved(self, reference: str) -> JsonObject:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not step:
                continue
            found = found[int(key)] if isinstance(found, list) and key.isdigit() else found.get(key, {})
        return found if isinstance(found, dict) else {}

    def _chosen(self, values: list[Any]) -> Any:
        """The value that the prompt speaks of; else any."""
        spoken = [value for value in values if isinstance(value, str) and self._words.mentions(value)]
        usable = [value for value in values if value is not None] or values
        return spoken[0] if spoken else self._draw.choice(usable)

    def _object(self, schema: JsonObject, depth: int) -> JsonObject:
        properties = schema.get("properties") or {}
        required = schema.get("required") or []
        wanted = [name for name in properties if name in required or depth < _DEEP]
        order = schema.get("propertyOrdering") or []
        wanted.sort(key=lambda name: order.index(name) if name in order else len(order))
        made = {name: self.make(properties[name], name, depth + 1) for name in wanted}
        extra = schema.get("additionalProperties", True)
        for name in required:
            if name not in made:
                made[name] = self.make(extra, name, depth + 1)
        least = schema.get("minProperties", 0 if properties or not isinstance(extra, dict) else 1)
        while len(made) < least and extra is not False:
            name = self._words.key(len(made))
            made[name] = self.make(extra, name, depth + 1)
        return made

    def _array(self, schema: JsonObject, name: str, depth: int) -> list[Any]:
        fixed = schema.get("prefixItems") or []
        made = [self.make(item, name, depth + 1) for item in fixed]
        items = schema.get("items", schema.get("contains", not fixed))
        least = int(schema.get("minItems", 0))
        usual = least if depth >= _DEEP or items is False else max(least, _USUAL_ITEMS if not fixed else len(fixed))
        number = min(usual, int(schema.get("maxItems", usual)))
        singular = name.removesuffix("s")
        for _ in range(8 * number):
            if len(made) >= number:
                break
            item = self.make(items, singular, depth + 1)
            if not schema.get("uniqueItems") or item not in made:
                made.append(item)
        return made


def _type_of(schema: JsonObject) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if str(one).lower() != "null"), "null")
    if kind is not None:
        return str(kind).lower()
    if "properties" in schema or "additionalProperties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    bounds = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    return "number" if bounds & schema.keys() else "string"


def _simplest_first(option: JsonObject) -> int:
    """Where a choice goes when it is time to come to an end."""
    if "$ref" in option or _type_of(option) not in _SIMPLE:
        return 2
    return 0 if _type_of(option) == "null" else 1


def _merged(base: JsonObject, other: JsonObject) -> JsonObject:
    """Both schemas at once, as far as that can be said in one."""
    merged = {**base, **other}
    if "properties" in base and "properties" in other:
        merged["properties"] = {**base["properties"], **other["properties"]}
    if "required" in base and "required" in other:
        merged["required"] = [*base["required"], *(name for name in other["required"] if name not in base["required"])]
    if "additionalProperties" in base and base["additionalProperties"] is False and "properties" in merged:
        merged["additionalProperties"] = False
    return merged


def _number(schema: JsonObject, wish: float, *, whole: bool) -> float:
    """The number nearest to `wish` that keeps the bounds."""
    step = schema.get("multipleOf") or (1 if whole else 0)
    low = schema.get("minimum", -math.inf)
    high = schema.get("maximum", math.inf)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    nudge = step or _nudge(above, below)
    if isinstance(above, int | float):
        low = max(low, above + nudge)
    if isinstance(below, int | float):
        high = min(high, below - nudge)
    value = max(low, min(high, wish))
    if step:
        value = math.ceil(value / step) * step
        value = value - step if value > high else value
    return int(value) if whole or value == int(value) else round(value, 10)


def _nudge(above: Any, below: Any) -> float:
    """How far from an excluded bound to stay: half of the room between two, else one."""
    if isinstance(above, int | float) and isinstance(below, int | float):
        return min(1.0, (below - above) / 2)
    return 1.0
