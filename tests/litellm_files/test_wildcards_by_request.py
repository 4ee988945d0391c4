"""03: which pattern serves a name, and as which of the provider's models, held against LiteLLM's own router."""

from __future__ import annotations

import pytest

FILE = "03"


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("openai/gpt-6-luna", "gpt-6-luna"),
        ("anthropic/claude-haiku-5-5", "claude-haiku-5-5"),
        ("gemini/gemini-3.5-flash-lite", "gemini-3.5-flash-lite"),
        ("openai/a/name/with/slashes", "a/name/with/slashes"),
        ("team-blue-chat", "blue-tuned"),
        ("claude-haiku-5-5", "claude-haiku-5-5"),
        ("claude-house-formal", "house-voice"),
        ("exact", "exact-model"),
        ("whatever-there-is", "whatever-there-is"),
    ],
)
def test_the_same_model_of_the_provider_is_asked(pair, model: str, asked: str) -> None:
    assert pair.theirs(model) == [asked]
    assert pair.ours(model) == [asked]


def test_a_wildcard_s_model_has_fallbacks_by_its_own_name(pair) -> None:
    asked = ["breaks", "claude-haiku-5-5"]

    assert pair.theirs("openai/breaks", {"breaks": "500"}) == asked
    assert pair.ours("openai/breaks", {"breaks": "500"}) == asked
