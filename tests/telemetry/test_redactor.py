"""Known values go in every spelling, shapes go as a second net, ordinary text stays."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.errors import Fault
from gateway.telemetry.redact import MARK, Redactor

SECRET = "pa ss/wörd+\"&'=1"


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        repr(SECRET)[1:-1],
        repr(SECRET.replace('"', ""))[1:-1],
        repr(SECRET.encode())[2:-1],
    ],
)
def test_a_known_value_is_found_in_every_spelling(spelled):
    assert Redactor([SECRET, SECRET.replace('"', "")]).text(f"before {spelled} after") == f"before {MARK} after"


def test_the_longest_value_goes_first():
    assert Redactor(["correct-horse", "correct-horse-battery"]).text("correct-horse-battery") == MARK


def test_values_too_short_to_be_secrets_are_ignored():
    assert Redactor(["abcde", ""]).text("abcde fghij") == "abcde fghij"


def test_secrets_may_come_later():
    redactor = Redactor()
    assert redactor.text("hunter2-hunter2") == "hunter2-hunter2"
    redactor.add("hunter2-hunter2", "another-one")
    assert redactor.text("hunter2-hunter2, another-one") == f"{MARK}, {MARK}"


def test_the_redactor_does_not_show_what_it_knows():
    assert "hunter2" not in f"{Redactor(['hunter2-hunter2'])!r}"


def strings_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (name, *strings_in(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings_in(inner)
    else:
        yield str(value)


@settings(max_examples=150, deadline=None)
@given(secret=st.text(min_size=6, max_size=20), around=st.text(max_size=20), depth=st.integers(0, 6))
def test_no_nesting_hides_a_secret(secret, around, depth):
    assume(secret not in MARK)
    text = f"{around}{secret}{around}"
    event: object = {text: (text, {text}, ValueError(text), [secret.encode()], {"deep": [text]})}
    for _ in range(depth):
        event = {"inner": [event]}
    spelled = (secret, repr(secret)[1:-1], repr(secret.encode())[2:-1])
    out = list(strings_in(Redactor([secret]).event({"top": event, "name": secret})))
    assert MARK in out
    assert not [(one, text) for one in spelled for text in out if one in text]


def test_an_event_keeps_what_is_no_secret():
    event = {"n": 3, "x": 1.5, "ok": True, "none": None, "nested": {"list": [1, "two"]}, "fault": Fault.CONNECT}
    assert Redactor(["hunter2-hunter2"]).event(event) == event


def test_what_is_no_plain_value_becomes_text():
    event = {
        "path": PurePosixPath("/data"),
        "nan": float("nan"),
        7: "seven",
        "secret_str": SecretStr("hunter2-hunter2"),
    }
    out = Redactor().event(event)
    assert out == {"path": "/data", "nan": "nan", "7": "seven", "secret_str": "**********"}
    json.dumps(out, allow_nan=False)


def test_an_event_that_contains_itself_comes_to_an_end():
    event: dict[str, object] = {"key": "sk-1234567890"}
    event["self"] = event
    assert "sk-1234567890" not in str(Redactor().event(event))


@pytest.mark.parametrize("name", ["api_key", "Authorization", "X-Api-Key", "password", "cookie", "token"])
def test_members_with_telling_names_are_taken_out_whatever_they_hold(name):
    assert Redactor().event({name: "x1", "empty": {name: None}}) == {name: MARK, "empty": {name: None}}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key sk-atl-Ab12_cd34-ef56 refused", f"key {MARK} refused"),
        ("token sess-atl-Ab12_cd34-ef56 ended", f"token {MARK} ended"),
        ("link /join#inv-atl-Ab12_cd34-ef56", f"link /join#{MARK}"),
        ("Authorization: Bearer abc.DEF-123_456=", f"Authorization: Bearer {MARK}"),
        ("bearer  0123456789", f"bearer {MARK}"),
        ("authorization: Basic dXNlcjpwYXNz", f"authorization: Basic {MARK}"),
        ("GET /v1beta/models?key=AbCdEf123&alt=sse", f"GET /v1beta/models?key={MARK}&alt=sse"),
        ("https://host/?alt=sse&access_token=AbCdEf123", f"https://host/?alt=sse&access_token={MARK}"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv", MARK),
        ("postgresql+asyncpg://atelier:s3cret@db:5432/x", f"postgresql+asyncpg://atelier:{MARK}@db:5432/x"),
        ("redis://:s3cret@cache/0", f"redis://:{MARK}@cache/0"),
        ('{"api_key": "0123456789"}', f'{{"api_key": "{MARK}"}}'),
        ("{'password': '0123456789'}", f"{{'password': '{MARK}'}}"),
    ],
)
def test_what_looks_like_a_secret_goes_too(text, left):
    assert Redactor().text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "unknown config key: model_list",
        "max_tokens=100000, monkeys: 3",
        "bearer token missing",
        "http://127.0.0.1:8000/v1 is up",
        "task-force and disk-based",
        "key=k_1",
    ],
)
def test_ordinary_lines_stay_as_they_are(text):
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "unit",
    [
        "://",
        "://a:",
        "key=",
        "bearer ",
        "sk-",
        "-atl-",
        "sess-",
        "a-",
        "key': '",
        "authorization: basic ",
        "AIza",
        " ",
        "=key",
    ],
)
def test_no_text_makes_the_shapes_slow(unit):
    redactor = Redactor([f"secret-number-{number}" for number in range(50)])
    started = time.process_time()
    redactor.text(unit * (100_000 // len(unit)))
    assert time.process_time() - started < 1.0, "linear time is some milliseconds; quadratic would be minutes"
