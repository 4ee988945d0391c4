"""What of LiteLLM's keys, users and teams is to be made here, given what is here already. Pure.

Everything gets the same id each time, so that a second import finds what the first one made, also what was changed,
revoked or rotated since, and leaves it alone. Whoever was erased here does not come back.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.accounts import fields, litellm_values, roles
from gateway.accounts.litellm_values import CHANGED, IGNORED, LEFT_OUT, Money, Notes, Remark
from gateway.errors import Unprocessable
from gateway.store.litellm_tables import LitellmTables, Row
from gateway.store.secrets import litellm_digest

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DASHBOARD = "litellm-dashboard"  # the team of LiteLLM's own sessions
_ROLES = {"proxy_admin": roles.ADMIN, "proxy_admin_viewer": roles.VIEWER, "internal_user_viewer": roles.VIEWER}
_MOST_RPM, _MOST_PARALLEL = 1_000_000, 100_000


@dataclass(frozen=True, slots=True)
class Existing:
    """What is here. `emails`: whose they are; `erased`: whether a person of this id was erased."""

    users: frozenset[str] = frozenset()
    emails: Mapping[str, str] = field(default_factory=dict)
    teams: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    memberships: frozenset[tuple[str, str]] = frozenset()
    erased: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user with its account."""

    id: str
    money: Money | None = None
    email: str | None = None
    name: str | None = None
    role: str = roles.MEMBER


@dataclass(frozen=True, slots=True)
class NewTeam:
    """A team with its account."""

    id: str
    name: str
    money: Money
    models: list[str] | None = None
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its account. `fields`: columns of `virtual_key`; `digest`: LiteLLM's."""

    id: str
    digest: str = field(repr=False)
    money: Money
    fields: Mapping[str, Any]
    team: str | None
    blocked: bool = False


@dataclass(slots=True)
class Plan:
    """What is to be made. `members`: (team, user) and the role; `there`: how many of each kind are here already."""

    users: dict[str, NewUser] = field(default_factory=dict)
    teams: dict[str, NewTeam] = field(default_factory=dict)
    members: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: dict[str, NewKey] = field(default_factory=dict)
    there: Counter[str] = field(default_factory=Counter)
    remarks: list[Remark] = field(default_factory=list)


def plan(tables: LitellmTables, existing: Existing, made_id: Callable[[str, str], str], now: float) -> Plan:
    """`made_id` gives an id for ("u", LiteLLM's id) where that cannot be one here; always the same one."""
    return _Planner(tables, existing, made_id, now).plan()


