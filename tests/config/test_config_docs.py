"""docs/configuration.md and the models say the same, both ways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from gateway.config import json_schema
from gateway.config.config import ConfigFile
from gateway.config.environment import OTHERS, OVERRIDES
from gateway.config.ignored import PASSED_ON
from gateway.config.wording import model_at
from gateway.providers.params import DEPLOYMENT

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def documented() -> dict[str, str | None]:
    """Every key of the page's tables, with its default as it is written there."""
    found: dict[str, str | None] = {}
    prefix = None
    for line in PAGE.splitlines():
        if line.startswith("#"):
            named = re.match(r"### `([^`]+)`", line)
            prefix = f"{named[1]}." if named else "" if line == "### Beside the blocks" else None
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("| `") else []
        if cells and prefix is not None:
            default = cells[1].strip("`") if len(cells) == 3 else None
            found |= dict.fromkeys((prefix + key for key in re.findall(r"`([^`]+)`", cells[0])), default)
    return found


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo, bool]]:
    """Every key of the models, and whether it is a section of its own."""
    for name, field in model.model_fields.items():
        own = field.alias or name
        section = model_at(model, (own,))
        yield prefix + own, field, section is not None
        entry = section or model_at(model, (own, 0))
        mark = "." if section else "[]." if get_origin(field.annotation) is tuple else ".<name>."
        if entry is not None:
            yield from keys(entry, prefix + own + mark)


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    known = {key: section for key, _, section in keys(ConfigFile)}
    wanted = {key for key, section in known.items() if not section and "." in key}

    assert len(wanted) > 120
    assert wanted - documented().keys() == set()
    assert documented().keys() - known.keys() == set()
    assert {key for key in ConfigFile.model_fields if f"`{key}" not in PAGE} == set()


def test_the_defaults_on_the_page_are_the_defaults() -> None:
    fields = {key: field for key, field, _ in keys(ConfigFile)}
    shown = {key: text for key, text in documented().items() if text}

    assert len(shown) > 60
    for key, text in shown.items():
        default = fields[key].get_default(call_default_factory=True)
        plain = list(default) if isinstance(default, tuple) else default
        assert YAML(typ="safe", pure=True).load(text) == plain, key


def test_every_variable_is_documented_with_the_key_it_stands_for() -> None:
    rows = dict(re.findall(r"^\| `(ATELIER_\w+)` \| (?:`([\w.]+)`)?", PAGE, re.MULTILINE))

    assert rows.keys() == {*OVERRIDES, *OTHERS}
    assert {name: rows[name] for name in OVERRIDES} == {name: ".".join(path) for name, path in OVERRIDES.items()}


def test_what_is_passed_on_is_documented_and_known_to_the_provider_lane() -> None:
    (paragraph,) = re.findall(r"^Credentials and regions of clouds.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", paragraph)) == PASSED_ON
    assert PASSED_ON | {"api_version", "organization", "base_model"} == DEPLOYMENT


def test_links_within_the_page_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in PAGE.splitlines()
        if line.startswith("#")
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= headings


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    sections = {name: part for name, part in schema["$defs"].items() if "properties" in part}
    values = {f"{name}.{key}": value for name, part in sections.items() for key, value in part["properties"].items()}

    assert len(sections) > 20
    assert {key for key, value in (values | schema["properties"]).items() if "description" not in value} == set()
