"""07: prompts that are too long, contents that are refused, retries by kind of error, held against LiteLLM's router."""

from __future__ import annotations

import pytest

FILE = "07"


@pytest.mark.parametrize(
    ("model", "faults", "asked"),
    [
        ("short", {}, ["short-window"]),
        ("short", {"short-window": "context_length_exceeded"}, ["short-window", "long-window"]),
        ("short", {"short-window": "content_policy"}, ["short-window", "lenient-model"]),
        ("short", {"short-window": "401"}, ["short-window", "plain-model"]),
        ("plain", {"plain-model": "content_policy"}, ["plain-model", "lenient-model"]),
        ("plain", {"plain-model": "429"}, ["plain-model", "plain-model"]),
        ("plain", {"plain-model": "500"}, ["plain-model"]),
    ],
)
def test_the_same_groups_are_asked(pair, model: str, faults: dict[str, str], asked: list[str]) -> None:
    assert pair.theirs(model, faults) == asked
    assert pair.ours(model, faults) == asked
