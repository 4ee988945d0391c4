"""S11 and S12: text that looks like the protocol comes back as text, in streams and in headers."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.harness import FleetThread, GatewayThread

CHAT = "/v1/chat/completions"
LINE_END = re.compile(r"\r\n|\n|\r")  # what ends a line of an event stream; U+2028 and U+0085 do not
TEXT = st.text(
    st.one_of(
        st.sampled_from('\r\n\u2028\u2029\x00\x85\x0b\x0c\x1b:"\\{}[]<|> '), st.characters(exclude_categories=["Cs"])
    ),
    min_size=1,
    max_size=40,
)
QUIET = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def events(raw: bytes) -> list[str]:
    """The data of each event, read as the standard says; any other field than data fails the test."""
    found = []
    for block in re.split(r"(?:\r\n|\n|\r){2}", raw.decode()):
        lines = [line for line in LINE_END.split(block) if line and not line.startswith(":")]
        if lines:
            [line] = lines
            assert line.startswith("data: "), line
            found.append(line.removeprefix("data: "))
    return found


@pytest.mark.parametrize("model", ["echo", "claude-echo", "gemini-echo"])
@QUIET
@given(TEXT.filter(lambda text: bool(text.strip())))
@example('x\n\ndata: {"choices": []}\n\ndata: [DONE]\n\n')
@example("a\r\n\r\nevent: error\r\ndata: x\r\n\r\n")
@example("\u2028data: [DONE]\u2029\x00\x85end")
def test_text_of_a_stream_never_becomes_an_event(
    gateway: GatewayThread, fleet: FleetThread, model: str, text: str
) -> None:
    text = f"<{text}>"
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": True}
    with gateway.http() as http:
        answer = http.post(CHAT, json=body)
    *chunks, last = events(answer.content)
    assert last == "[DONE]"
    said = [choice["delta"].get("content") or "" for chunk in chunks for choice in json.loads(chunk)["choices"]]
    assert "".join(said) == text
    assert b"\r" not in answer.content
    assert answer.content.count(b"\n") == 2 * (len(chunks) + 1)


@QUIET
@given(TEXT)
def test_names_in_errors_in_headers_and_in_bodies_stay_one_line(
    gateway: GatewayThread, fleet: FleetThread, text: str
) -> None:
    with gateway.http() as http:
        for body in (
            {"model": text, "messages": [{"role": "user", "content": "x"}]},
            {"model": "echo", "messages": [], "prompt": {"id": text}},
            {"model": "claude-echo", "messages": [{"role": "user", "content": "x"}], text: 1, "zz-" + text: 2},
            {"model": "echo", "messages": [{"role": "user", "content": "x"}], "tags": [text], "fallbacks": [text]},
            {"model": "echo", "messages": [{"role": "user", "content": "x"}], "metadata": {"brand": text}},
        ):
            answer = http.post(CHAT, json=body)
            assert answer.status_code in {200, 400, 403, 404}, answer.text
            assert answer.headers["x-request-id"]
            assert "x-evil" not in answer.headers
            assert all(" " <= char <= "~" for value in answer.headers.values() for char in value)


EVIL = "a\r\nX-Evil: 1\r\n\r\n<html>"


@pytest.mark.parametrize(
    "body",
    [
        {"model": EVIL},
        {"prompt": {"id": EVIL}, "messages": []},
        {"model": "claude-echo", EVIL: 1},
        {"metadata": {"brand": EVIL}},
        {"fallbacks": [EVIL]},
    ],
)
def test_line_ends_in_what_is_echoed_split_no_header(
    gateway: GatewayThread, fleet: FleetThread, body: dict[str, Any]
) -> None:
    with gateway.http() as http:
        answer = http.post(CHAT, json={"model": "echo", "messages": [{"role": "user", "content": "x"}], **body})
    assert answer.status_code in {200, 404}
    assert "x-evil" not in answer.headers
    assert answer.json()


@pytest.mark.parametrize(
    "given", ["", "a b", "a/b", "ä".encode().decode("latin-1"), "x" * 129, "<script>", "a:b", "a,b", "a\tb", "%0d%0a"]
)
def test_a_request_id_that_is_not_plain_is_replaced(gateway: GatewayThread, given: str) -> None:
    with gateway.http(headers={"x-request-id": given.encode("latin-1")}) as http:  # type: ignore[dict-item]
        for path in ("/v1/me", "/nowhere"):
            assert re.fullmatch("req_[0-9a-f]{24}", http.get(path).headers["x-request-id"])


@pytest.mark.parametrize(
    "name", ["x-atelier-brand", "x-atelier-policy", "x-atelier-tags", "traceparent", "x-litellm-tags"]
)
def test_headers_that_are_read_are_not_echoed(gateway: GatewayThread, fleet: FleetThread, name: str) -> None:
    with gateway.http(headers={name: "no-such-thing-e7a1"}) as http:
        answer = http.post(CHAT, json={"model": "echo", "messages": [{"role": "user", "content": "x"}]})
    assert "no-such-thing-e7a1" not in str(answer.headers)


def test_names_that_a_provider_does_not_get_are_told_in_one_printable_line(
    gateway: GatewayThread, fleet: FleetThread
) -> None:
    body = {"model": "claude-echo", "messages": [{"role": "user", "content": "x"}]}
    with gateway.http() as http:
        answer = http.post(CHAT, json={**body, "plain_name": 1, "überlang": 2, "x" * 2_000: 3, "b\r\nx-evil: 1": 4})
    warning = answer.headers["x-atelier-warning"]
    assert "plain_name" in warning
    assert len(warning) <= 500
    assert "x-evil" not in answer.headers
