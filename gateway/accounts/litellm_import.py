"""Brings LiteLLM's users, teams and keys here as planned: acts like any other, each with its audit entries.

Some hundred rows are one transaction, so that running gateways go on meanwhile. The store away, or a clash with what
somebody makes at that moment, ends it (`errors.Unavailable`, `errors.Conflict`); what was brought stays, and the next
import goes on from there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.accounts import edits
from gateway.accounts.actor import CLI
from gateway.accounts.erasure import PREFIX
from gateway.accounts.litellm_plan import Existing, NewKey, NewTeam, NewUser, Plan
from gateway.accounts.litellm_values import Money
from gateway.accounts.teams import new_team
from gateway.accounts.transaction import Act, Settings, Transactions
from gateway.accounts.users import new_user
from gateway.ports import Clock
from gateway.store.database import DATABASE_FILE, store_errors
from gateway.store.directory import Membership, Team, User
from gateway.store.secrets import Digesters, new_key
from gateway.store.tables import Account, VirtualKey, key_scope

BATCH = 100  # objects in one transaction
T = TypeVar("T")


async def look(engine: AsyncEngine, digests: Digesters) -> Existing:
    """What is here already. Raises errors.Unavailable."""
    with store_errors():
        async with AsyncSession(engine) as session:
            users = (await session.exec(select(User.id, User.email))).all()
            keys = (await session.exec(select(VirtualKey.id, VirtualKey.litellm_digest))).all()
            teams = (await session.exec(select(Team.id))).all()
            members = (await session.exec(select(Membership.team_id, Membership.user_id))).all()
    names = frozenset(name for name, _ in users)

    def erased(user_id: str) -> bool:
        return f"{PREFIX}{digests.erasure.digest(user_id).hex()[:16]}" in names

    return Existing(
        users=names,
        emails={email: name for name, email in users if email is not None},
        teams=frozenset(teams),
        keys=frozenset(name for name, _ in keys),
        digests=frozenset(digest for _, digest in keys if digest is not None),
        memberships=frozenset(members),
        erased=erased,
    )


async def peek(folder: Path, url: str | None, digests: Digesters) -> Existing:
    """The same of a store that is not to be touched, not even made or migrated. Raises errors.Unavailable."""
    path = folder / DATABASE_FILE
    if url is None and not path.is_file():
        return Existing()
    if url is None:
        target = f"sqlite+aiosqlite:///{path.absolute().as_uri()}?mode=ro&uri=true"
    else:
        target = f"postgresql+asyncpg:{url.partition(':')[2]}"
    engine = create_async_engine(target, hide_parameters=True)
    try:
        with store_errors():
            async with engine.connect() as connection:
                there = await connection.run_sync(lambda sync: inspect(sync).has_table("membership"))
        return await look(engine, digests) if there else Existing()
    finally:
        await engine.dispose()


async def bring(engine: AsyncEngine, digests: Digesters, clock: Clock, plan: Plan) -> None:
    """Make what is planned. Raises errors.Unavailable, errors.Conflict."""
    store = Transactions(engine, clock, Settings(has_master=True))

    async def key(act: Act, new: NewKey) -> None:
        await _key(act, new, digests.keys.digest(new_key()))

    await _each(store, plan.users.values(), _user)
    await _each(store, plan.teams.values(), _team)
    await _each(store, plan.members.items(), _member)
    await _each(store, plan.keys.values(), key)


async def _each(store: Transactions, things: Iterable[T], make: Callable[[Act, T], Awaitable[None]]) -> None:
    left = list(things)
    while left:
        some, left = left[:BATCH], left[BATCH:]
        async with store.act(CLI) as act:
            for thing in some:
                await make(act, thing)


async def _user(act: Act, new: NewUser) -> None:
    values = {"id": new.id, "email": new.email, "name": new.name, "role": new.role, **_limit(new.money)}
    await new_user(act, {name: value for name, value in values.items() if value is not None})
    await _carry(act, f"user:{new.id}", new.money)


async def _team(act: Act, new: NewTeam) -> None:
    values = {"id": new.id, "name": new.name, "models": new.models, **_limit(new.money)}
    row = await new_team(act, {name: value for name, value in values.items() if value is not None})
    if new.blocked:
        before, after = edits.apply(row, {"blocked": True}, act.now)
        act.record(edits.action("team", after), row.id, team=row.id, before=before, after=after)
    await _carry(act, f"team:{new.id}", new.money)


async def _member(act: Act, new: tuple[tuple[str, str], str]) -> None:
    (team, user), role = new
    if await act.session.get(Membership, (team, user)) is None:
        act.session.add(Membership(team_id=team, user_id=user, role=role, created_at=act.now))
        act.record("member.set", f"{team}/{user}", team=team, after={"role": role})


async def _key(act: Act, new: NewKey, digest: bytes) -> None:
    """A key that is found by LiteLLM's digest alone: nobody knows the secret of its own."""
    row = VirtualKey(
        **new.fields,
        id=new.id,
        digest=digest,
        litellm_digest=new.digest,
        budget_nano=new.money.budget,
        budget_window=new.money.window,
        blocked_at=act.now if new.blocked else None,
        created_by=act.actor.id,
    )
    act.session.add(row)
    await act.session.flush()
    said = {"extra": "metadata"}
    shown = {said.get(name, name): value for name, value in new.fields.items() if name not in {"prefix", "created_at"}}
    facts = {**shown, **_limit(new.money), "blocked": new.blocked or None, "from": "litellm"}
    act.record("key.create", row.id, team=row.team, after=edits.shown(facts))
    await edits.keep_budget(act, key_scope(row.id), row, _limit(new.money))
    await _carry(act, key_scope(row.id), new.money)


def _limit(money: Money | None) -> dict[str, Any]:
    return {} if money is None or money.budget is None else {"budget": money.budget, "budget_window": money.window}


async def _carry(act: Act, scope: str, money: Money | None) -> None:
    """What is spent of the budget, in the window that LiteLLM was in; an account that has spent here keeps its own."""
    if money is None:
        return
    account = await act.session.get(Account, scope, with_for_update=True)
    if account is None:
        if not money.spent:
            return
        account = Account(scope=scope, window_started_at=act.now)
        act.session.add(account)
    if not account.spent_nano:
        account.window_started_at, account.resets_at = money.started_at, money.resets_at
    account.spent_nano += money.spent
    act.scopes.append(scope)
