"""LiteLLM's routes with LiteLLM's names: keys, and the log of what was spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.api.shapes import HELLO, refused
from tests.harness import FleetThread, GatewayThread, wait_until


@pytest.fixture(scope="module")
def own(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayThread]:
    with GatewayThread(tmp_path_factory.mktemp("aliases"), running_fleet) as gateway:
        yield gateway


@pytest.fixture
def admin(own: GatewayThread) -> Iterator[httpx.Client]:
    with own.http() as http:
        yield http


def generate(http: httpx.Client, **members: Any) -> dict[str, Any]:
    answer = http.post("/key/generate", json=members)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_key_is_made_changed_and_read_in_litellms_words(admin: httpx.Client) -> None:
    made = generate(
        admin, key_alias="letters", max_budget=2.5, budget_duration="30d", rpm_limit=9, models=[], metadata={"a": 1}
    )
    assert (made["key_alias"], made["max_budget"], made["budget_duration"]) == ("letters", 2.5, "30d")
    assert (made["rpm_limit"], made["models"], made["metadata"]) == (9, None, {"a": 1})
    changes = {"key": made["token_id"], "key_alias": "news", "max_budget": None, "duration": "1h", "tags": ["t"]}
    changed = admin.post("/key/update", json=changes).json()
    assert (changed["key_alias"], changed["max_budget"], changed["tags"], changed["rpm_limit"]) == (
        "news",
        None,
        ["t"],
        9,
    )
    assert 3_500 < changed["expires"] - changed["created_at"] < 3_700
    info = admin.get(f"/key/info?key={made['token_id']}").json()["info"]
    assert {name: info[name] for name in ("key_alias", "expires")} == {
        "key_alias": "news",
        "expires": changed["expires"],
    }
    assert info["spend"]["spent_nano"] == 0
    assert admin.post("/key/update", json={"key": made["token_id"], "duration": None}).json()["expires"] is None


def test_unknown_owners_that_an_admin_names_are_made(admin: httpx.Client) -> None:
    made = generate(admin, user_id="client-7", team_id="team-7")
    assert (made["user_id"], made["team_id"]) == ("client-7", "team-7")
    assert admin.get("/admin/users/client-7").json()["teams"] == [{"team": "team-7", "role": "member"}]
    again = generate(admin, user_id="client-7", team_id="team-7")
    assert again["token_id"] != made["token_id"]
    unknown = admin.post("/key/update", json={"key": "k_nobody", "user_id": "client-8"})
    refused(unknown, 404, "not_found")
    assert admin.get("/admin/users/client-8").status_code == 404


def test_a_user_that_is_an_address_gets_an_id_of_ours(admin: httpx.Client) -> None:
    made = generate(admin, user_id="Ada@Example.com")
    assert "@" not in made["user_id"]
    assert admin.get(f"/admin/users/{made['user_id']}").json()["email"] == "ada@example.com"


def test_a_lead_names_its_own_team_and_makes_nobody(own: GatewayThread, admin: httpx.Client) -> None:
    lead = generate(admin, team_id="desk", role="lead")["key"]
    with own.http(lead) as http:
        assert generate(http, team_id="desk")["team_id"] == "desk"
        assert http.post("/key/generate", json={"team_id": "elsewhere"}).status_code == 403
        assert http.post("/key/generate", json={"user_id": "client-9"}).status_code in {403, 422}
    assert admin.get("/admin/teams/elsewhere").status_code == admin.get("/admin/users/client-9").status_code == 404


def test_a_key_is_blocked_unblocked_regenerated_and_deleted(own: GatewayThread, admin: httpx.Client) -> None:
    made = generate(admin)
    key_id = made["token_id"]
    with own.http(made["key"]) as http:
        assert admin.post("/key/block", json={"key": key_id}).json()["blocked"] is True
        assert http.get("/v1/me").status_code == 401
        assert admin.post("/key/unblock", json={"key": key_id}).json()["blocked"] is False
        assert http.get("/v1/me").status_code == 200
        new = admin.post(f"/key/{key_id}/regenerate").json()
        assert new["token_id"] == key_id
        assert http.get("/v1/me").status_code == 200  # a day of grace
        newest = admin.post(f"/key/{key_id}/regenerate", json={"grace_period": "0s"}).json()
        assert http.get("/v1/me").status_code == 401
    assert admin.post("/key/delete", json={"keys": [key_id]}).json() == {"deleted_keys": [key_id]}
    with own.http(newest["key"]) as http:
        assert http.get("/v1/me").status_code == 401


def test_a_key_is_never_taken_for_its_id_nor_repeated(own: GatewayThread, admin: httpx.Client) -> None:
    key = generate(admin)["key"]
    answers = [
        admin.get(f"/key/info?key={key}"),
        admin.post(f"/key/{key}/regenerate"),
        *(admin.post(f"/key/{act}", json={"key": key}) for act in ("update", "block", "unblock")),
        admin.post("/key/delete", json={"keys": [key]}),
    ]
    for answer in answers:
        refused(answer, 400, "invalid_value", "key")
        assert key not in answer.text


def test_without_a_name_it_is_ones_own_key(own: GatewayThread, admin: httpx.Client) -> None:
    made = generate(admin)
    with own.http(made["key"]) as http:
        assert http.get("/key/info").json()["key"] == made["token_id"]
    refused(admin.get("/key/info"), 400, "invalid_value", "key")


@pytest.mark.parametrize(
    "body",
    [
        {"duration": "forever"},
        {"duration": 5},
        {"max_budget": "x"},
        {"rpm_limit": 0},
        {"tags": "x"},
        {"soft_budget": 1},
    ],
)
def test_what_does_not_fit_is_named(admin: httpx.Client, body: dict[str, Any]) -> None:
    error = refused(admin.post("/key/generate", json=body), 422, "validation_error")
    assert {each["where"] for each in error["details"]} == set(body)


def spent(own: GatewayThread, admin: httpx.Client, **owner: Any) -> tuple[dict[str, Any], str]:
    """A key that made one request, and the request's id."""
    made = generate(admin, **owner)
    with own.http(made["key"]) as http:
        answer = http.post("/v1/chat/completions", json=HELLO)
    generation = answer.headers["x-atelier-generation-id"]
    path = f"/spend/logs?request_id={generation}"
    wait_until(lambda: [row["status"] for row in admin.get(path).json()] == ["success"], "the log's row")
    return made, generation


