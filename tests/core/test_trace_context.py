"""A trace context is read as W3C says, or not at all; what an attempt sends on is its own span or the caller's word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.trace_context import TraceContext, context_of, headers, onward, received, span_id, trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
VALID = f"00-{TRACE}-{PARENT}-01"


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
def test_a_valid_context_stays_as_it_is(flags: str) -> None:
    text = received([f"00-{TRACE}-{PARENT}-{flags}"], [])
    assert text == f"00-{TRACE}-{PARENT}-{flags}"
    context = context_of(text)
    assert context == TraceContext(TRACE, PARENT, int(flags, 16))
    assert context.sampled == (flags in {"01", "03"})
    assert headers(text) == {"traceparent": text}


@pytest.mark.parametrize(
    "parents",
    [
        [],
        [""],
        [VALID, VALID],
        [f"{VALID}, {VALID}"],
        [f"00-{TRACE.upper()}-{PARENT}-01"],
        [f"00-{'0' * 32}-{PARENT}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE[1:]}-{PARENT}-01"],
        [f"00-{TRACE}-{PARENT}-1"],
        [f"00-{TRACE}-{PARENT}-0x"],
        [f"ff-{TRACE}-{PARENT}-01"],
        [f"00-{TRACE}-{PARENT}-01-more"],
        [f"01-{TRACE}-{PARENT}-01more"],
        [f"0-{TRACE}-{PARENT}-01"],
        [f"00-{TRACE}-{PARENT}-01\r\nx: y"],
        [f"00-{TRACE}-{PARENT}-01 x=y"],
        ["garbage"],
    ],
)
def test_what_is_not_valid_is_dropped(parents: list[str]) -> None:
    assert received(parents, ["a=1"]) is None


@pytest.mark.parametrize("text", [f"cc-{TRACE}-{PARENT}-01", f"01-{TRACE}-{PARENT}-09-what-the-future-brings"])
def test_a_later_version_is_read_as_far_as_it_is_known(text: str) -> None:
    assert received([text], []) == VALID


@pytest.mark.parametrize(
    ("states", "kept"),
    [
        (["congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"], "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
        (["a=1", "b=2"], "a=1,b=2"),
        ([" a=1 \t,\t b=x y ,,"], "a=1,b=x y"),
        (["t0@vendor=1"], "t0@vendor=1"),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a"], ""),
        (["a="], ""),
        (["a=1\x00"], ""),
        (["a=ü"], ""),
        (["a=b=c"], ""),
        (["a=" + "x" * 257], ""),
        ([",".join(f"k{number}=1" for number in range(33))], ""),
        ([",".join(f"k{number}=" + "x" * 60 for number in range(10))], ""),
    ],
)
def test_the_state_goes_along_when_it_is_valid_and_short(states: list[str], kept: str) -> None:
    text = received([VALID], states)
    assert text is not None
    assert context_of(text) == TraceContext(TRACE, PARENT, 1, kept)
    assert headers(text) == {"traceparent": VALID, **({"tracestate": kept} if kept else {})}


@given(st.text(), st.text())
def test_nothing_that_is_sent_on_is_anything_but_plain(parent: str, state: str) -> None:
    for text in (received([parent], [state]), received([VALID], [state])):
        for value in headers(text).values():
            assert value.isascii()
            assert value.isprintable()
            assert value == value.strip()


def test_a_callers_context_goes_on_as_it_came() -> None:
    text = received([VALID], ["a=1"])
    assert onward(text, "gen-1:1") == text
    assert onward(None, "gen-1:1") is None
    assert headers(None) == {}


def test_where_the_request_has_a_span_the_attempts_span_is_the_parent() -> None:
    own = str(TraceContext(TRACE, span_id("gen-1"), 1, "a=1"))
    first, second = onward(own, "gen-1:1"), onward(own, "gen-1:2")
    assert context_of(first) == TraceContext(TRACE, span_id("gen-1:1"), 1, "a=1")
    assert context_of(second) == TraceContext(TRACE, span_id("gen-1:2"), 1, "a=1")


@given(st.text(max_size=60))
def test_ids_are_valid_and_always_the_same(name: str) -> None:
    assert received([f"00-{trace_id(name)}-{span_id(name)}-00"], []) is not None
    assert (trace_id(name), span_id(name)) == (trace_id(name), span_id(name))
    assert trace_id(name)[:16] != span_id(name)
