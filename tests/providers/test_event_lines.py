"""Lines of a provider's stream end at LF and CRLF, however the bytes came."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.lines import EventLines

PIECES = st.lists(st.text(alphabet="ab\n\r\u2028\u2029\x85\x0b\x0c\x1c", max_size=6), max_size=8)


@given(PIECES)
def test_lines_are_the_same_however_the_text_is_cut(pieces: list[str]) -> None:
    lines = EventLines()
    found = [line for piece in pieces for line in lines.decode(piece)]
    *whole, rest = "".join(pieces).split("\n")
    assert found == [line.removesuffix("\r") for line in whole]
    assert lines.flush() == ([rest] if rest else [])
    assert lines.flush() == []
