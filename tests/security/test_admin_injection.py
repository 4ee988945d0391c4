"""S4 over HTTP: forty payloads on every text that the admin routes take are text: the same status, the same rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.harness import FleetThread, GatewayThread
from tests.ledger.test_sql_injection import PAYLOADS

TABLES = ("user", "team", "membership", "brand", "virtual_key", "invitation", "sign_in", "account", "audit", "request")
HARMLESS = "no such thing"
ANY_VERSION = {"if-match": "*"}
IN_PATH = [
    *(f"{method} /admin/{kind}/{{}}" for kind in ("users", "teams", "brands", "keys") for method in ("GET", "PATCH")),
    *(f"DELETE /admin/{kind}/{{}}" for kind in ("users", "keys", "invitations")),
    *("GET /admin/users/{}/export", "GET /admin/users/{}/sessions", "DELETE /admin/users/{}/sessions"),
    *("GET /admin/teams/{}/members", "PUT /admin/teams/{}/members/ada", "PUT /admin/teams/blog/members/{}"),
    *("DELETE /admin/teams/{}/members/ada", "DELETE /admin/teams/blog/members/{}", "POST /admin/keys/{}/rotate"),
    *("DELETE /auth/sessions/{}", "POST /key/{}/regenerate", "POST /admin/config/versions/{}/restore"),
    "POST /admin/config/versions/{}/check",
]
IN_QUERY = [
    *(f"/admin/{kind}?after={{}}" for kind in ("users", "teams", "brands", "keys", "invitations", "audit")),
    *(
        "/admin/users?team={}",
        "/admin/keys?user={}",
        "/admin/keys?team={}",
        "/admin/users?limit={}",
        "/key/info?key={}",
    ),
    *(f"/admin/audit?{name}={{}}" for name in ("object_type", "object_id", "actor_id")),
    *(f"/spend/logs?{name}={{}}" for name in ("api_key", "user_id", "request_id", "start_date", "end_date", "page")),
    *(f"/admin/reports/spend?{name}={{}}" for name in ("team", "user", "brand", "model", "key", "from", "to", "by")),
]
# Route and body; "{}" is where the text goes.
IN_BODY: list[tuple[str, dict[str, Any]]] = [
    ("POST /admin/users", {"name": "{}"}),
    ("POST /admin/users", {"id": "{}"}),
    ("PATCH /admin/users/ada", {"name": "{}"}),
    ("POST /admin/teams", {"name": "{}"}),
    ("POST /admin/teams", {"name": "n", "models": ["{}"]}),
    ("PATCH /admin/teams/blog", {"name": "{}"}),
    ("POST /admin/brands", {"name": "{}", "client": "{}"}),
    ("POST /admin/brands", {"name": "n", "team": "{}"}),
    ("PATCH /admin/brands/acme", {"client": "{}"}),
    ("POST /admin/keys", {"name": "{}", "tags": ["{}"], "metadata": {"{}": "{}"}, "brands": ["{}"], "default_brand": "{}"}),
    ("POST /admin/keys", {"name": "n", "user": "{}"}),
    ("POST /admin/keys", {"name": "n", "team": "{}"}),
    ("POST /admin/invitations", {"team": "{}"}),
    ("POST /admin/invitations", {"user": "{}"}),
    ("POST /key/generate", {"key_alias": "{}", "tags": ["{}"], "metadata": {"{}": "{}"}}),
    ("POST /key/generate", {"user_id": "{}"}),
    ("POST /key/generate", {"team_id": "{}"}),
    ("POST /key/update", {"key": "{}"}),
    ("POST /key/block", {"key": "{}"}),
    ("POST /key/delete", {"keys": ["{}"]}),
    ("POST /admin/config/check", {"edits": [{"op": "add", "path": "/groups/{}", "value": {"policy": "{}"}}]}),
    ("PATCH /admin/config", {"sections": {"{}": "{}"}}),
    ("PATCH /admin/config", {"edits": [{"op": "add", "path": "/routing/{}", "value": {"{}": ["{}"]}}]}),
    ("PATCH /admin/config", {"sections": {"routing": "routing: {}"}}),
    ("POST /auth/sign-in", {"email": "a@example.com", "password": "{}"}),
    ("POST /auth/sign-in", {"email": "<>@example.com", "password": "long enough to be one"}),
    ("POST /auth/accept-invitation", {"token": "{}", "email": "a@example.com", "name": "{}", "password": "long enough 1"}),
    ("POST /auth/oidc", {"id_token": "{}", "nonce": "{}"}),
    ("PATCH /auth/session", {"team": "{}"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def own(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    with GatewayThread(tmp_path_factory.mktemp("injection"), running_fleet) as gateway, gateway.http() as admin:
        admin.post("/admin/users", json={"id": "ada"})
        admin.post("/admin/teams", json={"id": "blog", "name": "Blog"})
        admin.post("/admin/brands", json={"id": "acme", "name": "Acme"})
        gateway.gateway.services.accounts.sign_ins._throttle = None
        yield gateway


@pytest.fixture
def admin(own: GatewayThread) -> Iterator[httpx.Client]:
    with own.http() as http:
        yield http


def rows(own: GatewayThread) -> dict[str, int]:
    """How many there are of each kind."""
    with closing(sqlite3.connect(own.data_dir / "atelier.db", timeout=10)) as database:
        return {table: database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in TABLES}


def filled(body: dict[str, Any], text: str) -> dict[str, Any]:
    address = "".join(char for char in text if char not in " @") or "x"
    encoded = json.dumps(body).replace("<>", json.dumps(address)[1:-1])
    found: dict[str, Any] = json.loads(encoded.replace("{}", json.dumps(text)[1:-1]) if "{}" in encoded else encoded)
    return found


def ask(http: httpx.Client, method: str, path: str, body: Any) -> httpx.Response:
    versioned = path.startswith("/admin") and (method == "PATCH" or path.endswith("/restore"))
    headers = ANY_VERSION if versioned else {}
    return http.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize("route", IN_PATH)
def test_in_an_address_a_payload_is_an_id_that_nobody_has(own: GatewayThread, admin: httpx.Client, route: str) -> None:
    method, _, path = route.partition(" ")
    body = {"role": "viewer"} if method == "PUT" else {} if method in {"POST", "PATCH"} else None
    before = rows(own)
    for payload in (HARMLESS, *PAYLOADS):
        answer = ask(admin, method, path.format(quote(payload, safe="")), body)
        assert answer.status_code == 404, (payload, answer.text)
    assert rows(own) == before


@pytest.mark.parametrize("route", IN_QUERY)
def test_in_a_query_a_payload_finds_what_a_word_finds(own: GatewayThread, admin: httpx.Client, route: str) -> None:
    before = rows(own)
    harmless = admin.get(route.format(quote(HARMLESS, safe="")))
    assert harmless.status_code in {200, 400, 404, 422}
    for payload in PAYLOADS:
        answer = admin.get(route.format(quote(payload, safe="")))
        assert answer.status_code == harmless.status_code, (payload, answer.text)
        if answer.status_code == 200:
            assert answer.content == harmless.content, payload
    assert rows(own) == before


@pytest.mark.parametrize(("route", "body"), IN_BODY, ids=[f"{route} {', '.join(body)}" for route, body in IN_BODY])
def test_in_a_body_a_payload_is_stored_or_refused_as_a_word_is(
    own: GatewayThread, admin: httpx.Client, route: str, body: dict[str, Any]
) -> None:
    method, _, path = route.partition(" ")
    before = rows(own)
    harmless = ask(admin, method, path, filled(body, HARMLESS))
    assert harmless.status_code < 500
    usual = {table: number - before[table] for table, number in rows(own).items()}
    for payload in PAYLOADS:
        given, before = filled(body, payload), rows(own)
        answer = ask(admin, method, path, given)
        assert answer.status_code == harmless.status_code, (payload, answer.text)
        assert rows(own) == {table: number + usual[table] for table, number in before.items()}, payload
        if answer.is_success:
            told = answer.json()
            assert {name: told[name] for name in given if name in told} == {n: given[n] for n in given if n in told}
