"""Every administrative route with every field of its body, on everything there is, for one caller; and what to expect.

The fields come from the models themselves: one without a value here is an error of these tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.api import alias_forms
from gateway.api.admin import forms
from tests.security.role_oracle import HIDDEN, NO, YES, at_most, expected, reach, sees
from tests.security.role_world import PASSWORD, TEAMS, Caller, Thing, World

REFUSED = "refused"  # 403, 404 or 422: the matrix does not say which
ANY_VERSION = {"if-match": "*"}
BUDGET: dict[str, Any] = {"budget": "12.5", "budget_window": "7d"}
USER: dict[str, Any] = {"email": "new@example.com", "name": "New", "role": "viewer", **BUDGET}
TEAM: dict[str, Any] = {"name": "New", "models": ["gpt"], "content": "full", "retention_days": 9, **BUDGET}
BRAND: dict[str, Any] = {"name": "New", "client": "Acme", **BUDGET}
LIMITS: dict[str, Any] = {"models": ["gpt"], "tags": ["t"], "metadata": {"a": 1}}
KEY: dict[str, Any] = {
    "name": "New",
    "brands": ["own"],
    "default_brand": "own",
    "rpm": 7,
    "max_parallel": 3,
    "role": "viewer",
    "on_disconnect": "continue",
    "expires_at": 4e9,
    "test_key": True,
    **LIMITS,
    **BUDGET,
}
ALIAS: dict[str, Any] = {
    "key_alias": "New",
    "max_budget": 12.5,
    "budget_duration": "7d",
    "rpm_limit": 7,
    "max_parallel_requests": 3,
    "role": "viewer",
    "brands": ["own"],
    "default_brand": "own",
    "duration": "30d",
    **LIMITS,
}
INVITATION: dict[str, Any] = {"email": "guest@example.com", "expires_in": 3_600, "role": "viewer"}
CONFIG: tuple[dict[str, Any], ...] = (
    {"edits": [{"op": "add", "path": "/queue", "value": {"max_wait": 7}}]},
    {"sections": {"queue": "queue: {max_wait: 8}"}},
)
SWITCHES = {"blocked": True, "archived": True}
NOT_SHOWN = {"duration", "expires_in", "password"}


@dataclass(frozen=True)
class Case:
    """One request. `shows`: what a successful answer then says."""

    method: str
    route: str
    ids: dict[str, str]
    body: dict[str, Any] | None
    expect: str
    shows: dict[str, Any] = field(default_factory=dict)
    query: str = ""

    @property
    def path(self) -> str:
        return self.route.format(**self.ids) + self.query

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body}: {self.expect}"


def cases(world: World, caller: Caller) -> Iterator[Case]:
    for part in (
        *(reads, users, teams, brands, keys, key_owners, invitations, sessions, aliases, alias_owners, configuration),
    ):
        yield from part(world, caller)


def reads(world: World, caller: Caller) -> Iterator[Case]:
    for kind in ("user", "team", "brand", "key"):
        yield Case("GET", f"/admin/{kind}s", {}, None, YES)
        for thing in world.of(kind):
            expect = YES if sees(caller, thing) else HIDDEN
            yield Case("GET", f"/admin/{kind}s/{{{kind}_id}}", {f"{kind}_id": thing.id}, None, expect)
    for thing in world.of("team"):
        expect = YES if sees(caller, thing) else HIDDEN
        yield Case("GET", "/admin/teams/{team_id}/members", {"team_id": thing.id}, None, expect)
    leads = YES if reach(caller, "audit.list") else NO
    yield Case("GET", "/admin/audit", {}, None, leads)
    yield Case("GET", "/admin/invitations", {}, None, leads)
    for route in ("/admin/reports/spend", "/spend/logs", "/auth/sessions", "/key/list"):
        yield Case("GET", route, {}, None, YES)


def edits(caller: Caller, thing: Thing, model: Any, values: dict[str, Any]) -> Iterator[Case]:
    """PATCH with one field at a time."""
    for name in model.model_fields:
        if name in {"user", "team"}:
            continue  # see key_owners and brands
        value = {**values, **SWITCHES}[name]
        expect = expected(caller, f"{thing.kind}.edit", thing, name)
        route, ids = f"/admin/{thing.kind}s/{{{thing.kind}_id}}", {f"{thing.kind}_id": thing.id}
        yield Case("PATCH", route, ids, {name: value}, expect, {name: value})


def creates(caller: Caller, route: str, model: Any, base: dict[str, Any], values: dict[str, Any]) -> Iterator[Case]:
    """POST with one field at a time beside the least that is needed."""
    action = route.removeprefix("/admin/").removesuffix("s") + ".create"
    for name in model.model_fields:
        if name in {"user", "team"}:
            continue
        value = {"id": "fresh", **values}[name]
        expect = YES if reach(caller, action, name) and reach(caller, action) else NO
        yield Case("POST", route, {}, {**base, name: value}, expect, {name: value})


def users(world: World, caller: Caller) -> Iterator[Case]:
    yield from creates(caller, "/admin/users", forms.NewUser, {}, USER)
    for thing in world.of("user"):
        yield from edits(caller, thing, forms.UserChanges, USER)
        ids = {"user_id": thing.id}
        yield Case("GET", "/admin/users/{user_id}/export", ids, None, expected(caller, "user.export", thing))
        yield Case("DELETE", "/admin/users/{user_id}", ids, None, YES if caller.role == "admin" else NO)


def teams(world: World, caller: Caller) -> Iterator[Case]:
    yield from creates(caller, "/admin/teams", forms.NewTeam, {"name": "n"}, TEAM)
    for thing in world.of("team"):
        yield from edits(caller, thing, forms.TeamChanges, TEAM)
        for user in world.of("user"):
            ids = {"team_id": thing.id, "user_id": user.id}
            route = "/admin/teams/{team_id}/members/{user_id}"
            there = HIDDEN if thing.id not in user.teams else YES
            expect = on_member(caller, "member.set", thing, user)
            yield from (Case("PUT", route, ids, {"role": r}, expect, {"role": r}) for r in ("viewer", "member", "lead"))
            expect = on_member(caller, "member.remove", thing, user)
            yield Case("DELETE", route, ids, None, there if expect == YES else expect)


def on_member(caller: Caller, action: str, team: Thing, user: Thing) -> str:
    expect = expected(caller, action, team)
    return HIDDEN if expect == YES and not sees(caller, user) else expect


def brands(world: World, caller: Caller) -> Iterator[Case]:
    yield from creates(caller, "/admin/brands", forms.NewBrand, {"name": "n"}, BRAND)
    for team in (*TEAMS, None):
        mine = caller.role == "admin" or (team is not None and team == caller.team)
        expect = NO if reach(caller, "brand.create") is None else YES if mine else REFUSED
        yield Case("POST", "/admin/brands", {}, {"name": "n", "team": team}, expect, {"team": team})
    for thing in world.of("brand"):
        yield from edits(caller, thing, forms.BrandChanges, BRAND)
        for team in (*TEAMS, None):
            expect = expected(caller, "brand.edit", thing, "team")
            yield Case(
                "PATCH", "/admin/brands/{brand_id}", {"brand_id": thing.id}, {"team": team}, expect, {"team": team}
            )


def keys(world: World, caller: Caller) -> Iterator[Case]:
    yield from creates(caller, "/admin/keys", forms.NewKey, {"name": "n"}, KEY)
    for role in ("viewer", "member", "lead", "admin"):
        may = YES if at_most(role, caller.role) else REFUSED
        body = {"name": "n", "role": role}
        yield Case("POST", "/admin/keys", {}, body, may if reach(caller, "key.create") else NO, {"role": role})
    for thing in world.of("key"):
        yield from edits(caller, thing, forms.KeyChanges, KEY)
        route, ids = "/admin/keys/{key_id}", {"key_id": thing.id}
        if caller.role != "admin":
            expect = expected(caller, "key.edit", thing)
            yield Case("PATCH", route, ids, {"role": "admin"}, REFUSED if expect == YES else expect)
        yield Case("POST", f"{route}/rotate", ids, {"overlap_seconds": 0}, expected(caller, "key.rotate", thing))
        yield Case("DELETE", route, ids, None, expected(caller, "key.revoke", thing))


def key_owners(world: World, caller: Caller) -> Iterator[Case]:
    """Whose a key may become: when it is made, what is one's own; afterwards, only an admin says."""
    for user in world.of("user"):
        for team in TEAMS:
            body = {"name": "n", "user": user.id, "team": team}
            yield Case("POST", "/admin/keys", {}, body, new_owner(caller, user, team), {"user": user.id, "team": team})
    for thing in world.of("key"):
        for name in ("user", "team"):
            expect = expected(caller, "key.edit", thing, name)
            yield Case("PATCH", "/admin/keys/{key_id}", {"key_id": thing.id}, {name: None}, expect, {name: None})


