"""LiteLLM's config.yaml as a document that keeps its comments: read with what it includes, changed key by key, written.

The file was loaded before, so that it can be read; references in it stay what they are.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError

from gateway.config.config import ConfigFile
from gateway.config.references import PREFIX
from gateway.store.failures import MoveRefused

BLOCKS = ("router_settings", "litellm_settings", "general_settings")
Spot = tuple[str, ...]  # a key of a block, or a block


def lay(doc: CommentedMap, sections: Mapping[str, Any]) -> None:
    """Put what is missing into the document: new sections after all others."""
    new = [name for name in sections if not isinstance(doc.get(name), Mapping)]
    _fill(doc, sections)
    if new:
        doc.yaml_set_comment_before_after_key(new[0], before="\nWhat LiteLLM's settings mean here")


def _fill(here: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(here.get(name), Mapping) and isinstance(value, Mapping):
            _fill(here[name], value)
        else:
            here[name] = value


def spots(doc: Mapping[str, Any]) -> Iterator[Spot]:
    """The keys in LiteLLM's settings blocks, and its other blocks."""
    for name, value in doc.items():
        if name in BLOCKS and isinstance(value, Mapping):
            yield from ((name, key) for key in value)
        elif name not in ConfigFile.model_fields or name in BLOCKS or name == "policies":
            yield (name,)


def value_at(doc: Mapping[str, Any], spot: Spot) -> Any:
    return doc[spot[0]] if len(spot) == 1 else doc[spot[0]][spot[1]]


def refers(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(refers, value.values()))
    if isinstance(value, list):
        return any(map(refers, value))
    return isinstance(value, str) and value.startswith(PREFIX)


def read_whole(path: Path, seen: set[Path]) -> CommentedMap:
    """The file with those that it includes laid into it, as the loader does.

    Raises MoveRefused for a key that stands twice: only one of the two could be kept with its comments.
    """
    seen.add(path.resolve())
    try:
        doc = parse(path.read_text(encoding="utf-8-sig"))
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        raise MoveRefused(
            f"{path}:{line}: a key stands twice; keep one of them, then it can be written in our form."
        ) from None
    names = doc.pop("include", None) or ()
    for name in [names] if isinstance(names, str) else names:
        if (target := path.parent / name).resolve() not in seen:
            _merge(doc, read_whole(target, seen))
    return doc


def _merge(into: Any, other: Any) -> None:
    for key, value in other.items():
        if into.get(key) is None:
            into[key] = value
        elif isinstance(into[key], Mapping):
            _merge(into[key], value)
        elif isinstance(into[key], CommentedSeq):
            into[key].extend(value)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4_096
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def parse(text: str) -> CommentedMap:
    found = _yaml().load(text)
    return found if isinstance(found, CommentedMap) else CommentedMap()


def dump(doc: CommentedMap) -> str:
    out = io.StringIO()
    _yaml().dump(doc, out)
    return out.getvalue()
