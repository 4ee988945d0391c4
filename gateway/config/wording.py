"""What validation found, said to a person: which key, what is wrong with it, how to mend it.

Values are never repeated, but for a few plain words that cannot be secrets.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from gateway.config.positions import Section, place
from gateway.config.problems import Path, Problem, did_you_mean

_KINDS = {
    "int": ("must be a whole number", "write one, without quotes"),
    "float": ("must be a number", "write one, without quotes"),
    "bool": ("must be true or false", "write `true` or `false`"),
    "string": ("must be a text", "put it in quotes"),
    "finite": ("is not a finite number", "write a plain number"),
    "tuple": ("must be a list", "put each entry on its own line after `- `, or write `[a, b]`"),
    "list": ("must be a list", "put each entry on its own line after `- `, or write `[a, b]`"),
    "dict": ("must be a section", "write `key: value` lines below it, indented"),
    "mapping": ("must be a section", "write `key: value` lines below it, indented"),
    "model": ("must be a section", "write `key: value` lines below it, indented"),
    "path": ("must be a path", "write it in quotes"),
}
_BOUNDS = {
    "greater_than": ("must be greater than {gt}", "raise it"),
    "greater_than_equal": ("must be at least {ge}", "raise it"),
    "less_than": ("must be less than {lt}", "lower it"),
    "less_than_equal": ("must be at most {le}", "lower it"),
    "string_too_short": ("is empty", "write a value, or take the key out"),
    "string_too_long": ("is too long", "shorten it"),
    "too_short": ("is empty", "give at least one entry"),
}
_KEY = "[key]"  # pydantic's mark for a mapping's key, where its value would stand
_OTHERWISE = ("has a value that does not fit", "see docs/configuration.md")
_PATTERNS = {
    "class": ("must name a class", "write `package.module:Class`"),
    "id": ("has characters that an id cannot have", "use letters, digits and . _ - : / @ #"),
}


def problems_of(error: ValidationError, model: type[BaseModel], root: Section) -> Iterator[Problem]:
    """Every finding of one validation of `model` against `root`."""
    findings = error.errors(include_input=False, include_url=False)
    paths = {tuple(found["loc"]) for found in findings}
    misspelt = _misspelt(findings, model)
    wrong_keys = {path[:-1] for path in paths if path[-1:] == (_KEY,)}
    for found in findings:
        path, kind = tuple(found["loc"]), found["type"]
        if kind == "too_short" and any(other[:-1][: len(path)] == path for other in paths):
            continue  # its entries are there, but wrong
        if path[-1:] == (_KEY,):
            key, options = path[:-1], _key_options(model, path[:-2])
            yield Problem(place(root, key, key=True), key, *_no_such_key(str(key[-1]), options))
            continue
        if any(path[: len(key)] == key for key in wrong_keys):
            continue  # whatever is wrong below a key that does not exist
        if kind == "missing" and path[-1] in misspelt.get(path[:-1], ()):
            continue  # the key is there, with a typing mistake that is told
        mark = place(root, path, key=kind == "extra_forbidden")
        yield Problem(mark, path, *_say(kind, path, found.get("ctx", {}), model, root))


def _say(kind: str, path: Path, ctx: Mapping[str, Any], model: type[BaseModel], root: Section) -> tuple[str, str]:
    last = str(path[-1]) if path else ""
    match kind:
        case "extra_forbidden":
            return _no_such_key(last, keys_at(model, path[:-1]))
        case "missing" if path == ("model_list",) and _stored(root):
            return "is missing", "list the models that are in LiteLLM's database: it is not read here"
        case "missing":
            return "is missing", _instead(root, path, model) or f"add `{last}: …`"
        case "literal_error":
            options = literal_options(model, path)
            return f"must be one of {', '.join(options)}", did_you_mean(_plain_word(root, path), options)
        case "value_error":
            what, _, mend = str(ctx["error"]).partition("; ")
            return what, mend
    said = _PATTERNS.get(last) if kind == "string_pattern_mismatch" else _BOUNDS.get(kind)
    what, mend = said or _KINDS.get(kind.split("_", maxsplit=1)[0], _OTHERWISE)
    bounds = {name: f"{value:g}" for name, value in ctx.items() if isinstance(value, int | float)}
    return what.format(**bounds), mend


def _stored(root: Section) -> bool:
    """Whether LiteLLM keeps the models of this file in its database."""
    general = root.get("general_settings")
    return isinstance(general, Section) and bool(general.get("store_model_in_db"))


def _misspelt(findings: Sequence[Any], model: type[BaseModel]) -> dict[Path, set[str]]:
    """By section: the keys that are meant by those that do not exist."""
    meant: dict[Path, set[str]] = {}
    for found in findings:
        path = tuple(found["loc"])
        if found["type"] == "extra_forbidden":
            meant.setdefault(path[:-1], set()).update(_near(str(path[-1]), keys_at(model, path[:-1])))
    return meant


def _instead(root: Section, path: Path, model: type[BaseModel]) -> str | None:
    """The unknown key that stands where the missing one is wanted: a block of LiteLLM's may have any key."""
    known = keys_at(model, path[:-1])
    strange = [name for name in _at(root, path[:-1]) or () if isinstance(name, str) and name not in known]
    near = next((name for name in strange if str(path[-1]) in _near(name, known)), None)
    return f"did you mean it by `{near}`?" if near else None


def _near(word: str, known: list[str]) -> list[str]:
    return difflib.get_close_matches(word, known, n=1)


def _at(root: Section, path: Path) -> Any:
    here: Any = root
    for part in path:
        has_parts = isinstance(here, dict | list)
        if not has_parts:
            break  # one value that stands for a list
        here = here[part]
    return here


def _no_such_key(key: str, known: list[str]) -> tuple[str, str]:
    if key in {"fallback", "fallbacks"} and "fallbacks" not in known:
        return "there is no such key", "give each group its own: `groups.<name>.fallbacks`"
    return "there is no such key", did_you_mean(key, known)


def _plain_word(root: Section, path: Path) -> str:
    here = _at(root, path)
    return here if isinstance(here, str) else ""


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the section at `path` may have."""
    section = model_at(model, path)
    return [field.alias or name for name, field in section.model_fields.items()] if section else []


def model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the section at `path`, or None where there is none."""
    found = _bare(_annotation_at(model, path))
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def literal_options(model: type[BaseModel], path: Path) -> list[str]:
    """The words that the value at `path` may be."""
    return [str(option) for option in get_args(_bare(_annotation_at(model, path)))]


def _key_options(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the mapping at `path` may have."""
    return [str(option) for option in get_args(_bare(get_args(_bare(_annotation_at(model, path)))[0]))]


def _annotation_at(model: type[BaseModel], path: Path) -> Any:
    here: Any = model
    for part in path:
        here = _bare(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            by_key = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
            here = by_key.get(str(part))
        elif get_origin(here) is tuple:
            here = get_args(here)[0]
        elif get_args(here) and get_origin(here) is not Literal:
            here = get_args(here)[-1]
        else:
            return None
    return here


def _bare(annotation: Any) -> Any:
    """Without `Annotated` and without `| None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in {Union, types.UnionType}:
            annotation = next(each for each in get_args(annotation) if each is not type(None))
        else:
            return annotation