def new_owner(caller: Caller, user: Thing, team: str) -> str:
    if reach(caller, "key.create") is None:
        return NO
    in_team = team in user.teams or user.id == "root"  # an admin needs no membership
    if caller.role == "admin":
        return YES if in_team else REFUSED
    mine = team == caller.team and in_team and (caller.role == "lead" or user.id == caller.user)
    return YES if mine else REFUSED


def invitations(world: World, caller: Caller) -> Iterator[Case]:
    base = {} if caller.role == "admin" else {"team": caller.team}
    makes = YES if reach(caller, "invitation.create") else NO
    for name in forms.NewInvitation.model_fields:
        if name not in {"user", "team"}:
            yield Case("POST", "/admin/invitations", {}, {**base, name: INVITATION[name]}, makes)
    for team in TEAMS:
        for role in ("viewer", "member", "lead", "admin"):
            fits = role != "admin" and (caller.role == "admin" or team == caller.team)
            body = {"team": team, "role": role}
            yield Case("POST", "/admin/invitations", {}, body, makes if makes == NO or fits else REFUSED, body)
    for user in world.of("user"):
        expect = YES if caller.role == "admin" else REFUSED
        yield Case("POST", "/admin/invitations", {}, {"user": user.id}, expect, {"user": user.id})
    for thing in world.of("invitation"):
        expect = expected(caller, "invitation.revoke", thing)
        expect = REFUSED if expect == HIDDEN and makes == NO else expect
        yield Case("DELETE", "/admin/invitations/{invitation_id}", {"invitation_id": thing.id}, None, expect)


