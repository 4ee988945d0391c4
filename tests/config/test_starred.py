"""Lists of models with patterns: what one covers, and what several have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.starred import EVERY_MODEL, common, covers


@pytest.mark.parametrize(
    ("names", "name", "covered"),
    [
        ({"gpt"}, "gpt", True),
        ({"gpt"}, "gpt-2", False),
        ({"openai/*"}, "openai/gpt-6-luna", True),
        ({"openai/*"}, "gpt-6-luna", False),
        ({"openai/*"}, "openai/gpt-*", True),
        ({"openai/gpt-*"}, "openai/*", False),
        ({"*"}, EVERY_MODEL, True),
        ({EVERY_MODEL}, "anything", True),
        ({EVERY_MODEL}, "*", True),
        ({"a.c"}, "abc", False),
        (set(), "gpt", False),
    ],
)
def test_what_a_list_covers(names: set[str], name: str, covered: bool) -> None:
    assert covers(frozenset(names), name) is covered


@pytest.mark.parametrize(
    ("lists", "left"),
    [
        ([None, None], None),
        ([["a", "b"], None], {"a", "b"}),
        ([["a", "b"], ["b", "c"]], {"b"}),
        ([["openai/x", "other"], ["openai/*"]], {"openai/x"}),
        ([["openai/*"], ["openai/x", "other"]], {"openai/x"}),
        ([["openai/gpt-*"], [EVERY_MODEL]], {"openai/gpt-*"}),
        ([["openai/*", "x"], ["*"], ["openai/gpt-*"]], {"openai/gpt-*"}),
        ([["a"], []], set()),
    ],
)
def test_what_lists_have_in_common(lists: list[list[str] | None], left: set[str] | None) -> None:
    assert common(lists) == left


NAMES = st.lists(st.text("ab*/", min_size=1, max_size=4), max_size=4)


@given(NAMES, NAMES, st.text("ab/", min_size=1, max_size=4))
def test_nothing_is_in_common_that_one_of_them_does_not_allow(one: list[str], other: list[str], name: str) -> None:
    both = common([one, other])
    assert both is not None
    if covers(both, name):
        assert covers(frozenset(one), name)
        assert covers(frozenset(other), name)