def test_a_row_of_the_log_has_litellms_names(own: GatewayThread, admin: httpx.Client, fleet: FleetThread) -> None:
    made, generation = spent(own, admin, user_id="reader", team_id="readers")
    [row] = admin.get(f"/spend/logs?api_key={made['token_id']}").json()
    assert (row["request_id"], row["api_key"], row["user"], row["team"]) == (
        generation,
        made["token_id"],
        "reader",
        "readers",
    )
    assert (row["model"], row["model_group"], row["status"]) == ("echo", "echo", "success")
    assert row["total_tokens"] == row["prompt_tokens"] + row["completion_tokens"] > 0
    assert row["spend"] > 0
    assert datetime.fromisoformat(row["startTime"]) <= datetime.fromisoformat(row["endTime"])


def test_the_log_is_filtered_and_paged(own: GatewayThread, admin: httpx.Client, fleet: FleetThread) -> None:
    made, first = spent(own, admin, user_id="pager")
    with own.http(made["key"]) as http:
        second = http.post("/v1/chat/completions", json=HELLO).headers["x-atelier-generation-id"]
    today = datetime.now(UTC).date()

    def ids(query: str) -> list[str]:
        return [row["request_id"] for row in admin.get(f"/spend/logs?user_id=pager&{query}").json()]

    wait_until(lambda: len(ids("")) == 2, "both rows")
    assert ids("") == [second, first]
    assert (ids("size=1"), ids("size=1&page=2"), ids("size=1&page=3")) == ([second], [first], [])
    assert ids(f"start_date={today - timedelta(1)}&end_date={today}") == [second, first]
    assert ids(f"start_date={today + timedelta(2)}") == ids(f"end_date={today - timedelta(2)}") == []
    refused(admin.get("/spend/logs?start_date=soon"), 400, "invalid_value", "start_date")
    for wrong in ("page=0", "size=201", "size=x", "page=99999999"):
        refused(admin.get(f"/spend/logs?{wrong}"), 422, "validation_error")


def test_each_reads_its_own_part_of_the_log(own: GatewayThread, admin: httpx.Client, fleet: FleetThread) -> None:
    ann, by_ann = spent(own, admin, user_id="log-ann", team_id="log-team")
    bob, by_bob = spent(own, admin, user_id="log-bob", team_id="log-team")
    lone, by_lone = spent(own, admin)
    lead = generate(admin, team_id="log-team", role="lead")
    viewer = generate(admin, user_id="log-ann", team_id="log-team", role="viewer")
    for key, mine in (
        (ann, [by_ann]),
        (bob, [by_bob]),
        (lone, [by_lone]),
        (lead, [by_bob, by_ann]),
        (viewer, [by_ann]),
    ):
        with own.http(key["key"]) as http:
            assert [row["request_id"] for row in http.get("/spend/logs").json()] == mine
            assert http.get(f"/spend/logs?request_id={by_lone}").json() == (
                [] if key is not lone else http.get("/spend/logs").json()
            )
