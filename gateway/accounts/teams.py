"""Teams and who belongs to them. Unavailable: the store is away, and nothing was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, false, true, update
from sqlmodel import col, select

from gateway import errors
from gateway.accounts import edits, fields, paging, roles
from gateway.accounts.actor import Actor
from gateway.accounts.adoption import adopt
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Act, Transactions
from gateway.accounts.users import visible as visible_user
from gateway.accounts.values import Page
from gateway.ports import TeamInfo, UserInfo
from gateway.store.directory import Membership, SignIn, Team, User
from gateway.store.infos import team_info, user_info
from gateway.store.secrets import new_id

_EDIT = fields.for_edit(fields.TEAM, "blocked")
_ROLE = fields.one_of(*roles.TEAM_ROLES)


class Teams:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    async def create(self, actor: Actor, **given: Any) -> TeamInfo:
        """`id` (made when missing), `name`, `models`, `budget`, `budget_window`, `content`, `retention_days`.

        Raises Conflict (already_exists), Forbidden, Unprocessable.
        """
        roles.require(actor.role, "team.create")
        values = fields.checked(fields.TEAM, given)
        if "name" not in values:
            raise errors.Unprocessable("A team needs a name.", param="name")
        async with self._store.act(actor) as act:
            row = await _new_team(act, values)
        return team_info(row)

    async def ensure(self, actor: Actor, team_id: str) -> TeamInfo:
        """The team of this id, made when unknown, with its id as its name."""
        roles.require(actor.role, "team.create")
        values = fields.checked(fields.TEAM, {"id": team_id, "name": team_id})
        async with self._store.act(actor) as act:
            row = await act.session.get(Team, team_id) or await _new_team(act, values)
        return team_info(row)

    async def get(self, actor: Actor, team_id: str) -> TeamInfo:
        async with self._store.read() as session:
            query = select(Team).where(col(Team.id) == fields.known_id(team_id, "team"), _visible(actor, "team.get"))
            row = (await session.exec(query)).first()
        if row is None:
            raise fields.unknown("team", team_id)
        return team_info(row)

    async def list(self, actor: Actor, *, after: str | None = None, limit: int = 50) -> Page[TeamInfo]:
        """Newest first."""
        query = select(Team).where(_visible(actor, "team.list"))
        query = paging.newest_first(query, col(Team.created_at), col(Team.id), after, limit)
        async with self._store.read() as session:
            rows = (await session.exec(query)).all()
        return paging.page(rows, limit, team_info, lambda row: (row.created_at, row.id))

    async def edit(self, actor: Actor, team_id: str, changes: Mapping[str, Any], version: int | None) -> TeamInfo:
        """`name`, `models`, `budget`, `budget_window`, `content`, `retention_days`, `blocked`.

        Raises Conflict (version_conflict), Forbidden, NotFound, Unprocessable.
        """
        async with self._store.act(actor) as act:
            row = await _seen(act, team_id)
            _require(actor, "team.edit", row.id, changes)
            values = fields.checked(_EDIT, changes)
            edits.check_version(row, version)
            before, after = edits.apply(row, values, act.now)
            if after:
                act.record(edits.action("team", after), row.id, team=row.id, before=before, after=after)
                await edits.keep_budget(act, f"team:{row.id}", row, after)
        return team_info(row)

    async def members(self, actor: Actor, team_id: str) -> Sequence[tuple[UserInfo, str]]:
        """The team's users that the actor may see, each with its role, in the order in which they came."""
        team = await self.get(actor, team_id)
        query = (
            select(User, Membership.role)
            .join(Membership, col(Membership.user_id) == col(User.id))
            .where(col(Membership.team_id) == team.id, visible_user(actor, "user.list"))
            .order_by(col(Membership.created_at), col(User.id))
        )
        async with self._store.read() as session:
            rows = (await session.exec(query)).all()
        return [(user_info(user), role) for user, role in rows]

    async def set_member(self, actor: Actor, team_id: str, user_id: str, role: str) -> tuple[UserInfo, str]:
        """Add a user, or change its role ("lead", "member", "viewer").

        A lead changes roles in its team; whom it does not see yet, it invites.
        """
        async with self._store.act(actor) as act:
            team = await _seen(act, team_id)
            _require(actor, "member.set", team.id)
            user = await _seen_user(act, user_id)
            wanted = _ROLE("role", role)
            if user.erased_at is not None:
                raise errors.Unprocessable("This person was erased.", param="user")
            membership = await act.session.get(Membership, (team.id, user.id))
            old = membership.role if membership is not None else None
            if membership is None:
                act.session.add(Membership(team_id=team.id, user_id=user.id, role=wanted, created_at=act.now))
            else:
                membership.role = wanted
            if old != wanted:
                before = {"role": old} if old is not None else None
                act.record("member.set", f"{team.id}/{user.id}", team=team.id, before=before, after={"role": wanted})
        return user_info(user), wanted

    async def remove_member(self, actor: Actor, team_id: str, user_id: str) -> None:
        """From now on the user's keys of this team are refused, and its sessions work for no team.

        Raises NotFound for who is no member.
        """
        async with self._store.act(actor) as act:
            team = await _seen(act, team_id)
            _require(actor, "member.remove", team.id)
            user = await _seen_user(act, user_id)
            membership = await act.session.get(Membership, (team.id, user.id))
            if membership is None:
                raise fields.unknown("member", user_id)
            await act.session.delete(membership)
            working = (col(SignIn.user_id) == user.id, col(SignIn.team) == team.id)
            await act.session.exec(update(SignIn).where(*working).values(team=None))
            act.record("member.remove", f"{team.id}/{user.id}", team=team.id, before={"role": membership.role})


def _visible(actor: Actor, action: str) -> ColumnElement[bool]:
    if roles.require(actor.role, action) is Reach.ALL:
        return true()
    return col(Team.id) == actor.team if actor.team is not None else false()


def _require(actor: Actor, action: str, team_id: str, changes: Mapping[str, Any] | None = None) -> None:
    reach = roles.require(actor.role, action, changes or ())
    if reach is not Reach.ALL and team_id != actor.team:
        raise errors.Forbidden("Only an admin may change another team.")


async def _seen(act: Act, team_id: str) -> Team:
    query = select(Team).where(col(Team.id) == fields.known_id(team_id, "team"), _visible(act.actor, "team.get"))
    row = (await act.session.exec(query)).first()
    if row is None:
        raise fields.unknown("team", team_id)
    return row


async def _seen_user(act: Act, user_id: str) -> User:
    condition = visible_user(act.actor, "user.get")
    row = (
        await act.session.exec(select(User).where(col(User.id) == fields.known_id(user_id, "user"), condition))
    ).first()
    if row is None:
        raise fields.unknown("user", user_id)
    return row


async def _new_team(act: Act, values: Mapping[str, Any]) -> Team:
    """Add a team of checked fields, with its account and its audit entry. Raises Conflict."""
    values = act.with_budget("team", values)
    team_id = values.get("id") or new_id("t")
    if await act.session.get(Team, team_id) is not None:
        raise errors.Conflict(f"The team {team_id} exists already.", code="already_exists", param="id")
    row = Team(**{**edits.columns(values), "id": team_id, "created_at": act.now})
    act.session.add(row)
    await act.session.flush()
    act.record("team.create", team_id, team=team_id, after=edits.shown(values))
    await edits.keep_budget(act, f"team:{team_id}", row, values)
    await adopt(act, team=team_id)
    return row
