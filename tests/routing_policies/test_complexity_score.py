"""The score: sensible on the table of prompts, bounded in its work, and deaf to nonsense."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing_policies import _reading, complexity, load
from routing_policies.complexity import WEIGHTS, features, score


def asked(content: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}], **more}


def value(content: Any, **more: Any) -> float:
    return score(asked(content, **more)).value


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=400), repeat=st.integers(1, 60))
def test_the_score_of_any_text_lies_between_0_and_1(text, repeat):
    assert 0 <= value(text * repeat) <= 1


@pytest.mark.parametrize("name", ["code", "maths", "reasoning", "steps", "constraints", "longform", "questions"])
def test_each_feature_of_the_text_raises_the_score(name):
    text = {
        "code": "class function compile {",
        "maths": "theorem equation",
        "reasoning": "why compare",
        "steps": "first then",
        "constraints": "must exactly at least",
        "longform": "essay",
        "questions": "a? b? c?",
    }[name]
    assert value(f"cats and dogs {text}") > value("cats and dogs and some more words")
    assert dict(score(asked(f"cats and dogs {text}")).parts)[name] > 0


def test_what_surrounds_the_text_counts_too():
    plain = value("cats and dogs")
    schema = {"type": "json_schema", "json_schema": {"schema": {}}}
    assert value("cats and dogs", response_format=schema) > plain
    assert value("cats and dogs", tools=[{}]) > plain
    assert value("cats and dogs", tools=[{}] * 10) > value("cats and dogs", tools=[{}])
    assert value("cats and dogs", reasoning_effort="high") > plain
    assert value("Compare cats and dogs", reasoning_effort="low") < value("Compare cats and dogs")
    assert value([{"type": "text", "text": "cats and dogs"}, {"type": "image_url", "image_url": {}}]) > plain
    assert value("Привет, как дела? cats and dogs") > plain
    turns = [{"role": role, "content": "cats " * 500} for role in ("user", "assistant") * 10]
    assert score({"messages": [*turns, {"role": "user", "content": "cats and dogs"}]}).value > plain


def test_a_short_question_is_as_hard_as_the_one_it_follows_up():
    hard = {"role": "user", "content": "Prove the theorem and derive the equation; explain why the proof is rigorous."}
    follow_up = {"role": "user", "content": "And for odd numbers, please"}
    assert score({"messages": [hard, follow_up]}).value > score({"messages": [follow_up]}).value + 0.1


def test_a_word_like_translate_makes_only_a_short_request_simple():
    assert features(asked("Translate this"))["simple"] == 1
    assert features(asked("Translate this " + "word " * 100))["simple"] == 0


def test_the_last_user_message_counts_and_not_what_the_assistant_said_after_it():
    said = {"role": "assistant", "content": "Prove the theorem, derive the integral, explain why."}
    assert dict(score({"messages": [{"role": "user", "content": "hi"}, said]}).parts)["maths"] == 0
    assert dict(score({"messages": [said]}).parts)["maths"] > 0


@pytest.mark.parametrize("body", [{"prompt": "Prove the theorem"}, {"input": ["Prove the", "theorem"]}])
def test_prompt_and_input_are_read_where_there_are_no_messages(body):
    assert dict(score(body).parts)["maths"] > 0


@pytest.mark.parametrize(
    "content", [None, 7, 1.5, True, {}, {"text": "x"}, [], [None, 3, {"text": 4}, {"type": "image_url"}, []], [[["x"]]]]
)
def test_a_content_that_is_no_text_counts_as_empty(content):
    assert value(content) < 0.1


@pytest.mark.parametrize("messages", [None, "text", 3, {}, [], [None], [3, "x"], [{"role": ["user"]}], [{}]])
def test_messages_that_are_no_messages_score_nothing(messages):
    assert score({"messages": messages, "tools": "x", "response_format": 3, "reasoning_effort": []}).value < 0.05


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of this package ran: a measure of work that no busy machine can change."""
    count = 0
    folder = str(Path(complexity.__file__).parent)

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(folder):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("unit", ["a ", "1. x\n", "prove? ", "\n", "((((", "ab\u00e9\u4e2d\u0430 ", "a", "= = ", "```"])
def test_the_work_for_100_kb_is_the_work_for_the_sample(unit):
    text = unit * (100_000 // len(unit))
    assert len(_reading.ends(text)) <= _reading.SAMPLE
    assert lines_run(lambda: value(text)) == lines_run(lambda: value(text * 4)) < 8 * _reading.SAMPLE


def test_neither_many_messages_nor_many_parts_make_more_work():
    many = [{"role": "user", "content": "why"}] * _reading.MESSAGES
    assert lines_run(lambda: score({"messages": many})) == lines_run(lambda: score({"messages": many * 50}))
    parts = [{"type": "text", "text": "why"}] * _reading.PARTS
    assert lines_run(lambda: value(parts)) == lines_run(lambda: value(parts * 50))


def test_a_long_text_is_read_at_both_ends():
    middle = "cats and dogs " * 3_000
    for text in (f"Prove the theorem. {middle}", f"{middle} Prove the theorem."):
        assert dict(score(asked(text)).parts)["maths"] > 0
    assert features(asked(middle))["length"] > features(asked("cats and dogs " * 300))["length"]


def test_the_reason_names_what_counted_most_first():
    assert score(asked("Prove the theorem")).because().startswith("maths")


def test_every_weight_and_threshold_is_documented():
    documented = (Path(complexity.__file__).parent.parent / "docs" / "routing.md").read_text("utf-8")
    for parameter in signature(complexity.Policy).parameters.values():
        assert f"`{parameter.name}` ({parameter.default:g})" in documented
    for name, (full, weight) in WEIGHTS.items():
        assert f"| {name} |" in documented
        assert f"| {full:g} | {weight:+.2f} |".replace("+", "") in documented.replace("+", "")


@pytest.mark.parametrize("bounds", [(0.6, 0.5), (-0.1, 0.5), (0.1, 1.1)])
def test_thresholds_out_of_order_are_refused(bounds):
    with pytest.raises(ValueError, match="must hold"):
        load("complexity", fast_below=bounds[0], best_from=bounds[1])
