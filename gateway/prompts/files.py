"""Template and brand files from disk to checked specifications, as YAML 1.2.

Nothing raises on a bad file: each problem becomes a sentence with file and key, so that all are told at once.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gateway.prompts import schema
from gateway.prompts.schema import BrandSpec, TemplateSpec

MAX_FILE = 512 * 1024  # bytes
_TYPE_AT = 4  # versions, 0, variables, topic, string
_MODELS = (BrandSpec, TemplateSpec, schema.VersionSpec, schema.MessageSpec, schema.Vocabulary, *schema.VARIABLES)
_KEYS = sorted({key for model in _MODELS for key in model.model_fields})
Spec = TypeVar("Spec", TemplateSpec, BrandSpec)


def read_folder(folder: Path, model: type[Spec], problems: list[str]) -> list[tuple[Path, Spec]]:
    """Every `.yaml` file of `folder`, sorted by name; a folder that is not there has none."""
    problems.extend(f"{file}: is not read; let its name end in .yaml" for file in sorted(folder.glob("*.yml")))
    read = ((file, _read(file, model, problems)) for file in sorted(folder.glob("*.yaml")))
    return [(file, spec) for file, spec in read if spec is not None]


def _read(file: Path, model: type[Spec], problems: list[str]) -> Spec | None:
    try:
        spec = model.model_validate(_parse(file))
    except ValidationError as error:
        problems.extend(f"{file}: {problem}" for problem in _explain(error))
        return None
    except (OSError, YAMLError, ValueError, RecursionError) as error:
        problems.append(f"{file}: {_first_lines(error)}")
        return None
    if spec.id != file.stem:
        problems.append(f"{file}: id: is {spec.id!r}, but the file's name says {file.stem!r}; make them equal")
        return None
    return spec


def _parse(file: Path) -> Any:
    if file.stat().st_size > MAX_FILE:
        raise ValueError(f"is larger than {MAX_FILE // 1024} KB")
    data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError("must be a mapping of keys to values")  # noqa: TRY004 - told like every other problem
    return data


def _first_lines(error: Exception) -> str:
    """YAML's errors are many indented lines; the place and the reason are what a person needs."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is not None and problem:
        return f"line {mark.line + 1}: {problem}"
    return str(error)


def _explain(error: ValidationError) -> list[str]:
    """One sentence a problem, for example `versions[0].variables.topic.max_length: …`."""
    found = error.errors(include_url=False, include_input=False)
    places = [item["loc"] for item in found]
    return [
        f"{_path(item['loc'])}: {_sentence(item)}"
        for item in found
        if not (item["type"] == "too_short" and any(_is_inside(place, item["loc"]) for place in places))
    ]


def _is_inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    """A list counts as too short when one of its members is faulty; only the member's fault is news."""
    return len(place) > len(outer) and place[: len(outer)] == outer


def _sentence(item: ErrorDetails) -> str:
    match item["type"]:
        case "missing":
            return "is required"
        case "union_tag_not_found":
            return "type is required"
        case "union_tag_invalid":
            return f"type must be one of {item['ctx']['expected_tags']}"
        case "extra_forbidden":
            near = get_close_matches(str(item["loc"][-1]), _KEYS, n=1)
            return f"unknown key; did you mean `{near[0]}`?" if near else "unknown key"
        case "string_pattern_mismatch":
            return f"must match {item['ctx']['pattern']}"
        case _:
            return item["msg"].removeprefix("Value error, ")


def _path(place: tuple[int | str, ...]) -> str:
    """Keys joined by points. Pydantic puts a variable's type, and "[key]", among them; a file's author does not."""
    if len(place) > _TYPE_AT and place[2] == "variables":
        place = place[:_TYPE_AT] + place[_TYPE_AT + 1 :]
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "file"