def sessions(world: World, caller: Caller) -> Iterator[Case]:
    for user in world.of("user"):
        for method, action in (("GET", "session.list"), ("DELETE", "session.end")):
            expect = expected(caller, action, user)
            expect = REFUSED if expect == NO else expect  # a lead sees the person, and nothing of its sessions
            yield Case(method, "/admin/users/{user_id}/sessions", {"user_id": user.id}, None, expect)
    for thing in world.of("session"):
        expect = expected(caller, "session.end", thing)
        yield Case("DELETE", "/auth/sessions/{session_id}", {"session_id": thing.id}, None, expect)
    signed_in = YES if caller.session else NO
    new = {"old": PASSWORD, "new": "another long passphrase"}
    yield Case("POST", "/auth/password", {}, new, signed_in)
    for team in (*TEAMS, None):
        if caller.role == "admin" and team is not None:
            continue  # the matrix does not say whether it needs a membership for that
        own = team in (None, caller.team)
        expect = (YES if own else REFUSED) if caller.session else NO
        yield Case("PATCH", "/auth/session", {}, {"team": team}, expect, {"team": team})
    yield Case("POST", "/auth/sign-out", {}, None, signed_in)


def aliases(world: World, caller: Caller) -> Iterator[Case]:
    generates = YES if reach(caller, "key.create") else NO
    for name in alias_forms.NewKey.model_fields:
        if name not in {"user_id", "team_id"}:
            yield Case("POST", "/key/generate", {}, {name: ALIAS[name]}, generates, {name: ALIAS[name]})
    for thing in world.of("key"):
        edit, ids = expected(caller, "key.edit", thing), {"key_id": thing.id}
        for name in alias_forms.KeyUpdate.model_fields:
            if name not in {"user_id", "team_id", "key"}:
                value = {**ALIAS, **SWITCHES}[name]
                yield Case("POST", "/key/update", {}, {"key": thing.id, name: value}, edit, {name: value})
        for route, blocked in (("/key/block", True), ("/key/unblock", False)):
            yield Case("POST", route, {}, {"key": thing.id}, edit, {"blocked": blocked})
        revokes = expected(caller, "key.revoke", thing)
        yield Case("POST", "/key/delete", {}, {"keys": [thing.id]}, revokes, {"deleted_keys": [thing.id]})
        rotates = expected(caller, "key.rotate", thing)
        yield Case("POST", "/key/{key_id}/regenerate", ids, {"grace_period": "1h"}, rotates)
        seen = YES if sees(caller, thing) else HIDDEN
        yield Case("GET", "/key/info", {}, None, seen, {"key": thing.id}, f"?key={thing.id}")


def alias_owners(world: World, caller: Caller) -> Iterator[Case]:
    for user in world.of("user"):
        for team in TEAMS:
            body = {"user_id": user.id, "team_id": team}
            expect = YES if caller.role == "admin" else new_owner(caller, user, team)  # an admin's are made to fit
            yield Case("POST", "/key/generate", {}, body, expect, body)
    for thing in world.of("key"):
        for name in ("user_id", "team_id"):
            expect = expected(caller, "key.edit", thing, name.removesuffix("_id"))
            yield Case("POST", "/key/update", {}, {"key": thing.id, name: None}, expect, {name: None})


def configuration(world: World, caller: Caller) -> Iterator[Case]:
    reads_it = YES if reach(caller, "config.get") else NO
    edits_it = YES if reach(caller, "config.edit") else NO
    yield Case("GET", "/admin/config", {}, None, reads_it)
    yield from (Case("POST", "/admin/config/check", {}, body, edits_it) for body in CONFIG)
    yield from (Case("PATCH", "/admin/config", {}, body, edits_it) for body in CONFIG)
    yield Case("GET", "/admin/config/versions", {}, None, reads_it)
    version = world.gateway.gateway.services.serving.version
    yield Case("POST", "/admin/config/versions/{version_id}/check", {"version_id": version}, None, edits_it)
    yield Case("POST", "/admin/config/versions/{version_id}/restore", {"version_id": version}, None, edits_it)
    yield Case("POST", "/admin/config/reload", {}, None, edits_it)
