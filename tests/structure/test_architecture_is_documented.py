"""docs/architecture.md shows the pipeline, the layout and the rules as they are."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

from gateway.stages import ORDER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
LINKS = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_table_has_every_stage_in_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", section("The stages"), re.MULTILINE)
    assert rows == list(ORDER)


def test_the_picture_has_every_stage_in_order() -> None:
    picture = PAGE.partition("```")[2].partition("```")[0]
    places = [re.search(rf"\b{name} {{2,}}", picture) for name in ORDER]
    assert all(places)
    starts = [place.start() for place in places if place is not None]
    assert starts == sorted(starts)


def test_each_stage_has_its_file() -> None:
    assert [name for name in ORDER if not (ROOT / "gateway" / "stages" / f"{name}.py").is_file()] == []


def test_the_layout_names_everything_there_is() -> None:
    layout = section("Layout")
    there = {
        each.name
        for each in (ROOT / "gateway").iterdir()
        if (each.suffix == ".py" and each.name != "__init__.py") or (each / "__init__.py").is_file()
    }
    named = set(re.findall(r"\b\w+\.py\b", layout)) | set(re.findall(r"^  (\w+)/", layout, re.MULTILINE))
    assert named == there


def test_the_walls_are_those_that_are_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    held = {
        library
        for contract in contracts
        if contract["type"] == "protected"
        for library in contract["protected_modules"]
        if not library.startswith("gateway.")
    }
    table = section("Who may import whom")
    told = {name for row in re.findall(r"^\| ([a-z0-9, ]+) \| `", table, re.MULTILINE) for name in row.split(", ")}
    assert told == held


def test_every_layer_is_in_the_picture_of_layers_that_is_held() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    rank = {name.strip(): number for number, layer in enumerate(layers) for name in layer.split("|")}
    picture = section("Who may import whom").partition("```")[2].partition("```")[0]
    shown = [[rank[name.strip()] for name in step.split(",")] for step in picture.split("→")]
    assert all(max(above) < min(below) for above, below in itertools.pairwise(shown))


def test_links_between_pages_lead_somewhere() -> None:
    lost = {
        (page.name, target)
        for page in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
        for target in LINKS.findall(page.read_text())
        if not (page.parent / target).exists()
    }
    assert lost == set()
