"""/auth over HTTP: invitations, passwords, the identity provider; one answer for nobody and for a wrong password."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.oidc import Oidc, OidcSettings
from tests.api.shapes import HELLO, refused
from tests.harness import FleetThread, GatewayThread

PASSWORD = "correct horse battery staple"
ISSUER, CLIENT = "https://id.example.com", "atelier"
KEY = ec.generate_private_key(ec.SECP256R1())
NUMBERS = count(1)


@pytest.fixture(scope="module")
def own(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    with GatewayThread(tmp_path_factory.mktemp("sign-in"), running_fleet) as gateway:
        yield gateway


@pytest.fixture
def admin(own: GatewayThread) -> Iterator[httpx.Client]:
    with own.http() as http:
        yield http


@pytest.fixture
def nobody(own: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Asks without a key; the tries of the tests before are forgotten."""
    services = own.gateway.services
    monkeypatch.setattr(services.accounts.sign_ins, "_throttle", None)
    with own.http(None) as http:
        yield http


def joined(admin: httpx.Client, nobody: httpx.Client, **invitation: Any) -> dict[str, Any]:
    """A new person's session, as accepting an invitation answers it."""
    email = f"person{next(NUMBERS)}@example.com"
    token = admin.post("/admin/invitations", json=invitation).json()["token"]
    body = {"token": token, "email": email, "name": "Ada", "password": PASSWORD}
    answer = nobody.post("/auth/accept-invitation", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["user"]["email"] == email
    return found


def test_an_invitation_makes_one_account_once(own: GatewayThread, admin: httpx.Client, nobody: httpx.Client) -> None:
    made = admin.post("/admin/invitations", json={"role": "viewer", "expires_in": 3_600})
    assert made.json()["token"].startswith("inv-atl-")
    assert made.headers["cache-control"] == "no-store"
    body = {"token": made.json()["token"], "email": "Once@Example.com", "name": "Once", "password": PASSWORD}
    session = nobody.post("/auth/accept-invitation", json=body)
    assert session.headers["cache-control"] == "no-store"
    assert session.json().keys() == {"object", "id", "token", "expires_at", "team", "user"}
    assert session.json()["token"].startswith("sess-atl-")
    refused(nobody.post("/auth/accept-invitation", json={**body, "email": "b@example.com"}), 404, "not_found")
    with own.http(session.json()["token"]) as http:
        me = http.get("/v1/me").json()
    assert (me["role"], me["session_id"]) == ("viewer", session.json()["id"])
    assert me["account"] == {"id": session.json()["user"]["id"], "name": "Once", "email": "once@example.com"}
    assert me["user"] == me["account"]["id"]


def test_a_revoked_invitation_looks_like_none(admin: httpx.Client, nobody: httpx.Client) -> None:
    made = admin.post("/admin/invitations", json={}).json()
    assert admin.delete(f"/admin/invitations/{made['id']}").json()["revoked_at"]
    body = {"email": "r@example.com", "name": "R", "password": PASSWORD}
    revoked = nobody.post("/auth/accept-invitation", json={**body, "token": made["token"]})
    unknown = nobody.post("/auth/accept-invitation", json={**body, "token": "inv-atl-" + "A" * 43})
    assert revoked.json() == unknown.json()
    refused(revoked, 404, "not_found")


def test_a_person_signs_in_works_and_signs_out(own: GatewayThread, admin: httpx.Client, nobody: httpx.Client) -> None:
    email = joined(admin, nobody)["user"]["email"]
    session = nobody.post("/auth/sign-in", json={"email": email, "password": PASSWORD}).json()
    with own.http(session["token"]) as http:
        assert http.post("/v1/chat/completions", json=HELLO).status_code == 200
        listed = http.get("/auth/sessions").json()["data"]
        assert {each["id"]: each["current"] for each in listed}[session["id"]] is True
        assert len(listed) == 2
        assert http.post("/auth/sign-out").json() == {"object": "session.ended", "id": session["id"], "count": 1}
        refused(http.get("/v1/me"), 401, "invalid_api_key")


def test_nobody_and_a_wrong_password_get_the_same_bytes(admin: httpx.Client, nobody: httpx.Client) -> None:
    email = joined(admin, nobody)["user"]["email"]
    no_password = admin.post("/admin/users", json={"email": f"n{next(NUMBERS)}@example.com"}).json()["email"]
    answers = [
        nobody.post("/auth/sign-in", json={"email": each, "password": "wrong, but long enough"})
        for each in (email, no_password, "nobody@example.com")
    ]
    refused(answers[0], 401, "invalid_credentials")
    assert len({answer.content for answer in answers}) == 1
    names = [sorted(set(answer.headers) - {"x-request-id"}) for answer in answers]
    assert names[0] == names[1] == names[2]


def test_too_many_tries_are_told_to_wait(own: GatewayThread) -> None:
    body = {"email": "guessed@example.com", "password": "wrong, but long enough"}
    with own.http(None, headers={"x-forwarded-for": "203.0.113.7"}) as http:
        answers = [http.post("/auth/sign-in", json=body) for _ in range(11)]
        other = http.post("/auth/sign-in", json={**body, "email": "another@example.com"})
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    refused(answers[-1], 429, "rate_limit_exceeded")
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900
    assert other.status_code == 401


def test_a_password_is_changed_and_other_sessions_end(
    own: GatewayThread, admin: httpx.Client, nobody: httpx.Client
) -> None:
    first = joined(admin, nobody)
    email, new = first["user"]["email"], "a longer one than before"
    second = nobody.post("/auth/sign-in", json={"email": email, "password": PASSWORD}).json()
    with own.http(second["token"]) as http:
        wrong = http.post("/auth/password", json={"old": "not this one, surely", "new": new})
        refused(wrong, 401, "invalid_credentials", "old")
        weak = refused(
            http.post("/auth/password", json={"old": PASSWORD, "new": "short"}), 422, "validation_error", "new"
        )
        assert weak["details"][0]["where"] == "new"
        assert http.post("/auth/password", json={"old": PASSWORD, "new": new}).status_code == 200
        assert http.get("/v1/me").status_code == 200
    with own.http(first["token"]) as http:
        assert http.get("/v1/me").status_code == 401
    assert nobody.post("/auth/sign-in", json={"email": email, "password": PASSWORD}).status_code == 401
    assert nobody.post("/auth/sign-in", json={"email": email, "password": new}).status_code == 200


def test_a_session_turns_to_another_team(own: GatewayThread, admin: httpx.Client, nobody: httpx.Client) -> None:
    teams = [admin.post("/admin/teams", json={"name": "t"}).json()["id"] for _ in range(2)]
    session = joined(admin, nobody, team=teams[0], role="lead")
    admin.put(f"/admin/teams/{teams[1]}/members/{session['user']['id']}", json={"role": "viewer"})
    with own.http(session["token"]) as http:
        assert http.patch("/auth/session", json={"team": teams[1]}).json()["team"] == teams[1]
        me = http.get("/v1/me").json()
        assert (me["team"], me["role"], me["tenant"]) == (teams[1], "viewer", f"team:{teams[1]}")
        assert sorted(each["team"] for each in me["teams"]) == sorted(teams)
        refused(http.patch("/auth/session", json={"team": "another"}), 404, "not_found")
        refused(http.patch("/auth/session", json={}), 422, "validation_error")


def test_a_key_is_no_person(own: GatewayThread) -> None:
    with own.http(own.key()) as http:
        new = {"old": PASSWORD, "new": PASSWORD}
        for method, path, body in (
            ("POST", "sign-out", None),
            ("POST", "password", new),
            ("PATCH", "session", {"team": None}),
        ):
            refused(http.request(method, f"/auth/{path}", json=body), 403, "insufficient_permissions")


def test_an_admin_signs_a_person_out_everywhere(own: GatewayThread, admin: httpx.Client, nobody: httpx.Client) -> None:
    session = joined(admin, nobody)
    path = f"/admin/users/{session['user']['id']}/sessions"
    assert [each["id"] for each in admin.get(path).json()["data"]] == [session["id"]]
    assert admin.delete(path).json()["count"] == 1
    with own.http(session["token"]) as http:
        assert http.get("/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "wrong"),
    [
        ("sign-in", {}, {"email", "password"}),
        ("sign-in", {"email": "x", "password": "", "remember": True}, {"email", "password", "remember"}),
        ("sign-in", {"email": "a@b.c\x00", "password": 5}, {"email", "password"}),
        ("accept-invitation", {"role": "admin", "name": "\x01"}, {"token", "email", "password", "role", "name"}),
    ],
)
def test_bodies_that_do_not_fit_name_every_mistake(nobody: httpx.Client, path: str, body: Any, wrong: set[str]) -> None:
    error = refused(nobody.post(f"/auth/{path}", json=body), 422, "validation_error")
    assert {each["where"] for each in error["details"]} == wrong


@pytest.mark.parametrize("path", ["sign-in", "accept-invitation"])
def test_bodies_of_strangers_are_small(nobody: httpx.Client, path: str) -> None:
    large = b'{"password": "' + b"x" * 4_096 + b'"}'
    refused(nobody.post(f"/auth/{path}", content=large), 413, "request_too_large")
    refused(nobody.post(f"/auth/{path}", content=b"[" * 100), 400, "invalid_json")


def test_secrets_of_a_body_are_not_repeated(nobody: httpx.Client) -> None:
    for path in ("sign-in", "accept-invitation"):
        body = {"email": "x", "password": f"{PASSWORD}\x00", "token": PASSWORD, PASSWORD[:8]: 1}
        assert PASSWORD not in nobody.post(f"/auth/{path}", json=body).text


# --- the identity provider ------------------------------------------------------------------------------------------


def network(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("openid-configuration"):
        return httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
    made = json.loads(jwt.get_algorithm_by_name("ES256").to_jwk(KEY.public_key()))  # type: ignore[arg-type]
    return httpx.Response(200, json={"keys": [{**made, "kid": "1"}]})


@pytest.fixture
def provider(own: GatewayThread, monkeypatch: pytest.MonkeyPatch) -> None:
    services = own.gateway.services
    oidc = Oidc(OidcSettings(ISSUER, CLIENT), services.clock, httpx.MockTransport(network))
    monkeypatch.setattr(services, "oidc", oidc)


def id_token(own: GatewayThread, **claims: Any) -> dict[str, str]:
    now = own.gateway.services.clock.now()
    made = {"iss": ISSUER, "aud": CLIENT, "sub": "p-1", "iat": now, "exp": now + 60, "nonce": "n", **claims}
    return {"id_token": jwt.encode(made, KEY, algorithm="ES256", headers={"kid": "1"}), "nonce": "n"}


@pytest.mark.usefixtures("provider")
def test_a_verified_address_is_bound_to_its_person(
    own: GatewayThread, admin: httpx.Client, nobody: httpx.Client
) -> None:
    email = f"oidc{next(NUMBERS)}@example.com"
    user = admin.post("/admin/users", json={"email": email}).json()["id"]
    unverified = nobody.post("/auth/oidc", json=id_token(own, email=email, email_verified=False))
    refused(unverified, 401, "invalid_credentials")
    answer = nobody.post("/auth/oidc", json=id_token(own, email=email, email_verified=True))
    assert answer.json()["user"]["id"] == user
    assert answer.headers["cache-control"] == "no-store"
    again = nobody.post("/auth/oidc", json=id_token(own, email="changed@example.com"))
    assert again.json()["user"]["id"] == user
    stranger = nobody.post("/auth/oidc", json=id_token(own, sub="p-2", email=email, email_verified=True))
    refused(stranger, 401, "invalid_credentials")


@pytest.mark.usefixtures("provider")
def test_a_token_that_is_not_for_here_is_refused(own: GatewayThread, nobody: httpx.Client) -> None:
    for claims in ({"aud": "another"}, {"nonce": "another"}, {"exp": 1}, {"iss": "https://evil.example.com"}):
        refused(nobody.post("/auth/oidc", json=id_token(own, **claims)), 401, "invalid_id_token")


def test_without_a_provider_there_is_no_such_way_in(own: GatewayThread, nobody: httpx.Client) -> None:
    refused(nobody.post("/auth/oidc", json={"id_token": "a.b.c", "nonce": "n"}), 404, "not_found")


def test_a_provider_that_is_away_is_a_503(
    own: GatewayThread, nobody: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = httpx.MockTransport(lambda _: httpx.Response(503))
    services = own.gateway.services
    monkeypatch.setattr(services, "oidc", Oidc(OidcSettings(ISSUER, CLIENT), services.clock, away))
    answer = nobody.post("/auth/oidc", json=id_token(own))
    refused(answer, 503, "identity_provider_unavailable")
    assert answer.headers["x-should-retry"] == "true"
