"""People, and programs that clients call users. Unavailable: the store is away, and nothing was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import col, func, select

from gateway import errors
from gateway.accounts import edits, fields, paging, roles
from gateway.accounts.actor import Actor
from gateway.accounts.adoption import adopt
from gateway.accounts.erasure import PREFIX, Erasure
from gateway.accounts.export import pieces
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Act, Transactions
from gateway.accounts.values import Page
from gateway.ports import UserInfo
from gateway.store.directory import Membership, Team, User
from gateway.store.infos import user_info
from gateway.store.secrets import Digesters, new_id

_EDIT = fields.for_edit(fields.USER, "blocked")


class Users:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions, digests: Digesters) -> None:
        self._store = store
        self._erasure = Erasure(store, digests.erasure)

    async def create(self, actor: Actor, **given: Any) -> UserInfo:
        """`id` (made when missing), `email`, `name`, `role`, `budget` (nano-dollars), `budget_window` ("30d").

        Raises Conflict (code "already_exists") for an id or e-mail that is taken, Forbidden, Unprocessable.
        """
        roles.require(actor.role, "user.create")
        values = fields.checked(fields.USER, given)
        async with self._store.act(actor) as act:
            row = await new_user(act, values)
        return user_info(row)

    async def ensure(self, actor: Actor, user_id: str, team: str | None = None) -> UserInfo:
        """The user that a LiteLLM client calls so, made when unknown; with `team` (a known one), a member of it.

        An e-mail address becomes the user's e-mail, and the user gets an id of ours: ids stay in the audit log for
        good, so that none may name a person. Go on with the id of the answer.
        """
        roles.require(actor.role, "user.create")
        by_email = isinstance(user_id, str) and "@" in user_id
        wanted = {"email": user_id} if by_email else {"id": user_id}
        values = fields.checked(fields.USER, wanted)
        match = col(User.email) == values["email"] if by_email else col(User.id) == values["id"]
        async with self._store.act(actor) as act:
            row = (await act.session.exec(select(User).where(match))).first()
            if row is None:
                row = await new_user(act, values)
            if row.erased_at is not None:
                raise errors.Unprocessable("This person is being erased.", param="id")
            if team is not None:
                await self._join(act, team, row.id)
        return user_info(row)

    async def get(self, actor: Actor, user_id: str) -> UserInfo:
        async with self._store.read() as session:
            query = select(User).where(col(User.id) == fields.known_id(user_id, "user"), visible(actor, "user.get"))
            row = (await session.exec(query)).first()
        if row is None:
            raise fields.unknown("user", user_id)
        return user_info(row)

    async def list(
        self, actor: Actor, *, team: str | None = None, after: str | None = None, limit: int = 50
    ) -> Page[UserInfo]:
        """Newest first, without erased ones. Another team than the actor's is unknown to it."""
        query = select(User).where(col(User.erased_at).is_(None), visible(actor, "user.list"))
        if team is not None:
            if actor.role != roles.ADMIN and team != actor.team:
                raise fields.unknown("team", team)
            members = select(Membership.user_id).where(col(Membership.team_id) == fields.known_id(team, "team"))
            query = query.where(col(User.id).in_(members))
        query = paging.newest_first(query, col(User.created_at), col(User.id), after, limit)
        async with self._store.read() as session:
            rows = (await session.exec(query)).all()
        return paging.page(rows, limit, user_info, lambda row: (row.created_at, row.id))

    async def memberships(self, actor: Actor, user_id: str) -> Sequence[tuple[str, str]]:
        """Teams of a user that the actor may see, each with the user's role in it."""
        user = await self.get(actor, user_id)
        query = select(Membership).where(col(Membership.user_id) == user.id)
        if actor.role != roles.ADMIN and actor.user != user.id:
            query = query.where(col(Membership.team_id) == actor.team)
        async with self._store.read() as session:
            rows = (await session.exec(query.order_by(col(Membership.created_at), col(Membership.team_id)))).all()
        return [(row.team_id, row.role) for row in rows]

    async def edit(self, actor: Actor, user_id: str, changes: Mapping[str, Any], version: int | None) -> UserInfo:
        """`name`, `email`, `role`, `blocked`, `budget`, `budget_window`. None in `version`: whatever is there.

        Raises Conflict (version_conflict, already_exists, last_admin), Forbidden, NotFound, Unprocessable.
        """
        async with self._store.act(actor) as act:
            row = await self._seen(act, user_id)
            reach = roles.require(actor.role, "user.edit", changes)
            if reach is not Reach.ALL and row.id != actor.user:
                raise errors.Forbidden("Only an admin may change another person's data.")
            values = fields.checked(_EDIT, changes)
            edits.check_version(row, version)
            if row.erased_at is not None:
                raise errors.Unprocessable("This person was erased.")
            await _unique_email(act, values.get("email"), row.id)
            if values.get("role", row.role) != roles.ADMIN or values.get("blocked", False):
                await self._keep_an_admin(act, row)
            before, after = edits.apply(row, values, act.now)
            if after:
                act.record(edits.action("user", after), row.id, before=before, after=after)
                await edits.keep_budget(act, f"user:{row.id}", row, after)
        return user_info(row)

    async def export(self, actor: Actor, user_id: str) -> AsyncIterator[bytes]:
        """Everything the gateway holds about a person: pieces of one JSON object, read page by page."""
        reach = roles.require(actor.role, "user.export")
        user = await self.get(actor, user_id)
        if reach is not Reach.ALL and user.id != actor.user:
            raise errors.Forbidden("Only an admin may export another person's data.")
        return pieces(self._store, user)

    async def erase(self, actor: Actor, user_id: str) -> str:
        """Forget the person; the money stays, under the opaque id that is returned. See `erasure`.

        Safe to repeat after an interruption. Raises Conflict (last_admin), Forbidden, NotFound.
        """
        roles.require(actor.role, "user.erase")
        async with self._store.act(actor) as act:
            row = await act.session.get(User, fields.known_id(user_id, "user"))
            if row is not None and row.id.startswith(PREFIX):
                return row.id
            if row is not None:
                await self._keep_an_admin(act, row)
                await self._erasure.begin(act, row)
        if row is None and not await self._erasure.left_over(user_id):
            raise fields.unknown("user", user_id)
        return await self._erasure.finish(actor, user_id)

    async def _seen(self, act: Act, user_id: str) -> User:
        query = select(User).where(col(User.id) == fields.known_id(user_id, "user"), visible(act.actor, "user.get"))
        row = (await act.session.exec(query)).first()
        if row is None:
            raise fields.unknown("user", user_id)
        return row

    async def _join(self, act: Act, team: str, user_id: str) -> None:
        if await act.session.get(Team, fields.known_id(team, "team")) is None:
            raise fields.unknown("team", team)
        if await act.session.get(Membership, (team, user_id)) is None:
            act.session.add(Membership(team_id=team, user_id=user_id, created_at=act.now))
            act.record("member.set", f"{team}/{user_id}", team=team, after={"role": roles.MEMBER})

    async def _keep_an_admin(self, act: Act, row: User) -> None:
        """Raises Conflict when `row` is an admin and no other one could sign in."""
        if row.role != roles.ADMIN or self._store.settings.has_master:
            return
        others = select(func.count()).where(
            col(User.id) != row.id,
            col(User.role) == roles.ADMIN,
            col(User.blocked_at).is_(None),
            or_(col(User.password_hash).is_not(None), col(User.oidc_subject).is_not(None)),
        )
        if not (await act.session.exec(others)).one():
            raise errors.Conflict(
                "This is the last admin who can sign in. Make another one first, or configure a master key.",
                code="last_admin",
            )


