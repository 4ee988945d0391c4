"""Every refusal has OpenAI's shape and a request id, on every route and status."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.api.auth import PUBLIC
from gateway.errors import Unavailable
from gateway.stages.route import Route
from gateway.types import Endpoint
from tests.api.shapes import HELLO, api_routes, refused
from tests.harness import FleetThread, GatewayThread, wait_until

CREATE = ("GET", "POST")
ROUTES = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/chat/completions"),
    ("POST", "/v1/embeddings"),
    ("POST", "/embeddings"),
    ("GET", "/v1/models"),
    ("GET", "/models"),
    ("GET", "/v1/models/vendor/house/large"),
    ("GET", "/v1/me"),
    ("GET", "/v1/templates"),
    ("GET", "/v1/status"),
    ("GET", "/v1/generations/gen-1"),
    ("POST", "/v1/generations/gen-1/cancel"),
    ("GET", "/metrics"),
    ("POST", "/key/generate"),
    ("POST", "/key/update"),
    ("GET", "/key/info"),
    ("GET", "/key/list"),
    ("POST", "/key/delete"),
    ("POST", "/key/block"),
    ("POST", "/key/unblock"),
    ("POST", "/key/k_1/regenerate"),
    ("GET", "/spend/logs"),
    *((method, f"/admin/{kind}") for kind in ("users", "teams", "brands", "keys", "invitations") for method in CREATE),
    *((method, f"/admin/{kind}/x") for kind in ("users", "teams", "brands", "keys") for method in ("GET", "PATCH")),
    *(("DELETE", f"/admin/{kind}/x") for kind in ("users", "keys", "invitations")),
    ("GET", "/admin/users/x/export"),
    ("GET", "/admin/users/x/sessions"),
    ("DELETE", "/admin/users/x/sessions"),
    ("GET", "/admin/teams/x/members"),
    ("PUT", "/admin/teams/x/members/y"),
    ("DELETE", "/admin/teams/x/members/y"),
    ("POST", "/admin/keys/x/rotate"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/reports/spend"),
    ("GET", "/admin/config"),
    ("PATCH", "/admin/config"),
    ("POST", "/admin/config/check"),
    ("POST", "/admin/config/reload"),
    ("GET", "/admin/config/versions"),
    ("POST", "/admin/config/versions/x/check"),
    ("POST", "/admin/config/versions/x/restore"),
    ("POST", "/auth/sign-out"),
    ("GET", "/auth/sessions"),
    ("DELETE", "/auth/sessions/x"),
    ("POST", "/auth/password"),
    ("PATCH", "/auth/session"),
]
METHODS: dict[str, set[str]] = {}
for _method, _path in ROUTES:
    METHODS.setdefault(_path, set()).add(_method)
BAD_HEADERS = [
    {},
    {"authorization": "Bearer"},
    {"authorization": "Basic c2stYTpi"},
    {"authorization": "Bearer sk-atl-" + "A" * 43},
    {"authorization": "Bearer " + "x" * 600},
    {"authorization": b"Bearer \xff\xfe\xe4"},
    {"x-api-key": "nothing"},
    {"api-key": ""},
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_asks_for_a_key(gateway: GatewayThread, method: str, path: str) -> None:
    with gateway.http(None) as http:
        for headers in BAD_HEADERS:
            answer = http.request(method, path, headers=headers, json={} if method == "POST" else None)
            error = refused(answer, 401, "invalid_api_key")
            assert error["type"] == "invalid_request_error"
            assert answer.headers["www-authenticate"] == "Bearer"


def test_all_three_headers_are_read(gateway: GatewayThread) -> None:
    key = gateway.key()
    for headers in ({"authorization": f"bearer {key}"}, {"x-api-key": key}, {"api-key": key}):
        with gateway.http(None, headers=headers) as http:
            assert http.get("/v1/me").status_code == 200


def test_an_expired_and_a_revoked_key_are_refused(gateway: GatewayThread) -> None:
    expired, revoked = gateway.key(duration="1s"), gateway.key()
    with gateway.http(revoked) as http, gateway.http() as admin:
        key_id = http.get("/v1/me").json()["key_id"]
        assert admin.post("/key/delete", json={"keys": [key_id]}).status_code == 200
        refused(http.post("/v1/chat/completions", json=HELLO), 401, "invalid_api_key")
    with gateway.http(expired) as http:
        wait_until(lambda: http.get("/v1/me").status_code == 401, "the key's end")
        refused(http.get("/v1/me"), 401, "expired_api_key")


@pytest.mark.parametrize("path", ["/", "/v2/chat/completions", "/v1", "/v1/chat", "/v1/images/generations", "/ä%0d%0a"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_addresses(gateway: GatewayThread, method: str, path: str) -> None:
    with gateway.http() as http:
        refused(http.request(method, path), 404, "unknown_url")


@pytest.mark.parametrize("path", METHODS)
def test_wrong_methods(gateway: GatewayThread, path: str) -> None:
    with gateway.http() as http:
        for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - METHODS[path]:
            answer = http.request(wrong, path)
            refused(answer, 405, "method_not_allowed")
            assert set(answer.headers["allow"].split(", ")) == METHODS[path]
        head = http.head(path)
        assert head.status_code == 405
        assert head.headers["x-request-id"]


def test_these_routes_are_all_there_are(gateway: GatewayThread) -> None:
    for route in api_routes(gateway.gateway.api.routes):
        if route.path not in PUBLIC:
            [method] = route.methods
            assert any(each == method and route.path_regex.fullmatch(path) for each, path in ROUTES), route.path


def test_members_may_not_do_an_admins_work(gateway: GatewayThread) -> None:
    other = gateway.key()
    with gateway.http(other) as http:
        other_id = http.get("/v1/me").json()["key_id"]
    with gateway.http(gateway.key()) as http:
        refused(http.post("/admin/users", json={}), 403, "insufficient_permissions")
        refused(http.post("/key/delete", json={"keys": [other_id]}), 404, "not_found")
        refused(http.get(f"/key/info?key={other_id}"), 404, "not_found")
        assert [key["key_id"] for key in http.get("/key/list").json()["keys"]] == [http.get("/v1/me").json()["key_id"]]


@pytest.mark.parametrize(
    "path", ["/user/new", "/team/info", "/spend/tags", "/global/spend", "/model/info", "/key/health"]
)
def test_litellms_other_routes_are_told_where_to_go(gateway: GatewayThread, path: str) -> None:
    with gateway.http() as http:
        error = refused(http.get(path), 404, "unknown_url")
    assert "LiteLLM" in error["message"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/key/generate", {"max_budget": -1}, 422),
        ("/key/generate", {"role": "root"}, 422),
        ("/key/generate", {"surprise": True}, 422),
        ("/key/generate", {"models": "gpt"}, 422),
        ("/key/delete", {"keys": []}, 422),
        ("/key/generate", {"duration": "forever"}, 422),
        ("/key/generate", {"models": ["nowhere"]}, 400),
        ("/key/delete", {"keys": ["k_nowhere"]}, 404),
    ],
)
def test_admin_bodies_that_do_not_fit(gateway: GatewayThread, path: str, body: Any, status: int) -> None:
    codes = {422: "validation_error", 404: "not_found"}
    with gateway.http() as http:
        answer = http.post(path, json=body)
        code = codes.get(status) or answer.json()["error"]["code"]
        refused(answer, status, code, answer.json()["error"]["param"])


def test_admin_bodies_that_are_no_json_objects(gateway: GatewayThread) -> None:
    with gateway.http() as http:
        for body in (b"{", b"", b"\xff", b'{"max_budget": NaN}', b"[]"):
            refused(http.post("/key/generate", content=body), 400, "invalid_json")


def test_a_bug_is_a_plain_500_without_its_text(gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr(gateway.gateway.services.records, "spend", broken)
    with gateway.http() as http:
        answer = http.get("/v1/me")
    error = refused(answer, 500, "internal_error")
    assert error["type"] == "server_error"
    assert "secret" not in answer.text


@pytest.mark.parametrize("stream", [False, True])
def test_a_bug_in_a_stage_is_a_plain_500(
    gateway: GatewayThread, fleet: FleetThread, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("the secret of the route")

    monkeypatch.setattr(Route, "enter", broken)
    with gateway.http() as http:
        answer = http.post("/v1/chat/completions", json={**HELLO, "stream": stream})
    refused(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert fleet.ended == []


def test_a_store_that_is_away_is_a_503_and_not_a_401(gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("The key store is away.", code="store_unavailable", retry_after=2)

    monkeypatch.setattr(gateway.gateway.services.identities._directory, "key", away)
    with gateway.http("sk-atl-unknown") as http:
        answer = http.get("/v1/me")
    refused(answer, 503, "store_unavailable")
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("1", "true")
    gateway.gateway.services.identities._away_until = None  # the next test finds the store again


def test_a_generation_of_another_tenant_is_as_unknown_as_none(gateway: GatewayThread, fleet: FleetThread) -> None:
    with gateway.http(gateway.key(user_id="ann")) as ann, gateway.http(gateway.key(user_id="bob")) as bob:
        generation = ann.post("/v1/chat/completions", json=HELLO).headers["x-atelier-generation-id"]
        wait_until(lambda: ann.get(f"/v1/generations/{generation}").status_code == 200, "the record")
        hidden = refused(bob.get(f"/v1/generations/{generation}"), 404, "not_found")["message"]
        none = refused(bob.get("/v1/generations/gen-none"), 404, "not_found")["message"]
        assert hidden.replace(generation, "") == none.replace("gen-none", "")
        refused(bob.post(f"/v1/generations/{generation}/cancel"), 404, "not_found")
        answer = ann.post(f"/v1/generations/{generation}/cancel")
        refused(answer, 409, "already_finished")
        assert answer.headers["x-should-retry"] == "false"


def test_draining_refuses_in_the_same_shape(gateway: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.gateway.services.generations, "draining", True)
    with gateway.http() as http:
        answer = http.post("/v1/chat/completions", json=HELLO)
        refused(answer, 503, "service_draining")
        assert answer.headers["x-should-retry"] == "true"
        ready = http.get("/health/ready")
        assert (ready.status_code, ready.json()["reasons"]) == (503, ["draining"])
        assert http.get("/health/live").status_code == 200


def test_health_needs_no_key(gateway: GatewayThread) -> None:
    with gateway.http(None) as http:
        for path in ("/health/live", "/health/liveliness", "/health/ready", "/health/readiness"):
            answer = http.get(path)
            assert answer.status_code == 200
            assert answer.headers["x-request-id"]


@pytest.mark.parametrize("given", ["abc", "A" * 128, "a.b_c-9"])
def test_a_plain_request_id_is_taken_over(gateway: GatewayThread, given: str) -> None:
    with gateway.http(headers={"x-request-id": given}) as http:
        for path in ("/v1/me", "/nowhere", "/health/live"):
            assert http.get(path).headers.get_list("x-request-id") == [given]


def test_errors_in_a_stream_that_began_come_in_band(gateway: GatewayThread, fleet: FleetThread) -> None:
    fleet.fault("in_band_error", after_tokens=2)
    with gateway.http() as http:
        answer = http.post("/v1/chat/completions", json={**HELLO, "stream": True})
    assert answer.status_code == 200
    assert answer.headers["x-request-id"]
    *frames, last = answer.text.removesuffix("\n\n").split("\n\n")
    assert frames
    error = json.loads(last.removeprefix("data: "))["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    assert "[DONE]" not in answer.text


def test_a_refusal_before_the_first_chunk_has_its_status(gateway: GatewayThread, fleet: FleetThread) -> None:
    fleet.fault("500")
    with gateway.http() as http:
        refused(http.post("/v1/chat/completions", json={**HELLO, "stream": True}), 502, "upstream_error")


def test_names_that_would_break_a_line_come_back_harmless(gateway: GatewayThread) -> None:
    names = ["a\r\nset-cookie: x=1", "日本語/モデル", "\x00", "x" * 5000, "🙂"]
    with gateway.http() as http:
        for name in names:
            answer = http.post("/v1/chat/completions", json={**HELLO, "model": name})
            refused(answer, 404, "model_not_found", "model")
            assert "set-cookie" not in answer.headers
            shown = answer.headers["x-atelier-model-requested"]
            assert shown.isascii()
            assert shown.isprintable()
        refused(http.get("/v1/models/%E2%80%A8x%20y%3A"), 404, "model_not_found", "model")
        refused(http.get("/v1/models/%0d%0aset-cookie:%20x"), 404, "unknown_url")


def test_the_right_endpoint_is_asked_for(gateway: GatewayThread) -> None:
    with gateway.http() as http:
        refused(http.post("/v1/embeddings", json={"model": "echo", "input": "x"}), 404, "model_not_found", "model")
        refused(http.post("/v1/chat/completions", json={**HELLO, "model": "embed"}), 404, "model_not_found", "model")
        listed = {model["id"]: model["endpoints"] for model in http.get("/v1/models").json()["data"]}
    assert listed["embed"] == [Endpoint.EMBEDDINGS.value]
    assert listed["echo"] == [Endpoint.CHAT.value]


def test_a_client_that_hangs_up_while_uploading_breaks_nothing(gateway: GatewayThread) -> None:
    def half() -> Any:
        yield b'{"model": "echo", '
        raise httpx.ReadError("gone")

    with gateway.http() as http, pytest.raises(httpx.ReadError):
        http.post("/v1/chat/completions", content=half())
    with gateway.http() as http:
        assert http.get("/v1/me").status_code == 200
