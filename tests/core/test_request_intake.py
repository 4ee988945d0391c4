"""A request becomes a call: every option from its header or member, every wrong type a 400, the rest untouched."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api.auth import credential
from gateway.api.intake import TAKEN, Asked, new_call
from gateway.errors import InvalidRequest
from gateway.types import Call, Endpoint, Options
from tests.core.fakes import FakeClock

HELLO: dict[str, Any] = {"model": "fast", "messages": [{"role": "user", "content": "hello"}]}


def taken_in(
    body: dict[str, Any] | None = None, endpoint: Endpoint = Endpoint.CHAT, total: float = 300.0, **headers: str
) -> Call:
    """Header names are written with underscores here."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": raw, "state": {"request_id": "req_given"}}
    asked = Asked.of(scope)
    return new_call(asked, endpoint, {**HELLO, **(body or {})}, FakeClock(), total, credential(asked.head))


def test_a_plain_request() -> None:
    clock = FakeClock()
    call = taken_in({"seed": 7, "unknown": {"a": 1}}, authorization="Bearer sk-atl-x")
    assert call.body == {**HELLO, "seed": 7, "unknown": {"a": 1}}
    assert call.options == Options()
    assert (call.request_id, call.credential, call.stream, call.include_usage) == (
        "req_given",
        "sk-atl-x",
        False,
        False,
    )
    assert (call.created_at, call.started, call.deadline) == (clock.now(), clock.monotonic(), clock.monotonic() + 300)
    assert call.id.startswith("gen-")
    assert "sk-atl-x" not in repr(call)
    assert "hello" not in repr(call)


def test_ids_are_new_each_time_and_in_order_of_time() -> None:
    first, second = taken_in(), taken_in()
    assert first.id != second.id
    assert first.id[:16] == second.id[:16]


GOOD: list[tuple[dict[str, Any], dict[str, str], dict[str, Any]]] = [
    ({}, {"x_atelier_brand": "lumen"}, {"brand": "lumen"}),
    ({"metadata": {"brand": "lumen"}}, {}, {"brand": "lumen"}),
    ({"metadata": {"brand": "lumen"}}, {"x_atelier_brand": "harbour"}, {"brand": "harbour"}),
    ({}, {"x_atelier_tags": "a, b,,a"}, {"tags": ("a", "b")}),
    ({}, {"x_litellm_tags": "a"}, {"tags": ("a",)}),
    ({"tags": ["b"]}, {"x_atelier_tags": "a"}, {"tags": ("a", "b")}),
    ({"tags": None}, {}, {"tags": ()}),
    ({}, {"x_atelier_timeout": "12.5"}, {"timeout": 12.5}),
    ({}, {"x_litellm_timeout": "12"}, {"timeout": 12.0}),
    ({"timeout": 3}, {"x_atelier_timeout": "12"}, {"timeout": 3.0}),
    ({}, {"x_atelier_cache": "OFF"}, {"cache": False}),
    ({}, {"cache_control": "no-store, max-age=0"}, {"cache": False}),
    ({}, {"x_atelier_policy": "weighted"}, {"policy": "weighted"}),
    ({}, {"x_atelier_on_disconnect": "continue"}, {"on_disconnect": "continue"}),
    ({"fallbacks": ["smart"]}, {}, {"fallbacks": ("smart",)}),
    ({"num_retries": 0}, {}, {"num_retries": 0}),
    ({}, {"x_litellm_num_retries": "2"}, {"num_retries": 2}),
    ({"num_retries": 1}, {"x_litellm_num_retries": "2"}, {"num_retries": 1}),
    ({}, {"x_stainless_read_timeout": "600"}, {"patience": 600.0}),
    ({}, {"x_stainless_read_timeout": "nonsense"}, {"patience": None}),
    ({"mock_response": "hi"}, {}, {"mock_response": "hi"}),
    ({"prompt": {"id": "blog_post"}}, {}, {"template": "blog_post"}),
    (
        {"prompt": {"id": "blog_post", "version": "2", "variables": {"topic": "x"}}},
        {},
        {"template": "blog_post", "template_version": "2", "variables": {"topic": "x"}},
    ),
    ({"prompt": {"id": "blog_post", "version": 2, "variables": None}}, {}, {"template": "blog_post", "template_version": "2"}),
    (
        {"prompt_id": "blog_post", "prompt_version": "1", "prompt_variables": {"topic": "x"}},
        {},
        {"template": "blog_post", "template_version": "1", "variables": {"topic": "x"}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "options"), GOOD)
def test_each_option(body: dict[str, Any], headers: dict[str, str], options: dict[str, Any]) -> None:
    call = taken_in(body, **headers)
    assert call.options == Options(**options)
    assert not set(call.body) & set(TAKEN)


BAD: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"stream": "yes"}, {}, "stream"),
    ({"stream": 1}, {}, "stream"),
    ({"stream": True, "stream_options": 7}, {}, "stream_options"),
    ({"stream_options": {"include_usage": True}}, {}, "stream_options"),
    ({"metadata": {"brand": 7}}, {}, "brand"),
    ({}, {"x_atelier_brand": "x" * 201}, "brand"),
    ({"tags": "a"}, {}, "tags"),
    ({"tags": [7]}, {}, "tags"),
    ({"tags": ["a"] * 21}, {}, "tags"),
    ({"timeout": "soon"}, {}, "timeout"),
    ({"timeout": 0}, {}, "timeout"),
    ({"timeout": True}, {}, "timeout"),
    ({"timeout": [1]}, {}, "timeout"),
    ({"timeout": "nan"}, {}, "timeout"),
    ({}, {"x_atelier_timeout": "-1"}, "x-atelier-timeout"),
    ({}, {"x_atelier_timeout": "inf"}, "x-atelier-timeout"),
    ({}, {"x_atelier_policy": "x" * 201}, "x-atelier-policy"),
    ({}, {"x_atelier_on_disconnect": "maybe"}, "x-atelier-on-disconnect"),
    ({"fallbacks": "smart"}, {}, "fallbacks"),
    ({"fallbacks": [{"fast": ["smart"]}]}, {}, "fallbacks"),
    ({"fallbacks": ["a"] * 11}, {}, "fallbacks"),
    ({"num_retries": -1}, {}, "num_retries"),
    ({"num_retries": "2"}, {}, "num_retries"),
    ({"num_retries": True}, {}, "num_retries"),
    ({}, {"x_litellm_num_retries": "many"}, "num_retries"),
    ({"mock_response": {"a": 1}}, {}, "mock_response"),
    ({"mock_response": "x" * 10_001}, {}, "mock_response"),
    ({"prompt": "a text"}, {}, "prompt"),
    ({"prompt": {"version": "2"}}, {}, "prompt"),
    ({"prompt": {"id": ""}}, {}, "prompt"),
    ({"prompt": {"id": "x" * 201}}, {}, "prompt.id"),
    ({"prompt": {"id": "a", "version": ["2"]}}, {}, "prompt.version"),
    ({"prompt": {"id": "a", "version": True}}, {}, "prompt.version"),
    ({"prompt": {"id": "a", "variables": []}}, {}, "prompt.variables"),
    ({"prompt_id": 7}, {}, "prompt"),
    ({"prompt_id": "a", "prompt_variables": "x"}, {}, "prompt.variables"),
]