def visible(actor: Actor, action: str) -> ColumnElement[bool]:
    """The condition on users that keeps what the actor may not see in the store."""
    reach = roles.require(actor.role, action)
    own = col(User.id) == actor.user if actor.user is not None else false()
    if reach is Reach.ALL:
        return true()
    if reach is Reach.TEAM and actor.team is not None:
        return or_(own, col(User.id).in_(select(Membership.user_id).where(col(Membership.team_id) == actor.team)))
    return own


async def new_user(act: Act, values: Mapping[str, Any]) -> User:
    """Add a user of checked fields, with its account and its audit entry. Raises Conflict."""
    values = act.with_budget("user", values)
    user_id = values.get("id") or new_id("u")
    if await act.session.get(User, user_id) is not None:
        raise errors.Conflict(f"The user {user_id} exists already.", code="already_exists", param="id")
    await _unique_email(act, values.get("email"), user_id)
    row = User(**{**edits.columns(values), "id": user_id, "created_at": act.now})
    act.session.add(row)
    await act.session.flush()
    act.record("user.create", user_id, after=edits.shown(values))
    await edits.keep_budget(act, f"user:{user_id}", row, values)
    await adopt(act, user=user_id)
    return row


async def _unique_email(act: Act, email: str | None, user_id: str) -> None:
    if email is None:
        return
    query = select(User.id).where(col(User.email) == email, col(User.id) != user_id)
    if (await act.session.exec(query)).first() is not None:
        raise errors.Conflict("There is a user with this e-mail address.", code="already_exists", param="email")
