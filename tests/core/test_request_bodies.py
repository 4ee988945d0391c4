"""A body as its bytes: in how many pieces it comes, how deep it is, and that nobody keeps what was refused."""

from __future__ import annotations

import gc
import gzip
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.bodies import SHORT, Bounds, deeper_than, json_body
from gateway.errors import GatewayError, InvalidRequest

BOUNDS = Bounds(plain=10_000, media=20_000, depth=4)
GZIP = {b"content-encoding": b"gzip"}


class Coming:
    """An ASGI `receive` that gives these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def __call__(self) -> dict[str, Any]:
        piece = self._pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}


@pytest.fixture
def unswept() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def nested(levels: int, padding: int = 0) -> bytes:
    return b'{"a":' * levels + b'"' + b"x" * padding + b'"' + b"}" * levels


def wide(levels: int) -> bytes:
    """As deep, and with far more brackets in it."""
    return b'{"texts": "%s", "b": [[], {}, [], {}], "a": %s}' % (b"{[" * 50, nested(levels - 1))


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("cut", [0, 1, 7])
@pytest.mark.parametrize("packed", [False, True])
async def test_a_body_in_any_pieces(arrived: bool, cut: int, packed: bool) -> None:
    whole = json.dumps({"text": "grüße " * 30}).encode()
    sent = gzip.compress(whole) if packed else whole
    pieces = (sent,) if cut == 0 else (sent[:cut], b"", sent[cut:])
    body = await json_body(GZIP if packed else {}, Coming(*pieces), BOUNDS, arrived=arrived)
    assert body == json.loads(whole)


@pytest.mark.parametrize("padding", [0, SHORT])
@pytest.mark.parametrize("build", [nested, lambda levels, padding: wide(levels)])
async def test_depth_is_bounded_however_it_is_found_out(build: Any, padding: int) -> None:
    good, deep = build(4, padding), build(5, padding)
    assert await json_body({}, Coming(good), BOUNDS, arrived=True) == json.loads(good)
    with pytest.raises(InvalidRequest, match="nested deeper than 4 levels"):
        await json_body({}, Coming(deep), BOUNDS, arrived=True)


VALUES = st.recursive(
    st.text(alphabet='{[}]"a', max_size=8) | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((depth(each) for each in (value.values() if isinstance(value, dict) else value)), default=0)


@given(VALUES, st.integers(0, 8))
def test_a_walk_finds_the_depth(value: Any, levels: int) -> None:
    assert deeper_than(value, levels) == (depth(value) > levels)


@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), st.integers(1, 6))
async def test_no_body_passes_that_is_too_deep(value: dict[str, Any], levels: int) -> None:
    bounds = Bounds(depth=levels)
    try:
        await json_body({}, Coming(json.dumps(value).encode()), bounds, arrived=True)
        passed = True
    except InvalidRequest:
        passed = False
    assert passed == (depth(value) <= levels)


@pytest.mark.usefixtures("unswept")
@pytest.mark.parametrize(
    "body", [b"{broken" + b"x" * 99, b"[" * 9_000, nested(5), b'["' + b"x" * 99 + b'"]', b" " * 10_001, b" " * 20_001]
)
@pytest.mark.parametrize("arrived", [True, False])
async def test_nobody_keeps_a_body_that_was_refused(body: bytes, arrived: bool) -> None:
    sent = bytes(bytearray(body))
    before = sys.getrefcount(sent)
    with pytest.raises(GatewayError) as caught:
        await json_body({}, Coming(sent), BOUNDS, arrived=arrived)
    assert caught.value.status in {400, 413}
    assert sys.getrefcount(sent) == before
