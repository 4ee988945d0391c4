"""Nothing that is read can name code to run (S17)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import Problem

Refused = Callable[..., list[Problem]]
ROOT = Path(__file__).parents[2]
FORBIDDEN = re.compile(
    r"""^\s*(?:import|from)\s+(?:pickle|cPickle|dill|cloudpickle|joblib|marshal|shelve|jsonpickle|yaml)\b
      | \byaml\.(?:load|unsafe_load|full_load)\b
      | \b(?:pickle|marshal|dill|jsonpickle)\.loads?\b
      | typ=["'](?:unsafe|base)["']
      | (?<![\w.])(?:eval|exec)\(
    """,
    re.VERBOSE | re.MULTILINE,
)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch {marker}']",
        "!!python/object/new:subprocess.Popen [[touch, '{marker}']]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/tuple [1]",
        "!<tag:yaml.org,2002:python/object/apply:os.system> ['touch {marker}']",
        "!!binary aGVsbG8=",
        "!!set {{a, b}}",
        "!anything x",
    ],
)
@pytest.mark.parametrize(
    "place", ["server: {}", "model_list:\n  - {}", "groups:\n  a: {}", "general_settings:\n  master_key: {}"]
)
def test_a_tag_is_refused_wherever_it_stands_and_never_run(
    place: str, tag: str, refused: Refused, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    problems = refused(place.format(tag.format(marker=marker)) + "\n")

    assert any("tag" in problem.what and "never run" in problem.mend for problem in problems)
    assert not marker.exists()


def test_no_source_of_ours_reads_pickles_or_unsafe_yaml() -> None:
    folders = [ROOT / name for name in ("gateway", "routing_policies", "templates", "dashboard", "tools", "benchmarks")]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in sources
        for hit in FORBIDDEN.finditer(path.read_text("utf-8"))
    ]

    assert len(sources) > 50
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from yaml import load",
        "yaml.load(text)",
        "pickle.loads(data)",
        'YAML(typ="unsafe")',
        "x = eval(text)",
    ],
)
def test_the_search_finds_what_it_is_for(line: str) -> None:
    assert FORBIDDEN.search(line)
