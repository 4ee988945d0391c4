"""S3: no form of the Host header or of the path gets past the key, and no route exists that does not ask for one."""

from __future__ import annotations

import http.client
import json
import re
import socket

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from gateway.api.auth import PUBLIC, authenticated
from tests.api.shapes import api_routes
from tests.harness import GatewayThread

HOSTS = [
    b"a/?x=", b"x#", b"x/", b"127.0.0.1/health/live", b"health/live", b"user@127.0.0.1", b"127.0.0.1:80@evil.example",
    b"127.0.0.1\t", b"a b", b"", b"[::1", b"127.0.0.1:999999", b"\xe4.example", b"*", b"a\\b", b"127.0.0.1:4000:1",
]  # fmt: skip
SIGN_IN = {"/auth/sign-in": 400, "/auth/accept-invitation": 400, "/auth/oidc": 404}  # without a body
GOOD_HOSTS = [b"127.0.0.1", b"[::1]:4000", b"LOCALHOST", b"gateway.example.com:443"]
PATHS = [
    "//v1/me", "/v1//me", "/v1/me/", "/V1/ME", "/v1/%6de", "/v1/me;x", "/v1/me?key=sk", "/v1/me%00", "/v1/me%2f",
    "/health/live/../../v1/me", "/health/live%2f..%2f..%2fv1%2fme", "/health/../v1/me", "/./v1/me", "/%2e%2e/v1/me",
    "/health/live/", "/health/live%23/v1/me", "/health/live;/v1/me", "/health/live%3f/../v1/me", "/health",
    "http://evil.example/v1/me", "http://evil.example/health/live/../../v1/me", "/v1/models/../me", "/metrics/",
    "/v1/models/%2e%2e/me", "/v1/models/..%2fme", "/key/info#/health/live", "/docs", "/openapi.json", "/redoc", "/admin",
]  # fmt: skip


def ask(gateway: GatewayThread, method: str, path: str, host: bytes | None) -> tuple[int, bytes, dict[str, str]]:
    """One request without a key, its path and Host exactly as given."""
    line = b"" if host is None else b"Host: " + host + b"\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + line + b"Content-Length: 0\r\n\r\n")
        answer = http.client.HTTPResponse(connection, method=method)
        answer.begin()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}


def a_path(route: APIRoute) -> str:
    return re.sub(r"\{\w+\}", "x-1", route.path.replace("{name:path}", "vendor/house/large"))


@pytest.mark.parametrize("host", [*HOSTS, None])
def test_a_malformed_host_reaches_no_route(gateway: GatewayThread, host: bytes | None) -> None:
    for route in api_routes(gateway.gateway.api.routes):
        for method in route.methods:
            status, body, headers = ask(gateway, method, a_path(route), host)
            assert status == 400, (host, route.path, body)
            assert headers["x-request-id"]
            assert json.loads(body)


@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_every_route_but_the_public_ones_asks_for_a_key_under_every_host(gateway: GatewayThread, host: bytes) -> None:
    for route in api_routes(gateway.gateway.api.routes):
        for method in route.methods:
            status, body, _ = ask(gateway, method, a_path(route), host)
            expected = SIGN_IN.get(route.path, 200) if route.path in PUBLIC else 401
            assert status == expected, (route.path, body)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_spelling_of_a_path_gets_past_the_key(gateway: GatewayThread, method: str, path: str) -> None:
    status, body, headers = ask(gateway, method, path, b"evil.example")
    assert status in {400, 401, 404, 405}, (path, status, body)
    assert "location" not in headers
    assert {"message", "type", "param", "code"} <= set(json.loads(body)["error"])


def test_every_route_depends_on_the_key_or_is_in_the_short_public_list(gateway: GatewayThread) -> None:
    routes = list(api_routes(gateway.gateway.api.routes))
    assert len(routes) > 15
    assert len(PUBLIC) <= 7
    assert {route.path for route in routes if not asks_for_a_key(route.dependant)} == set(PUBLIC)


def test_no_route_lets_the_framework_read_the_body_before_the_key(gateway: GatewayThread) -> None:
    for route in api_routes(gateway.gateway.api.routes):
        assert route.body_field is None, route.path


def asks_for_a_key(dependant: Dependant) -> bool:
    return dependant.call is authenticated or any(asks_for_a_key(inner) for inner in dependant.dependencies)
