"""CORS when it is configured, nothing of it when it is not; headers that proxies and browsers look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.shapes import HELLO, refused
from tests.harness import FleetThread, GatewayThread

ORIGIN = "https://app.example.com"
ASK = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-atelier-brand,x-stainless-lang",
}


@pytest.fixture(scope="module")
def open_to_browsers(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    server = {"cors": {"allow_origins": [ORIGIN]}, "trusted_hosts": ["127.0.0.1", "*.example.com"]}
    with GatewayThread(tmp_path_factory.mktemp("cors"), running_fleet, server=server) as running:
        yield running


def test_a_preflight_needs_no_key(open_to_browsers: GatewayThread) -> None:
    with open_to_browsers.http(None) as http:
        answer = http.options("/v1/chat/completions", headers=ASK)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "x-atelier-brand", "x-stainless-lang"))
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-request-id"]


def test_answers_streams_and_refusals_are_readable(open_to_browsers: GatewayThread, fleet: FleetThread) -> None:
    with open_to_browsers.http(headers={"origin": ORIGIN}) as http:
        for stream in (False, True):
            answer = http.post("/v1/chat/completions", json={**HELLO, "stream": stream})
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert answer.headers["access-control-expose-headers"] == "*"
        for path in ("/nowhere", "/v1/models/nowhere"):
            assert http.get(path).headers["access-control-allow-origin"] == ORIGIN
    with open_to_browsers.http("wrong", headers={"origin": ORIGIN}) as http:
        answer = http.post("/v1/chat/completions", json=HELLO)
        refused(answer, 401, "invalid_api_key")
        assert answer.headers["access-control-allow-origin"] == ORIGIN


def test_other_origins_get_nothing(open_to_browsers: GatewayThread) -> None:
    for origin in ("https://evil.example", "https://app.example.com.evil.example", "null", "http://app.example.com"):
        with open_to_browsers.http(None, headers={**ASK, "origin": origin}) as http:
            answer = http.options("/v1/chat/completions")
            assert "access-control-allow-origin" not in answer.headers
            assert http.get("/health/live").headers.get("access-control-allow-origin") is None


def test_without_cors_there_is_none_of_it(gateway: GatewayThread) -> None:
    with gateway.http(None, headers=ASK) as http:
        answer = http.options("/v1/chat/completions")
        refused(answer, 405, "method_not_allowed")
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_only_trusted_hosts_are_answered(open_to_browsers: GatewayThread) -> None:
    with open_to_browsers.http() as http:
        for host in ("127.0.0.1", "127.0.0.1:4000", "api.example.com", "API.Example.COM:80"):
            assert http.get("/v1/me", headers={"host": host}).status_code == 200
        for host in ("evil.example", "example.com", "example.com.evil.example", "localhost", "127.0.0.1.evil.example"):
            refused(http.get("/v1/me", headers={"host": host}), 400, "invalid_host")


def test_a_stream_is_not_buffered_on_its_way(gateway: GatewayThread, fleet: FleetThread) -> None:
    with gateway.http() as http:
        headers = http.post("/v1/chat/completions", json={**HELLO, "stream": True}).headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    assert "server" not in headers
