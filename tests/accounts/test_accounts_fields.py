"""Whatever somebody sends, a field's check gives something that both databases can keep, or says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accounts import fields, paging
from gateway.errors import Unprocessable

TEXT = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates and NULs too
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["1d", "admin", "a@b.c", "ab"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5), max_leaves=10
)
CHECKS = {**fields.USER, **fields.TEAM, **fields.BRAND, **fields.KEY}


def storable(value: Any) -> bool:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.encode() is not None and "\\u0000" not in text and len(text) < 70_000


def outcome(name: str, value: Any) -> Any:
    try:
        return fields.checked(CHECKS, {name: value})[name]
    except Unprocessable as error:
        return error


@given(name=st.sampled_from(sorted(CHECKS)), value=VALUES)
def test_a_value_fits_or_is_refused_by_name(name: str, value: Any) -> None:
    stored = outcome(name, value)
    if isinstance(stored, Unprocessable):
        assert stored.param == name
        assert storable(stored.message)
    else:
        assert storable(stored)
        assert outcome(name, stored) == stored


@given(name=TEXT, value=LEAVES)
def test_unknown_fields_are_named_harmlessly(name: str, value: Any) -> None:
    if name not in CHECKS:
        with pytest.raises(Unprocessable) as caught:
            fields.checked(CHECKS, {name: value})
        assert storable([caught.value.message, caught.value.param])


@given(value=TEXT)
def test_an_address_has_one_form(value: str) -> None:
    try:
        address = fields.email("email", value)
    except Unprocessable:
        return
    assert address.count("@") == 1
    assert fields.email("email", address) == address
    assert fields.email("email", f" {value} ") == address


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("ADA@Example.COM", "ada@example.com"),
        ("j\u00fcrgen@b\u00fccher.example", "j\u00fcrgen@b\u00fccher.example"),
        ("ju\u0308rgen@x.org", "j\u00fcrgen@x.org"),
        ("\uff21da@x.org", "ada@x.org"),
        ("\u212aelvin@x.org", "kelvin@x.org"),
        ("\u0130@x.org", "i\u0307@x.org"),
        ("root@localhost", "root@localhost"),
    ],
)
def test_addresses_that_look_alike_are_alike(value: str, stored: str) -> None:
    assert fields.email("email", value) == stored


@pytest.mark.parametrize(
    "value",
    ["", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a\n@b", "a\uff20b@c", "x" * 250 + "@y.org", None, 5, ["a@b"]],
)
def test_what_is_no_address_is_refused(value: Any) -> None:
    with pytest.raises(Unprocessable):
        fields.email("email", value)


@given(at=st.floats(allow_nan=False, allow_infinity=False), last=st.text(max_size=100))
def test_a_cursor_comes_back(at: float, last: str) -> None:
    if "\0" not in last and last:
        assert paging.parse(paging.cursor(at, last)) == (at, last)


@given(
    after=st.text(st.characters(exclude_categories=()), max_size=100) | st.binary(max_size=60).map(lambda b: b.hex())
)
def test_what_is_no_cursor_is_refused(after: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        paging.parse(after)
    assert caught.value.param == "after"


def test_deep_metadata_is_refused_and_not_recursed_into() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(Unprocessable):
        fields.metadata("metadata", deep)
