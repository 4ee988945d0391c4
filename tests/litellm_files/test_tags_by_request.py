"""08: which deployments serve a request with tags and one without, held against LiteLLM's own router."""

from __future__ import annotations

import pytest

FILE = "08"


@pytest.mark.parametrize(
    ("tags", "asked"),
    [
        ([], {"text-free"}),
        (["paid"], {"text-paid"}),
        (["press"], {"text-press"}),
        (["free", "press"], {"text-free", "text-press"}),
    ],
)
def test_the_same_deployments_serve_a_tag(pair, tags: list[str], asked: set[str]) -> None:
    theirs = {name for _ in range(8) for name in pair.theirs("text", metadata={"tags": tags})}
    ours = {name for _ in range(8) for name in pair.ours("text", tags=tags)}

    assert theirs == asked
    assert ours == asked
