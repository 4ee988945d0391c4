"""Whatever a file holds, it loads or it is refused with places and mends; nothing else is ever raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config import ConfigError, Problem, load
from gateway.config.config import ConfigFile
from gateway.config.wording import keys_at, model_at

SEARCH = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MODELS = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("fast", "smart")]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
WORDS = st.sampled_from(["fast", "smart", "auto", "*", "os.environ/NONE", "http://h", "priority", "1e999", ""])
KEYS = WORDS | st.sampled_from(["model", "when", "use", "group", "tiers", "name", "after", "fallbacks", "policy"])
VALUES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def own_keys(path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key of every section, as a path."""
    found = []
    for key in keys_at(ConfigFile, path):
        here = (*path, key)
        found.append(here)
        if model_at(ConfigFile, here):
            found += own_keys(here)
    return found


def at(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    result: dict[str, Any] = value
    return result


def loads_or_says_why(text: str, folder: Path) -> None:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    problems: tuple[Problem, ...] = ()
    try:
        load(path, {})
    except ConfigError as refused:
        problems = refused.problems
    assert all(each.what and each.mend and (each.mark.line or "include" in str(each)) for each in problems)


@SEARCH
@given(path=st.sampled_from(own_keys()), value=VALUES)
def test_any_value_under_any_key_loads_or_is_refused(path: tuple[str, ...], value: Any, tmp_path: Path) -> None:
    loads_or_says_why(json.dumps({"model_list": MODELS} | at(path, value)), tmp_path)


@SEARCH
@given(
    entry=VALUES,
    params=st.dictionaries(st.sampled_from(keys_at(ConfigFile, ("model_list", 0, "litellm_params"))), VALUES),
)
def test_any_deployment_loads_or_is_refused(entry: Any, params: dict[str, Any], tmp_path: Path) -> None:
    models = [*MODELS, {"model_name": "x", "litellm_params": {"model": "a/b"} | params, "model_info": entry}, entry]

    loads_or_says_why(json.dumps({"model_list": models[:-1]}), tmp_path)
    loads_or_says_why(json.dumps({"model_list": models}), tmp_path)


@SEARCH
@given(text=st.text(alphabet=st.sampled_from("ab:-#\n \t{}[],&*!|>'\"%@`?<\\1.~\x00\ufeffé"), max_size=60))
def test_any_text_loads_or_is_refused(text: str, tmp_path: Path) -> None:
    loads_or_says_why(text, tmp_path)
