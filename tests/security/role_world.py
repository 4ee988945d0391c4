"""Two teams with people of every role and what belongs to them, in a running gateway; and its rows, to compare and restore."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.harness import GatewayThread

PASSWORD = "correct horse battery staple"
TEAMS = ("blog", "press")
# user: its own role, and its role in each of its teams
PEOPLE: dict[str, tuple[str, dict[str, str]]] = {
    "root": ("admin", {}),
    "lena": ("member", {"blog": "lead"}),
    "max": ("member", {"blog": "member"}),
    "vera": ("member", {"blog": "viewer"}),
    "ben": ("member", {"blog": "member"}),
    "otto": ("member", {"press": "lead"}),
    "mia": ("member", {"press": "member"}),
    "lone": ("member", {}),
}
RESTORED = ("sign_in", "invitation", "virtual_key", "brand", "membership", "team", "user")
COMPARED = (*RESTORED, "account")


@dataclass(frozen=True)
class Caller:
    """Who asks: its credential, and what the written matrix knows of it. `key` is the id of the calling key."""

    name: str
    token: str = field(repr=False)
    role: str
    user: str
    team: str | None
    key: str | None = None
    session: str | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Thing:
    """Something with an id. `user`: whose it is; `teams`: whose it is, or where the user is."""

    kind: str
    id: str
    user: str | None = None
    teams: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)


class World:
    """Made once; `restore` puts every row of it back."""

    def __init__(self, gateway: GatewayThread) -> None:
        self.gateway = gateway
        self._reader = self._open()
        self._read: dict[tuple[str, ...], tuple[int, dict[str, list[tuple[Any, ...]]]]] = {}
        self.things: list[Thing] = []
        self.callers: dict[str, Caller] = {}
        with gateway.http() as admin:
            self._make(admin)
        self._kept = self.rows(RESTORED)

    def close(self) -> None:
        self._reader.close()

    def http(self, caller: Caller) -> httpx.Client:
        return self.gateway.http(caller.token)

    def of(self, kind: str) -> list[Thing]:
        return [thing for thing in self.things if thing.kind == kind]

    # --- making ---------------------------------------------------------------------------------------------------

    def _make(self, admin: httpx.Client) -> None:
        for team in TEAMS:
            made(admin.post("/admin/teams", json={"id": team, "name": team.title()}))
            self.things.append(Thing("team", team, teams=(team,)))
        for user, (role, teams) in PEOPLE.items():
            made(admin.post("/admin/users", json={"id": user, "email": f"{user}@example.com", "role": role}))
            for team, role_there in teams.items():
                made(admin.put(f"/admin/teams/{team}/members/{user}", json={"role": role_there}))
            self.things.append(Thing("user", user, user, tuple(teams)))
        for brand, team in (("own", "blog"), ("theirs", "press"), ("shared", None)):
            made(admin.post("/admin/brands", json={"id": brand, "name": brand, "team": team}))
            self.things.append(Thing("brand", brand, teams=(team,) if team else ()))
        self._make_keys(admin)
        for team in (*TEAMS, None):
            answer = made(admin.post("/admin/invitations", json={"team": team, "role": "member"}))
            self.things.append(Thing("invitation", answer["id"], teams=(team,) if team else ()))
        for user in PEOPLE:
            self._sign_in(admin, user)

    def _make_keys(self, admin: httpx.Client) -> None:
        for user, (role, teams) in PEOPLE.items():
            team = next(iter(teams), None)
            key_role = teams.get(team or "", role)
            answer = made(admin.post("/admin/keys", json={"name": user, "user": user, "team": team, "role": key_role}))
            self.things.append(Thing("key", answer["id"], user, (team,) if team else (), answer["key"]))
            self.callers[f"{user} by key"] = Caller(
                f"{user} by key", answer["key"], key_role, user, team, key=answer["id"]
            )
        for name, owner in (("blog's", {"team": "blog"}), ("press's", {"team": "press"}), ("max's", {"user": "max"})):
            answer = made(admin.post("/admin/keys", json={"name": name, **owner}))
            teams_of_key = (owner["team"],) if "team" in owner else ()
            self.things.append(Thing("key", answer["id"], owner.get("user"), teams_of_key, answer["key"]))

    def _sign_in(self, admin: httpx.Client, user: str) -> None:
        role, teams = PEOPLE[user]
        token = made(admin.post("/admin/invitations", json={"user": user}))["token"]
        email = f"{user}@example.com"
        with self.gateway.http(None) as nobody:
            body = {"token": token, "email": email, "password": PASSWORD}
            session = made(nobody.post("/auth/accept-invitation", json=body))
        team = next(iter(teams), None)
        with self.gateway.http(session["token"]) as http:
            made(http.patch("/auth/session", json={"team": team}))
        self.things.append(Thing("session", session["id"], user, tuple(teams), session["token"]))
        self.callers[f"{user} by session"] = Caller(
            f"{user} by session", session["token"], teams.get(team or "", role), user, team, session=session["id"]
        )

    # --- rows -----------------------------------------------------------------------------------------------------

    def rows(self, tables: tuple[str, ...] = COMPARED) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of these tables, as the store has it, and how many acts the audit log knows."""
        [version] = self._reader.execute("PRAGMA data_version").fetchone()  # grows when anybody else commits
        if self._read.get(tables, (None,))[0] != version:
            queries = {table: f'SELECT * FROM "{table}"' for table in tables}
            queries["audit"] = "SELECT count(*), max(id) FROM audit"
            found = {name: sorted(self._reader.execute(query).fetchall(), key=repr) for name, query in queries.items()}
            self._read[tables] = version, found
        return self._read[tables][1]

    def restore(self) -> None:
        """Put the world back as it was made; the audit log, which nothing can shorten, stays longer."""
        with closing(self._open()) as database, database:
            for table in RESTORED:
                database.execute(f'DELETE FROM "{table}"')
            for table in reversed(RESTORED):
                marks = ",".join("?" * len(self._kept[table][0]))
                database.executemany(f'INSERT INTO "{table}" VALUES ({marks})', self._kept[table])
        services = self.gateway.gateway.services
        services.identities.forget()
        services.accounts.brands.forget()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.gateway.data_dir / "atelier.db", timeout=10)


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, (answer.request.method, answer.request.url.path, answer.text)
    found: dict[str, Any] = answer.json()
    return found