@pytest.mark.parametrize(("body", "headers", "param"), BAD)
def test_each_wrong_type_is_a_400_that_names_it(body: dict[str, Any], headers: dict[str, str], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        taken_in(body, **headers)
    assert caught.value.param == param


@pytest.mark.parametrize(("total", "asked", "left"), [(300, "12", 12), (10, "12", 10)])
def test_a_timeout_only_lowers(total: float, asked: str, left: float) -> None:
    call = taken_in(total=total, x_atelier_timeout=asked)
    assert call.deadline - call.started == left


@pytest.mark.parametrize(
    ("body", "stream", "usage"),
    [
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False),
        ({"stream": True, "stream_options": None}, True, False),
        ({"stream": False}, False, False),
        ({"stream": None}, False, False),
    ],
)
def test_streams(body: dict[str, Any], stream: bool, usage: bool) -> None:
    call = taken_in(body)
    assert (call.stream, call.include_usage) == (stream, usage)


def test_embeddings_are_never_streamed() -> None:
    assert not taken_in({"input": "x", "stream": True}, Endpoint.EMBEDDINGS).stream


@pytest.mark.parametrize(("header", "count"), [("3", 3), ("nonsense", 0), ("999999999", 0), ("", 0)])
def test_the_clients_retries_are_counted(header: str, count: int) -> None:
    assert taken_in(x_stainless_retry_count=header).retry_count == count


def test_of_headers_that_came_twice_the_first_one_counts() -> None:
    raw = [(b"x-api-key", b"sk-a"), (b"x-atelier-brand", b"lumen"), (b"x-api-key", b"sk-b"), (b"x-atelier-brand", b"x")]
    asked = Asked.of({"type": "http", "headers": raw, "state": {"request_id": "req_given"}})
    assert credential(asked.head) == "sk-a"
    assert new_call(asked, Endpoint.CHAT, dict(HELLO), FakeClock(), 300.0).options == Options(brand="lumen")


@pytest.mark.parametrize(
    ("header", "key"), [(b"Bearer sk-a", "sk-a"), (b"sk-a ", "sk-a"), (b"Bearer  sk-a", "sk-a"), (b"", "")]
)
def test_the_admins_own_header_comes_first(header: bytes, key: str) -> None:
    assert credential({b"x-gate": header, b"authorization": b"Bearer sk-b"}, "X-Gate") == key


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "bearer sk-a"}, "sk-a"),
        ({"authorization": "Basic sk-a"}, None),
        ({"x_api_key": "sk-b"}, "sk-b"),
        ({"api_key": "sk-c"}, "sk-c"),
        ({"authorization": "Bearer sk-a", "x_api_key": "sk-b"}, "sk-a"),
        ({}, None),
    ],
)
def test_where_a_key_is_read(headers: dict[str, str], key: str | None) -> None:
    assert taken_in(**headers).credential == key
