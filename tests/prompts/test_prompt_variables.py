"""What a request may give for a variable, and what it is told otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.prompts import Library, validate_variables
from gateway.prompts.template import Version

ALL_TYPES = """\
id: all
title: All
description: Each type once.
category: test
current: 1
versions:
  - version: 1
    notes: First.
    variables:
      line: {type: string, title: T, max_length: 10}
      body: {type: text, title: T, max_length: 20}
      whole: {type: integer, title: T, min: 1, max: 10}
      real: {type: number, title: T, min: 0, max: 1.5}
      flag: {type: boolean, title: T}
      pick: {type: enum, title: T, choices: [red, green]}
      many: {type: list, title: T, max_items: 3, max_length: 5}
      must: {type: string, title: T, required: true}
      usual: {type: integer, title: T, min: 1, max: 10, default: 4}
    messages:
      - role: user
        content: >-
          x {{ must }} {{ usual }} {% if line %}{{ line }}{% endif %}{% if body %}{{ body }}{% endif %}
          {% if whole %}{{ whole }}{% endif %}{% if real %}{{ real }}{% endif %}{% if flag %}f{% endif %}
          {% if pick %}{{ pick }}{% endif %}{% if many %}{{ many | join(", ") }}{% endif %}
"""


@pytest.fixture
def version(write: Callable[..., Path]) -> Version:
    return Library.load([write("a", all=ALL_TYPES)]).template("all")


def refusal(version: Version, given: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        validate_variables(version, given)
    assert caught.value.code == "invalid_prompt_variables"
    assert caught.value.status == 400
    return caught.value


def test_what_is_not_given_is_empty_or_its_default(version: Version) -> None:
    assert validate_variables(version, {"must": "x"}) == {
        "line": "",
        "body": "",
        "whole": None,
        "real": None,
        "flag": False,
        "pick": "",
        "many": [],
        "must": "x",
        "usual": 4,
    }


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("line", "rain", "rain"),
        ("line", {"type": "input_text", "text": "rain"}, "rain"),
        ("line", None, ""),
        ("line", "   ", ""),
        ("body", "one\r\ntwo", "one\ntwo"),
        ("whole", 7, 7),
        ("whole", "7", 7),
        ("whole", " 7 ", 7),
        ("whole", "", None),
        ("real", 1, 1),
        ("real", "0.25", 0.25),
        ("flag", True, True),
        ("flag", "false", False),
        ("flag", "YES", True),
        ("pick", " green ", "green"),
        ("many", ["a", " b ", ""], ["a", "b"]),
        ("many", "a, b", ["a", "b"]),
        ("many", "a, b\nc", ["a, b", "c"]),
        ("many", {"type": "input_text", "text": "a,b"}, ["a", "b"]),
        ("usual", "9", 9),
        ("usual", None, 4),
    ],
)
def test_values_come_as_strings_input_text_or_json(version: Version, name: str, given: Any, expected: Any) -> None:
    value = validate_variables(version, {"must": "x", name: given})[name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("must", None, "is required"),
        ("must", " \n", "is required"),
        ("must", "<s>", "is required"),
        ("line", "x" * 11, "is too long: 11 characters, and at most 10 are allowed"),
        ("line", 5, "must be text"),
        ("body", ["x"], "must be text"),
        ("whole", 0, "must be a whole number from 1 to 10"),
        ("whole", 1.5, "must be a whole number from 1 to 10"),
        ("whole", True, "must be a whole number from 1 to 10"),
        ("whole", "1_0", "must be a whole number from 1 to 10"),
        ("whole", "٣", "must be a whole number from 1 to 10"),
        ("whole", "9" * 100_000, "must be a whole number from 1 to 10"),
        ("real", "nan", "must be a number from 0 to 1.5"),
        ("real", float("inf"), "must be a number from 0 to 1.5"),
        ("flag", "perhaps", "must be true or false"),
        ("flag", 1, "must be true or false"),
        ("pick", "blue", "must be one of: red, green"),
        ("pick", ["red"], "must be one of: red, green"),
        ("many", ["a"] * 4, "has 4 items, and at most 3 are allowed"),
        ("many", ["x" * 6], "is too long: 6 characters"),
        ("many", [1], "must be a list of strings"),
        ("many", "x" * 100, "is too long"),
        ("line", {"type": "input_image", "image_url": "x"}, "is an input_image, which templates do not take"),
        ("line", {"type": "input_file", "file_id": "x"}, "is an input_file, which templates do not take"),
        ("line", {"text": "x"}, 'must be a string or an object {"type": "input_text"'),
        ("line", {"type": "input_text", "text": 5}, "must be a string or an object"),
    ],
)
def test_a_refusal_names_the_variable_and_what_it_must_be(version: Version, name: str, given: Any, told: str) -> None:
    error = refusal(version, {"must": "x", name: given})
    assert error.param == f"prompt.variables.{name}"
    assert f"`{name}` {told}" in error.message
    assert len(error.message) < 300


def test_an_unknown_variable_is_told_with_the_nearest_name(version: Version) -> None:
    error = refusal(version, {"must": "x", "bdoy": "x"})
    assert error.param == "prompt.variables.bdoy"
    assert "did you mean `body`?" in error.message
    assert "it knows: line, body" in refusal(version, {"qqqqqq": "x"}).message


@pytest.mark.parametrize("given", ["x", 5, ["x"], None])
def test_variables_that_are_no_object_are_refused(version: Version, given: Any) -> None:
    assert refusal(version, given).param == "prompt.variables"
