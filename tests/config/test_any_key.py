"""A value of the wrong kind, under any single key of our own sections, is one mistake: told once, at that key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.config import Problem
from gateway.config.config import ConfigFile
from gateway.config.wording import keys_at, model_at

Refused = Callable[..., list[Problem]]
Path = tuple[str | int, ...]
MODELS = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("fast", "smart")]
LITELLMS = {"model_list", "router_settings", "litellm_settings", "general_settings", "environment_variables"}
WHOLE: dict[Path, Any] = {  # what must stand beside a key, so that it is the only mistake
    ("accounts", "oidc"): {"issuer": "https://id.example", "client_id": "a"},
    ("alerts", "webhooks"): [{"url": "https://h.example"}],
    ("budgets", "new_keys"): {"limit": 1},
    ("budgets", "new_teams"): {"limit": 1},
    ("budgets", "new_users"): {"limit": 1},
    ("budgets", "providers"): {"any": {"limit": 1}},
    ("budgets", "total"): {"limit": 1},
    ("groups",): {"any": {}},
    ("pipeline", "stages"): [{"name": "x", "class": "a:B", "after": "prompt"}],
    ("prices", "margins"): {"any": {}},
    ("routing", "models"): {"any": {"tiers": {"fast": "fast"}}},
    ("routing", "rules"): [{"when": {"team": "a", "input_tokens": {"max": 9}}, "use": {"group": "fast"}}],
}


def own_keys(path: Path = ()) -> list[Path]:
    """Every key of our sections, those of list entries and of named sections included."""
    found: list[Path] = []
    for key in keys_at(ConfigFile, path):
        here = (*path, key)
        if here[0] in LITELLMS:
            continue
        part: Path = () if model_at(ConfigFile, here) else (0,) if isinstance(WHOLE.get(here), list) else ("any",)
        found += [here, *(own_keys((*here, *part)) if model_at(ConfigFile, (*here, *part)) else [])]
    return found


def wrong_at(path: Path) -> str:
    """A file that is right but for the value at `path`."""
    root: dict[str, Any] = {"model_list": MODELS}
    here: Any = root
    for depth, part in enumerate(path[:-1], 1):
        if isinstance(here, dict) and part not in here:
            here[part] = copy.deepcopy(WHOLE.get(path[:depth], {}))
        here = here[part]
    here[path[-1]] = [[1]]  # no key is a list of lists
    return json.dumps(root)


@pytest.mark.parametrize("path", own_keys(), ids=lambda path: ".".join(map(str, path)))
def test_a_wrong_value_is_told_once_at_its_key(path: Path, refused: Refused) -> None:
    (problem,) = refused(wrong_at(path))

    assert problem.path[: len(path)] == path
    assert (problem.mark.line, problem.mark.column > 1) == (1, True)


def test_there_are_many_keys_to_try() -> None:
    assert len(own_keys()) > 130
