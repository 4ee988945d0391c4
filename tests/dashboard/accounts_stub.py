"""The gateway's accounts for the dashboard's tests: people who sign in, and collections that are listed and changed.

No roles: what a caller may see is decided by `owner`, what it may do by `StubGateway.refuse`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx

PUBLIC = {"/auth/sign-in", "/auth/accept-invitation", "/auth/oidc"}
ROWS = dict[str, Any]


class AccountsStub:
    """`tables` by the last part of their address: objects by id. `members` are the credentials of the stub."""

    def __init__(self, members: dict[str, ROWS]) -> None:
        self.members = members
        self.people: dict[str, tuple[str, ROWS]] = {}  # e-mail: password, what /v1/me says
        self.invitations: dict[str, str] = {}  # token: e-mail it was used by, or ""
        self.id_tokens: dict[tuple[str, str], str] = {}  # (id token, nonce): e-mail
        self.tables: dict[str, dict[str, ROWS]] = {
            name: {} for name in ("users", "teams", "brands", "keys", "invitations", "audit", "sessions")
        }
        self.memberships: dict[str, list[ROWS]] = {}  # team: members
        self.changes: list[tuple[str, str, ROWS | None, str | None]] = []  # method, address, body, If-Match
        self.owner: Callable[[str, ROWS], bool] = lambda _user, _row: True
        self._numbers = count(1)

    def person(self, email: str, password: str, user: str, **more: Any) -> None:
        me = {
            "key_id": f"session:{user}",
            "name": user,
            "user": user,
            "team": None,
            "role": "member",
            "default_brand": None,
            "brands": None,
            "simulated": True,
            "spend": {},
            "account": {"id": user, "name": user.title(), "email": email},
            "teams": [],
            **more,
        }
        self.people[email] = password, me

    def add(self, table: str, object_id: str, /, **fields: Any) -> ROWS:
        row = {"id": object_id, "version": 1, "created_at": 1_900_000_000.0, **fields}
        self.tables[table][object_id] = row
        return row

    # --- the doors ----------------------------------------------------------------------------------------------

    def public(self, path: str, body: ROWS) -> httpx.Response:
        if path == "/auth/sign-in":
            password, _ = self.people.get(body["email"], (None, None))
            return (
                self._session(body["email"])
                if password == body["password"]
                else error(401, "Wrong.", "invalid_credentials")
            )
        if path == "/auth/accept-invitation":
            if self.invitations.get(body["token"]) != "":
                return error(404, "There is no such invitation.")
            self.invitations[body["token"]] = body["email"]
            self.person(body["email"], body["password"], body.get("name", "someone"))
            return self._session(body["email"])
        email = self.id_tokens.get((body["id_token"], body["nonce"]))
        return self._session(email) if email else error(401, "This sign-in cannot be trusted.")

    def _session(self, email: str) -> httpx.Response:
        number = next(self._numbers)
        token, session_id = f"sess-atl-{number}", f"s_{number}"
        self.members[token] = {**self.people[email][1], "session_id": session_id}
        return httpx.Response(200, json={"object": "session", "id": session_id, "token": token})

    # --- the collections ----------------------------------------------------------------------------------------

    def answer(self, request: httpx.Request, key: str) -> httpx.Response:
        if request.url.path == "/auth/sign-out":
            del self.members[key]
            return httpx.Response(204)
        body = json.loads(request.content) if request.content else None
        if request.method != "GET":
            self.changes.append((request.method, request.url.path, body, request.headers.get("if-match")))
        parts = request.url.path.strip("/").split("/")[1:]
        if parts[-1] == "members" or "members" in parts[2:3]:
            return self._members(request.method, parts, body)
        table = parts[2] if len(parts) > 2 and parts[2] == "sessions" else parts[0]
        rows = self.tables.setdefault(table, {})
        user = self.members[key].get("user")
        seen = {name: row for name, row in rows.items() if self.owner(user, row)}
        if len(parts) == 1 or table == "sessions":
            return self._collection(request, table, seen, body)
        return self._one(request, table, parts, seen, body)

    def _collection(self, request: httpx.Request, table: str, seen: dict, body: ROWS | None) -> httpx.Response:
        if request.method == "GET":
            asked, rows = dict(request.url.params), list(seen.values())
            start, limit = int(asked.get("after", 0)), int(asked.get("limit", 50))
            rows = [
                row for row in rows if all(row.get(n) in (v, None) for n, v in asked.items() if n in ("user", "team"))
            ]
            page, more = rows[start : start + limit], len(rows) > start + limit
            answer = {"object": "list", "data": page, "has_more": more, "next": str(start + limit) if more else None}
            return httpx.Response(200, json=answer)
        if request.method == "DELETE":
            self.tables[table].clear()
            return httpx.Response(204)
        object_id = (body or {}).get("id") or f"{table}-{next(self._numbers)}"
        row = self._new(table, object_id, body)
        once = {"keys": {"key": f"sk-atl-{object_id}"}, "invitations": {"token": f"inv-atl-{object_id}"}}
        return httpx.Response(201, json={**row, **once.get(table, {})})

    def _new(self, table: str, object_id: str, body: ROWS | None) -> ROWS:
        fields = {name: value for name, value in (body or {}).items() if name != "id"}
        return self.add(table, object_id, **fields)

    def _one(
        self, request: httpx.Request, table: str, parts: list[str], seen: dict, body: ROWS | None
    ) -> httpx.Response:
        row = seen.get(parts[1])
        if row is None:
            return error(404, "Not found.")
        if request.method == "PATCH":
            if request.headers.get("if-match") != f'"{row["version"]}"':
                return error(409, "Changed in the meantime.", "version_conflict")
            row.update(body or {}, version=row["version"] + 1)
        elif request.method == "DELETE":
            row["revoked_at"] = 1_900_000_000.0
        elif request.method == "POST":
            return httpx.Response(200, json={**row, "key": f"sk-atl-{parts[1]}-rotated"})
        return httpx.Response(200, json=row)

    def _members(self, method: str, parts: list[str], body: ROWS | None) -> httpx.Response:
        members = self.memberships.setdefault(parts[1], [])
        if method == "GET":
            return httpx.Response(200, json={"object": "list", "data": members, "has_more": False, "next": None})
        members[:] = [row for row in members if row["user"]["id"] != parts[3]]
        if method == "PUT":
            person = self.tables["users"].get(parts[3], {"id": parts[3]})
            members.append({"object": "membership", "team": parts[1], "user": person, **(body or {})})
        return httpx.Response(200, json={})


def error(status: int, message: str, code: str = "refused") -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message, "code": code, "type": "x", "param": None}})