class _Planner:
    def __init__(
        self, tables: LitellmTables, existing: Existing, made_id: Callable[[str, str], str], now: float
    ) -> None:
        self._tables = tables
        self._existing = existing
        self._made_id = made_id
        self._now = now
        self._plan = Plan()
        self._ids: dict[str, str | None] = {}  # LiteLLM's users by their ids; None: erased here
        self._emails = dict(existing.emails)
        self._budgets: dict[Any, Row] = {row.get("budget_id"): row for row in tables.budgets}
        self._users: dict[str, Row] = {row["user_id"]: row for row in tables.users}
        self._holders = {row.get("user_id") for row in tables.keys}

    def plan(self) -> Plan:
        for row in self._tables.users:
            self._ids[row["user_id"]] = self._user(row)
        for row in self._tables.teams:
            self._team(row)
        for row in self._tables.memberships:
            if row.get("budget_id") is not None:
                what = "budget_id of a membership: a budget is a key's, a person's, a team's or a brand's"
                self._notes("team", str(row.get("team_id"))).add(IGNORED, what)
        for row in self._tables.keys:
            self._key(row)
        for row in self._tables.models:
            what = "made on LiteLLM's page and kept in its database: write it into `model_list`"
            self._notes("model", str(row.get("model_name"))).add(LEFT_OUT, what)
        return self._plan

    def _notes(self, kind: str, name: str) -> Notes:
        return Notes(kind, name, self._plan.remarks)

    def _id(self, kind: str, name: str) -> str:
        try:
            return fields.identifier("id", name)
        except Unprocessable:
            return self._made_id(kind, name)

    def _user(self, row: Row) -> str | None:
        user_id, address = self._id("u", row["user_id"]), litellm_values.email(row.get("user_email") or row["user_id"])
        notes = self._notes("user", row["user_id"])
        if self._existing.erased(user_id):
            notes.add(LEFT_OUT, "this person was erased here")
            return None
        if user_id in self._existing.users:
            self._plan.there["user"] += 1
            return user_id
        if address in self._emails:
            if (owner := self._emails[address]) in self._existing.users:
                self._plan.there["user"] += 1
                return owner
            notes.add(CHANGED, "user_email: another user has the same one, and signs in with it")
            address = None
        if address is not None:
            self._emails[address] = user_id
        account = litellm_values.money(row, {}, self._now, notes)
        if account.budget is not None:
            notes.add(CHANGED, "max_budget: it pays for the person's requests in teams too")
        known_by = None if address is not None or user_id == row["user_id"] else row["user_id"]
        name, role = litellm_values.line(row.get("user_alias") or known_by), self._role(row, notes)
        notes.no_place(row)
        self._plan.users[user_id] = NewUser(user_id, account, address, name, role)
        return user_id

    def _role(self, row: Row, notes: Notes) -> str:
        role = _ROLES.get(row.get("user_role") or "", roles.MEMBER)
        if role == roles.VIEWER and row["user_id"] in self._holders:
            notes.add(CHANGED, f"user_role {row['user_role']}: became a member, for the keys of viewers call no models")
            return roles.MEMBER
        return role

    def _owner(self, name: str) -> str | None:
        """The user that LiteLLM calls so; made when nobody said more of it. None: erased here."""
        if name not in self._ids:
            self._ids[name] = self._user({"user_id": name})
        return self._ids[name]

    def _team(self, row: Row) -> None:
        name, team_id = row["team_id"], self._id("t", row["team_id"])
        if name == _DASHBOARD:
            return
        notes = self._notes("team", litellm_values.line(row.get("team_alias")) or name)
        if team_id in self._existing.teams:
            self._plan.there["team"] += 1
        else:
            account = litellm_values.money(row, {}, self._now, notes)
            notes.no_place(row)
            own = litellm_values.models(row.get("models"))
            called = litellm_values.line(row.get("team_alias")) or team_id
            self._plan.teams[team_id] = NewTeam(team_id, called, account, own, bool(row.get("blocked")))
        for member, role in _members(row):
            self._join(team_id, self._owner(member), role)

    def _join(self, team: str, user: str | None, role: str, *, anew: bool = False) -> None:
        """A membership that comes with a new team or a new user; whoever was taken out of a team here stays out."""
        if user is None or (team, user) in self._existing.memberships:
            return
        if anew or team in self._plan.teams or user in self._plan.users:
            known = self._plan.members.get((team, user))
            self._plan.members[team, user] = roles.LEAD if roles.LEAD in {known, role} else role

    def _key(self, row: Row) -> None:
        token = str(row["token"])
        digest = litellm_digest(token) if token.startswith("sk-") else token
        name = litellm_values.line(row.get("key_alias") or row.get("key_name")) or "unnamed"
        notes = self._notes("key", name)
        key_id = self._made_id("k", digest)
        if key_id in self._existing.keys or digest in self._existing.digests:
            self._plan.there["key"] += 1
        elif self._is_good(row, digest, notes):
            self._new_key(
                row, NewKey(key_id, digest, Money(None, None, 0, self._now, None), {"name": name}, None), notes
            )

    def _is_good(self, row: Row, digest: str, notes: Notes) -> bool:
        """Whether there is any use in bringing the key here."""
        team, expires = row.get("team_id"), row.get("expires")
        reason = None
        if team == _DASHBOARD:
            reason = "a session of LiteLLM's dashboard"
        elif _SHA256.fullmatch(digest) is None:
            reason = "its token is no SHA-256 of a key"
        elif expires is not None and expires <= self._now:
            reason = "it has expired"
        elif team is not None and (team := self._id("t", team)) not in self._existing.teams | self._plan.teams.keys():
            reason = "its team is gone"
        elif row.get("user_id") and self._owner(row["user_id"]) is None:
            reason = "its person was erased here"
        if reason is not None:
            notes.add(LEFT_OUT, reason)
        return reason is None and litellm_values.calls_models(row, notes)

    def _new_key(self, row: Row, key: NewKey, notes: Notes) -> None:
        shared = self._budgets.get(row.get("budget_id"), {})
        team = self._id("t", row["team_id"]) if row.get("team_id") else None
        user = self._owner(row["user_id"]) if row.get("user_id") else None
        own = litellm_values.models(row.get("models"), in_team=team is not None)
        if team is None and user is not None:
            own = litellm_values.personal_models(own, self._users.get(row["user_id"], {}).get("models"), notes)
        rpm = litellm_values.count(row, shared, "rpm_limit", _MOST_RPM)
        parallel = litellm_values.count(row, shared, "max_parallel_requests", _MOST_PARALLEL)
        if 0 in {rpm, parallel}:
            notes.add(CHANGED, "a limit of no requests: the key is blocked")
        account = litellm_values.money(row, shared, self._now, notes)
        columns = {
            **key.fields,
            "user": user,
            "team": team,
            "models": own,
            "rpm": rpm or None,
            "max_parallel": parallel or None,
            "expires_at": row.get("expires"),
            "tags": litellm_values.tags(row.get("metadata")),
            "extra": litellm_values.metadata(row.get("metadata"), notes),
            "prefix": litellm_values.line(row.get("key_name")) or "sk-",
            "created_at": row.get("created_at") or self._now,
        }
        notes.no_place({**shared, **{name: each for name, each in row.items() if each is not None}})
        blocked = bool(row.get("blocked")) or 0 in {rpm, parallel}
        self._plan.keys[key.id] = replace(key, money=account, fields=columns, team=team, blocked=blocked)
        if team is not None:
            self._join(team, user, roles.MEMBER, anew=True)


def made_id(digest: Callable[[str], bytes]) -> Callable[[str, str], str]:
    """Ids such as "u_0123456789abcdef", which tell nothing of the name to who does not have the secret of `digest`."""
    return lambda kind, name: f"{kind}_{hashlib.sha256(digest(f'{kind} {name}')).hexdigest()[:16]}"


def _members(row: Row) -> list[tuple[str, str]]:
    """Who is in a team, by LiteLLM's user ids, as its versions wrote it."""
    found = {name: roles.MEMBER for name in row.get("members") or () if isinstance(name, str)}
    found |= {name: roles.LEAD for name in row.get("admins") or () if isinstance(name, str)}
    listed = row.get("members_with_roles")
    for member in listed if isinstance(listed, list) else ():
        if isinstance(member, Mapping) and isinstance(name := member.get("user_id"), str):
            found[name] = roles.LEAD if member.get("role") == "admin" else found.get(name, roles.MEMBER)
    return list(found.items())
