"""/admin over HTTP: shapes, money, versions, pages, every mistake at once, and nothing kept on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest

from tests.api.shapes import HELLO, refused
from tests.harness import FleetThread, GatewayThread, wait_until

NUMBERS = count(1)
KINDS = ("users", "teams", "brands", "keys")


@pytest.fixture(scope="module")
def own(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    with GatewayThread(tmp_path_factory.mktemp("admin"), running_fleet) as gateway:
        yield gateway


@pytest.fixture
def admin(own: GatewayThread) -> Iterator[httpx.Client]:
    with own.http() as http:
        yield http


def make(http: httpx.Client, kind: str, **members: Any) -> httpx.Response:
    least = {} if kind == "users" else {"name": f"n{next(NUMBERS)}"}
    answer = http.post(f"/admin/{kind}", json={**least, **members})
    assert answer.status_code == 201, answer.text
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_made_is_what_is_found(admin: httpx.Client, kind: str) -> None:
    made = make(admin, kind, budget="12.50", budget_window="30d").json()
    made.pop("key", None)
    assert made["object"] == kind.removesuffix("s")
    assert (made["budget"], made["budget_nano"], made["budget_window"]) == ("12.5", 12_500_000_000, "30d")
    assert made["version"] == 1
    assert made["spend"].keys() >= {"spent", "spent_nano", "held", "left", "resets_at"}
    assert (made["spend"]["left"], made["spend"]["spent_nano"]) == ("12.5", 0)
    assert admin.get(f"/admin/{kind}/{made['id']}").json() == made
    assert made in admin.get(f"/admin/{kind}?limit=200").json()["data"]


@pytest.mark.parametrize(
    ("given", "nano"),
    [(0, 0), (1, 10**9), (0.1, 10**8), ("0.1", 10**8), ("0.000000001", 1), ("100000000", 10**17), (None, None)],
)
def test_an_amount_is_a_number_or_a_decimal_string(admin: httpx.Client, given: Any, nano: int | None) -> None:
    made = make(admin, "teams", budget=given).json()
    assert made["budget_nano"] == nano
    assert admin.get(f"/admin/teams/{made['id']}").json()["budget_nano"] == nano


@pytest.mark.parametrize(
    "given", [-1, "-1", "1e3", "", " 1", "1,5", "NaN", "Infinity", 1e300, True, [], {}, "1.0000000001", "٣", 10**12]
)
def test_what_is_no_amount_is_refused(admin: httpx.Client, given: Any) -> None:
    error = refused(admin.post("/admin/teams", json={"name": "n", "budget": given}), 422, "validation_error")
    assert [each["where"] for each in error["details"]] == ["budget"]


def test_spend_is_what_was_spent(own: GatewayThread, admin: httpx.Client, fleet: FleetThread) -> None:
    team, user = make(admin, "teams").json()["id"], make(admin, "users").json()["id"]
    admin.put(f"/admin/teams/{team}/members/{user}", json={"role": "member"})
    key = make(admin, "keys", team=team, user=user, budget="1").json()
    for kind, thing in (("teams", team), ("users", user)):
        admin.patch(f"/admin/{kind}/{thing}", json={"budget": 5}, headers={"if-match": "*"})
    with own.http(key["key"]) as http:
        assert http.post("/v1/chat/completions", json=HELLO).status_code == 200
    for kind, thing in (("teams", team), ("users", user), ("keys", key["id"])):
        wait_until(lambda: admin.get(f"/admin/{kind}/{thing}").json()["spend"]["spent_nano"] > 0, kind)  # noqa: B023
    spend = admin.get(f"/admin/keys/{key['id']}").json()["spend"]
    assert spend["left_nano"] + spend["spent_nano"] + spend["held_nano"] == 10**9


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_needs_the_version_that_was_read(admin: httpx.Client, kind: str) -> None:
    made = make(admin, kind)
    path = f"/admin/{kind}/{made.json()['id']}"
    first = admin.get(path).headers["etag"]
    assert first == made.headers["etag"] == '"1"'
    refused(admin.patch(path, json={"name": "x"}), 400, "version_required", "If-Match")
    changed = admin.patch(path, json={"name": "x"}, headers={"if-match": first})
    assert (changed.status_code, changed.headers["etag"], changed.json()["version"]) == (200, '"2"', 2)
    stale = admin.patch(path, json={"name": "y"}, headers={"if-match": first})
    refused(stale, 409, "version_conflict")
    assert stale.headers["x-should-retry"] == "false"
    assert admin.get(path).json()["name"] == "x"
    assert admin.patch(path, json={"name": "y"}, headers={"if-match": "*"}).json()["version"] == 3


@pytest.mark.parametrize(
    "tag", ['"x"', '"1", "2"', 'W/"1"', '""', '"-1"', '"1.0"', '"' + "9" * 30 + '"', '"\u0661"'.encode()]
)
def test_what_is_no_version_is_refused(admin: httpx.Client, tag: str | bytes) -> None:
    path = f"/admin/teams/{make(admin, 'teams').json()['id']}"
    refused(admin.patch(path, json={"name": "x"}, headers={b"if-match": tag}), 400, "invalid_value", "If-Match")


def test_null_takes_a_limit_away_and_what_is_left_out_stays(admin: httpx.Client) -> None:
    made = make(admin, "keys", budget=1, rpm=5, tags=["a"], models=["gpt"]).json()
    path = f"/admin/keys/{made['id']}"
    changed = admin.patch(path, json={"budget": None, "models": None}, headers={"if-match": "*"}).json()
    assert (changed["budget"], changed["models"], changed["rpm"], changed["tags"]) == (None, None, 5, ["a"])


@pytest.mark.parametrize(
    ("kind", "body", "wrong"),
    [
        ("users", {"id": "a b", "email": "x", "role": "lead", "nick": 1}, {"id", "email", "role", "nick"}),
        ("users", {"name": "a\x00b", "budget": "x", "budget_window": "0d"}, {"name", "budget", "budget_window"}),
        ("teams", {"content": "all", "retention_days": 0, "blocked": True}, {"name", "content", "retention_days", "blocked"}),
        ("teams", {"name": "n", "models": ["gpt", "nowhere", "neither"]}, {"models.1", "models.2"}),
        ("brands", {"name": "", "client": "x" * 201, "archived": True}, {"name", "client", "archived"}),
        ("keys", {"name": "n", "role": "root", "rpm": "5", "tags": [1], "test_key": 1}, {"role", "rpm", "tags.0", "test_key"}),
        ("keys", {"name": "n", "max_parallel": 1.5, "expires_at": -1, "metadata": []}, {"max_parallel", "expires_at", "metadata"}),
        ("invitations", {"email": "nobody", "role": "root", "expires_in": 1, "token": "x"}, {"email", "expires_in", "token"}),
    ],
)  # fmt: skip
def test_every_mistake_is_named_at_once(admin: httpx.Client, kind: str, body: Any, wrong: set[str]) -> None:
    answer = admin.post(f"/admin/{kind}", json=body)
    error = refused(answer, 422, "validation_error", "models" if "models" in body else None)
    assert wrong <= {each["where"] for each in error["details"]}
    assert all(each["what"] for each in error["details"])


def test_what_accounts_refuse_has_details_too(admin: httpx.Client) -> None:
    answer = admin.post("/admin/keys", json={"name": "n", "user": "nobody"})
    assert [each["where"] for each in refused(answer, 422, "validation_error", "user")["details"]] == ["user"]


def test_what_is_taken_is_a_conflict(admin: httpx.Client) -> None:
    user = make(admin, "users", email=f"a{next(NUMBERS)}@example.com").json()
    refused(admin.post("/admin/users", json={"id": user["id"]}), 409, "already_exists", "id")
    refused(admin.post("/admin/users", json={"email": user["email"].upper()}), 409, "already_exists", "email")


@pytest.mark.parametrize("kind", [*KINDS, "invitations"])
def test_pages_hold_everything_once(admin: httpx.Client, kind: str) -> None:
    for _ in range(5):
        least = {} if kind in {"users", "invitations"} else {"name": "n"}
        assert admin.post(f"/admin/{kind}", json=least).status_code == 201
    whole = [each["id"] for each in admin.get(f"/admin/{kind}?limit=200").json()["data"]]
    seen, after = [], None
    for _ in range(len(whole) + 1):
        page = admin.get(f"/admin/{kind}", params={"limit": 2, **({"after": after} if after else {})}).json()
        seen += [each["id"] for each in page["data"]]
        after = page["next"]
        assert page["has_more"] == (after is not None)
        if after is None:
            break
    assert seen == whole
    assert len(set(whole)) == len(whole) >= 5


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "after=x", "after=", "after=%00", "after=" + "9" * 600]
)
@pytest.mark.parametrize("kind", [*KINDS, "invitations", "audit"])
def test_parts_that_there_are_not(admin: httpx.Client, kind: str, query: str) -> None:
    answer = admin.get(f"/admin/{kind}?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["details"]


def test_nothing_private_is_kept_on_the_way(own: GatewayThread, admin: httpx.Client) -> None:
    key = make(admin, "keys").json()
    paths = [f"/admin/{kind}" for kind in (*KINDS, "invitations", "audit")]
    paths += ["/v1/me", "/key/list", "/spend/logs", "/auth/sessions", f"/key/info?key={key['id']}"]
    paths += ["/admin/reports/spend", "/admin/reports/spend?format=csv", f"/admin/keys/{key['id']}"]
    for path in paths:
        assert admin.get(path).headers["cache-control"] == "no-store", path
    rotated = admin.post(f"/admin/keys/{key['id']}/rotate")
    assert rotated.headers["cache-control"] == make(admin, "keys").headers["cache-control"] == "no-store"


def test_a_rotated_key_and_its_old_secret(own: GatewayThread, admin: httpx.Client) -> None:
    key = make(admin, "keys").json()
    new = admin.post(f"/admin/keys/{key['id']}/rotate", json={"overlap_seconds": 600}).json()
    assert new["key"] != key["key"]
    assert new["previous_until"] > new["created_at"] + 500
    for secret in (key["key"], new["key"]):
        with own.http(secret) as http:
            assert http.get("/v1/me").json()["key_id"] == key["id"]
    newest = admin.post(f"/admin/keys/{key['id']}/rotate", json={"overlap_seconds": 0}).json()
    for secret, status in ((key["key"], 401), (new["key"], 401), (newest["key"], 200)):
        with own.http(secret) as http:
            assert http.get("/v1/me").status_code == status
    assert "key" not in admin.get(f"/admin/keys/{key['id']}").json()
    refused(admin.post(f"/admin/keys/{key['id']}/rotate", json={"overlap_seconds": -1}), 422, "validation_error")


def test_a_revoked_and_a_blocked_key(own: GatewayThread, admin: httpx.Client) -> None:
    key = make(admin, "keys").json()
    path = f"/admin/keys/{key['id']}"
    with own.http(key["key"]) as http:
        for blocked, status in ((True, 401), (False, 200)):
            admin.patch(path, json={"blocked": blocked}, headers={"if-match": "*"})
            assert http.get("/v1/me").status_code == status
        assert admin.delete(path).json()["revoked_at"]
        refused(http.get("/v1/me"), 401, "invalid_api_key")
    refused(admin.patch(path, json={"name": "x"}, headers={"if-match": "*"}), 409, "already_revoked")


def test_members_of_a_team(admin: httpx.Client) -> None:
    team, user = make(admin, "teams").json()["id"], make(admin, "users", name="Ada").json()["id"]
    path = f"/admin/teams/{team}/members"
    set_ = admin.put(f"{path}/{user}", json={"role": "lead"}).json()
    assert set_ == {
        "object": "membership",
        "team": team,
        "user": {"id": user, "name": "Ada", "email": None},
        "role": "lead",
    }
    assert admin.get(path).json()["data"] == [set_]
    assert admin.get(f"/admin/teams/{team}").json()["members"] == 1
    assert admin.get(f"/admin/users/{user}").json()["teams"] == [{"team": team, "role": "lead"}]
    assert admin.get(f"/admin/users?team={team}").json()["data"][0]["id"] == user
    assert admin.delete(f"{path}/{user}").json()["object"] == "membership.removed"
    refused(admin.delete(f"{path}/{user}"), 404, "not_found")


def test_the_audit_log_says_who_did_what(admin: httpx.Client) -> None:
    team = make(admin, "teams").json()["id"]
    answer = admin.patch(f"/admin/teams/{team}", json={"budget": 3}, headers={"if-match": "*"})
    newest, made = admin.get(f"/admin/audit?object_type=team&object_id={team}").json()["data"]
    assert (newest["action"], made["action"], newest["actor"]) == ("team.edit", "team.create", "master")
    assert (newest["before"], newest["after"]) == ({"budget": None}, {"budget": 3 * 10**9})
    assert newest["request_id"] == answer.headers["x-request-id"]
    assert admin.get("/admin/audit?actor_id=user:nobody").json()["data"] == []


def test_a_person_is_exported_and_erased(admin: httpx.Client) -> None:
    user = make(admin, "users", email=f"gone{next(NUMBERS)}@example.com", name="Gone").json()
    export = admin.get(f"/admin/users/{user['id']}/export")
    assert user["email"] in json.dumps(export.json())
    assert export.headers["cache-control"] == "no-store"
    erased = admin.delete(f"/admin/users/{user['id']}").json()
    assert erased["object"] == "user.erased"
    assert erased["id"] != user["id"]
    assert user["id"] not in {each["id"] for each in admin.get("/admin/users?limit=200").json()["data"]}


def test_reports_of_spend(own: GatewayThread, admin: httpx.Client, fleet: FleetThread) -> None:
    team = make(admin, "teams", name="=SUM(A1)").json()["id"]
    with own.http(make(admin, "keys", team=team).json()["key"]) as http:
        assert http.post("/v1/chat/completions", json=HELLO).status_code == 200
        path = f"/admin/reports/spend?by=team&team={team}"
        wait_until(lambda: http.get(path).json()["data"], "the line of the ledger")
        [row] = http.get(path).json()["data"]
        assert row["id"] == team
        assert row["cost_nano"] > 0
        assert http.get("/admin/reports/spend?by=team").json()["data"] == [row]
    sheet = admin.get(f"{path}&format=csv")
    assert sheet.headers["content-type"].startswith("text/csv")
    assert f"{team},'=SUM(A1)," in sheet.text
    assert len(admin.get("/admin/reports/spend?by=day").json()["data"]) == 30
    for wrong in (
        "by=hour",
        "from=2026-02-30",
        "from=2026-02-02&to=2026-02-01",
        "from=1970-01-01&to=2900-01-01",
        "format=x",
    ):
        refused(admin.get(f"/admin/reports/spend?{wrong}"), 422, "validation_error")


def test_the_documentation_knows_every_admin_route(own: GatewayThread) -> None:
    paths = own.gateway.api.openapi()["paths"]
    assert "requestBody" in paths["/admin/keys"]["post"]
    for path, methods in paths.items():
        for method, about in methods.items():
            if path.startswith("/admin") and not path.endswith(("/export", "/spend")):
                good = next(about["responses"][status] for status in ("200", "201") if status in about["responses"])
                assert good["content"]["application/json"]["schema"], (method, path)
