"""S6 and S22: role by route by field, generated from the routes and their models; and that others' ids look unknown.

What is refused changes no row; what is allowed shows the changed field. The expectation is `role_oracle`'s.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.api import alias_forms
from gateway.api.admin import forms
from gateway.api.admin.config_shapes import ConfigChange
from tests.api.shapes import api_routes
from tests.harness import FleetThread, GatewayThread
from tests.security.role_cases import ANY_VERSION, NOT_SHOWN, REFUSED, Case, cases
from tests.security.role_oracle import HIDDEN, NO, YES, sees
from tests.security.role_world import Caller, World

PREFIXES = ("/admin", "/auth", "/key", "/spend")
WHO = [f"{name} by {how}" for name in ("root", "lena", "max", "vera", "otto") for how in ("session", "key")]
WHO.append("lone by session")  # in no team
STATUS = {HIDDEN: {404}, NO: {403}, REFUSED: {403, 404, 422}}
NEVER = {
    "version": 99,
    "created_by": "master",
    "digest": "x",
    "parent": None,
    "spent_nano": 0,
    "budget_nano": 10**18,
    "revoked_at": None,
    "created_at": 0,
    "previous_digest": "x",
    "password_hash": "x",
    "can_sign_in": True,
    "oidc_subject": "x",
    "used_at": None,
    "actor": "master",
    "is_admin": True,
    "tenant": "team:press",
    "": 1,
}


@pytest.fixture(scope="module")
def world(running_fleet: FleetThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("roles")
    with GatewayThread(folder, running_fleet) as gateway, closing(World(gateway)) as world:
        yield world


@pytest.fixture(autouse=True)
def _restored(world: World) -> None:
    world.restore()


def ask(http: httpx.Client, case: Case) -> httpx.Response:
    versioned = case.method == "PATCH" or case.route.endswith("/restore")
    headers = ANY_VERSION if versioned and case.route.startswith("/admin") else {}
    return http.request(case.method, case.path, json=case.body, headers=headers)


def wrong(case: Case, answer: httpx.Response, *, changed: bool) -> str | None:
    """What is not as it was expected."""
    if case.expect != YES:
        if answer.status_code not in STATUS[case.expect]:
            return f"{case} but {answer.status_code} {answer.text[:200]}"
        return f"{case}: refused, but rows changed" if changed else None
    if not answer.is_success:
        return f"{case} but {answer.status_code} {answer.text[:200]}"
    told = answer.json() if case.shows else {}
    differs = {
        name: told.get(name) for name, value in case.shows.items() if name not in NOT_SHOWN and told.get(name) != value
    }
    return f"{case} but {differs}" if differs else None


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", WHO)
def test_every_route_and_field_answers_as_the_matrix_says(world: World, who: str) -> None:
    caller, mistakes, count = world.callers[who], [], 0
    before = world.rows()
    with world.http(caller) as http:
        for case in cases(world, caller):
            answer = ask(http, case)
            after = world.rows()
            problem = wrong(case, answer, changed=after != before)
            mistakes += [problem] if problem else []
            count += 1
            if after != before:
                world.restore()
                before = world.rows()
    assert count > 400
    assert mistakes == []


def test_every_route_is_in_the_matrix(world: World) -> None:
    known = {(case.method, case.route) for who in WHO for case in cases(world, world.callers[who])}
    public = {("POST", f"/auth/{name}") for name in ("sign-in", "accept-invitation", "oidc")}
    there = {
        (method, route.path)
        for route in api_routes(world.gateway.gateway.api.routes)
        for method in route.methods
        if route.path.startswith(PREFIXES)
    }
    assert there == known | public


@pytest.mark.parametrize("who", WHO)
def test_lists_hold_what_the_caller_sees_and_nothing_else(world: World, who: str) -> None:
    caller = world.callers[who]
    with world.http(caller) as http:
        for kind in ("user", "team", "brand", "key"):
            listed = {each["id"] for each in http.get(f"/admin/{kind}s?limit=200").json()["data"]}
            assert listed == {thing.id for thing in world.of(kind) if sees(caller, thing)}, kind
        listed = {each["key_id"] for each in http.get("/key/list").json()["keys"]}
        assert listed == {thing.id for thing in world.of("key") if sees(caller, thing)}
        own = {each["id"] for each in http.get("/auth/sessions").json()["data"]}
        assert own == {thing.id for thing in world.of("session") if thing.user == caller.user}


def stranger(value: str) -> str:
    return f"{value[:2]}nobody-has-this"


@pytest.mark.parametrize("who", WHO)
def test_anothers_ids_look_like_ids_that_nobody_has(world: World, who: str) -> None:
    """The same status, the same bytes but for the id itself."""
    caller, compared = world.callers[who], set()
    unseen = {(thing.kind, thing.id) for thing in world.things if not sees(caller, thing)}
    before = world.rows()
    with world.http(caller) as http:
        for case in cases(world, caller):
            hidden = [name for name, value in case.ids.items() if (name.removesuffix("_id"), value) in unseen]
            if case.expect != HIDDEN or not hidden or (case.method, case.path) in compared:
                continue
            value, other = case.ids[hidden[0]], stranger(case.ids[hidden[0]])
            answer, unknown = ask(http, case), ask(http, replace(case, ids={**case.ids, hidden[0]: other}))
            assert answer.status_code == unknown.status_code == 404, case
            assert answer.text.replace(value, "") == unknown.text.replace(other, ""), case
            compared.add((case.method, case.path))
    assert world.rows() == before
    assert len(compared) > 20 or caller.role == "admin"


def models() -> dict[tuple[str, str], tuple[Any, dict[str, Any]]]:
    """Each route with a body of ours: its model and the least that it takes."""
    return {
        ("POST", "/admin/users"): (forms.NewUser, {}),
        ("PATCH", "/admin/users/{user}"): (forms.UserChanges, {}),
        ("POST", "/admin/teams"): (forms.NewTeam, {"name": "n"}),
        ("PATCH", "/admin/teams/{team}"): (forms.TeamChanges, {}),
        ("PUT", "/admin/teams/{team}/members/{user}"): (forms.MemberRole, {"role": "viewer"}),
        ("POST", "/admin/brands"): (forms.NewBrand, {"name": "n"}),
        ("PATCH", "/admin/brands/{brand}"): (forms.BrandChanges, {}),
        ("POST", "/admin/keys"): (forms.NewKey, {"name": "n"}),
        ("PATCH", "/admin/keys/{key}"): (forms.KeyChanges, {}),
        ("POST", "/admin/keys/{key}/rotate"): (forms.Rotation, {}),
        ("POST", "/admin/invitations"): (forms.NewInvitation, {}),
        ("POST", "/admin/config/check"): (ConfigChange, {"sections": {"queue": ""}}),
        ("PATCH", "/admin/config"): (ConfigChange, {"sections": {"queue": ""}}),
        ("POST", "/key/generate"): (alias_forms.NewKey, {}),
        ("POST", "/key/update"): (alias_forms.KeyUpdate, {"key": "{key}"}),
        ("POST", "/key/block"): (alias_forms.KeyName, {"key": "{key}"}),
        ("POST", "/key/unblock"): (alias_forms.KeyName, {"key": "{key}"}),
        ("POST", "/key/delete"): (alias_forms.KeyNames, {"keys": ["{key}"]}),
        ("POST", "/key/{key}/regenerate"): (alias_forms.Regeneration, {}),
    }


@pytest.mark.parametrize("who", ["root by session", "lena by key", "max by session"])
def test_what_only_the_gateway_sets_is_in_no_body(world: World, who: str) -> None:
    caller = world.callers[who]
    ids = {"user": caller.user, "team": caller.team or "blog", "brand": "own"}
    ids["key"] = world.callers[f"{caller.user} by key"].key or ""
    before = world.rows()
    with world.http(caller) as http:
        for (method, route), (model, least) in models().items():
            body = json.loads(re.sub(r"\{key\}", ids["key"], json.dumps(least)))
            extra = {**NEVER, "id": "chosen", "role": "admin", "object": "key", "spend": {"spent": "0"}}
            for name in extra.keys() - set(model.model_fields):
                answer = http.request(
                    method, route.format(**ids), json={**body, name: extra[name]}, headers=ANY_VERSION
                )
                assert answer.status_code == 422, (method, route, name, answer.text)
                assert [each["where"] for each in answer.json()["error"]["details"]] == [name]
    assert world.rows() == before


def test_every_body_of_ours_is_among_those_models(world: World) -> None:
    with_bodies = {
        (method, re.sub(r"_id\}", "}", route.path))
        for route in api_routes(world.gateway.gateway.api.routes)
        for method in route.methods
        if route.path.startswith(("/admin", "/key")) and "requestBody" in (route.openapi_extra or {})
    }
    assert with_bodies == set(models())


def test_a_viewer_calls_no_model(world: World) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
    for name in ("vera by session", "vera by key"):
        with world.http(world.callers[name]) as http:
            for path in ("/v1/chat/completions", "/v1/embeddings"):
                answer = http.post(path, json=body)
                assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_permissions")
            assert http.get("/v1/models").status_code == 200


@pytest.mark.parametrize("who", ["root by session", "lena by session", "max by session", "max by key"])
def test_spend_is_shown_to_those_who_may_read_it(world: World, who: str) -> None:
    caller: Caller = world.callers[who]
    with world.http(caller) as http:
        users = {each["id"]: each["spend"] for each in http.get("/admin/users").json()["data"]}
        brands = {each["id"]: each["spend"] for each in http.get("/admin/brands").json()["data"]}
    assert {user for user, spend in users.items() if spend is not None} == (
        set(users) if caller.role == "admin" else {caller.user}
    )
    assert {brand for brand, spend in brands.items() if spend is not None} == (
        set(brands) if caller.role == "admin" else {"own"}
    )
