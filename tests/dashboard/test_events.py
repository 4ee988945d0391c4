"""Server-sent events are read whole, however the network cuts them."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import Events


@given(st.lists(st.text(), max_size=5), st.integers(1, 7))
def test_any_cut_of_the_bytes_gives_the_same_events(texts, size):
    data = b"".join(
        b": waiting\r\n\r\ndata: " + json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n\n" for text in texts
    )
    events = Events()
    found = [event for start in range(0, len(data), size) for event in events.feed(data[start : start + size])]
    assert [event["text"] for event in found] == texts
    assert not events.done


def test_the_end_is_told_from_an_event():
    events = Events()
    assert list(events.feed(b"data: [DONE]\n\n")) == []
    assert events.done


def test_what_is_no_event_is_left_out():
    assert list(Events().feed(b'event: x\nid: 1\ndata: {"broken\ndata: [1]\ndata: \xff\n\ndata:{"a":1}\n')) == [
        {"a": 1}
    ]


def test_an_endless_line_is_not_kept(monkeypatch):
    monkeypatch.setattr("dashboard.events.LONGEST", 10)
    events = Events()
    assert list(events.feed(b"data: " + b"x" * 20)) == []
    assert list(events.feed(b'\ndata: {"a": 1}\n')) == [{"a": 1}]
