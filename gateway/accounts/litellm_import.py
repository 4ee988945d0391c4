"""Brings LiteLLM's users, teams and keys here as planned: acts like any other, each with its audit entries.

Many small transactions, so that running gateways go on meanwhile. The store away, or a clash with what somebody makes at
that moment, ends it (`errors.Unavailable`, `errors.Conflict`); what was brought stays, and the next import goes on from
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import inspect, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.accounts import edits
from gateway.accounts.actor import CLI
from gateway.accounts.adoption import adopt
from gateway.accounts.erasure import PREFIX
from gateway.accounts.litellm_plan import Existing, NewKey, NewTeam, NewUser, Plan
from gateway.accounts.litellm_values import Money
from gateway.accounts.transaction import Act, Settings, Transactions
from gateway.ledger.steps import Steps
from gateway.ports import Clock
from gateway.store import windows
from gateway.store.database import DATABASE_FILE, store_errors
from gateway.store.directory import Membership, Team, User
from gateway.store.secrets import Digesters, new_key
from gateway.store.tables import Account, VirtualKey, key_scope

BATCH, LEAST = 200, 5  # objects in one transaction
LONGEST_STEP = 0.1  # seconds
FROM = {"from": "litellm"}  # in the audit log
_SHOWN = {"extra": "metadata"}
_NOT_SHOWN = frozenset({"prefix", "created_at"})
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
    await _each(store, plan.users.values(), _users)
    await _each(store, plan.teams.values(), _teams)
    await _each(store, plan.members.items(), _members)
    await _each(store, plan.keys.values(), partial(_keys, digest=digests.keys.digest))


async def _each(store: Transactions, things: Iterable[T], make: Callable[[Act, list[T]], Awaitable[None]]) -> None:
    """In steps so small that whoever waits for the store hardly does, each with a pause as long as it took."""
    steps, left = Steps(BATCH, LONGEST_STEP, LEAST), list(things)
    while left:
        some, left = left[: steps.size], left[steps.size :]
        async with store.act(CLI) as act:
            began = store.clock.monotonic()
            await make(act, some)
            await act.session.flush()
        took = store.clock.monotonic() - began
        steps.took(took)
        await asyncio.sleep(took)


async def _users(act: Act, some: list[NewUser]) -> None:
    for new in some:
        facts: dict[str, Any] = {"email": new.email, "name": new.name, "role": new.role}
        act.session.add(User(id=new.id, created_at=act.now, **facts, **_columns(new.money)))
        act.record("user.create", new.id, after=edits.shown({**facts, **_limit(new.money), **FROM}))
    await _accounts(act, {f"user:{new.id}": new.money for new in some})
    for new in some:
        await adopt(act, user=new.id)


async def _teams(act: Act, some: list[NewTeam]) -> None:
    for new in some:
        facts: dict[str, Any] = {"name": new.name, "models": new.models}
        blocked_at = act.now if new.blocked else None
        act.session.add(Team(id=new.id, created_at=act.now, blocked_at=blocked_at, **facts, **_columns(new.money)))
        told = {**facts, **_limit(new.money), "blocked": new.blocked or None, **FROM}
        act.record("team.create", new.id, team=new.id, after=edits.shown(told))
    await _accounts(act, {f"team:{new.id}": new.money for new in some})
    for new in some:
        await adopt(act, team=new.id)


async def _members(act: Act, some: list[tuple[tuple[str, str], str]]) -> None:
    pairs = tuple_(col(Membership.team_id), col(Membership.user_id)).in_([pair for pair, _ in some])
    there = {(row.team_id, row.user_id) for row in (await act.session.exec(select(Membership).where(pairs))).all()}
    for (team, user), role in some:
        if (team, user) not in there:
            act.session.add(Membership(team_id=team, user_id=user, role=role, created_at=act.now))
            act.record("member.set", f"{team}/{user}", team=team, after={"role": role})


async def _keys(act: Act, some: list[NewKey], *, digest: Callable[[str], bytes]) -> None:
    """Keys that are found by LiteLLM's digest alone: nobody knows the secrets of their own."""
    for new in some:
        row = VirtualKey(
            **new.fields,
            **_columns(new.money),
            id=new.id,
            digest=digest(new_key()),
            litellm_digest=new.digest,
            blocked_at=act.now if new.blocked else None,
            created_by=act.actor.id,
        )
        act.session.add(row)
        shown = {_SHOWN.get(name, name): value for name, value in new.fields.items() if name not in _NOT_SHOWN}
        told = {**shown, **_limit(new.money), "blocked": new.blocked or None, **FROM}
        act.record("key.create", row.id, team=row.team, after=edits.shown(told))
    await _accounts(act, {key_scope(new.id): new.money for new in some})


def _limit(money: Money | None) -> dict[str, Any]:
    return {} if money is None or money.budget is None else {"budget": money.budget, "budget_window": money.window}


def _columns(money: Money | None) -> dict[str, Any]:
    return edits.columns(_limit(money))


async def _accounts(act: Act, wanted: Mapping[str, Money | None]) -> None:
    """Limits, and what is spent in the window that LiteLLM was in; an account that has spent here keeps its own."""
    query = select(Account).where(col(Account.scope).in_(wanted)).with_for_update()
    there = {account.scope: account for account in (await act.session.exec(query)).all()}
    for scope, money in wanted.items():
        if money is None or (scope not in there and money.budget is None and not money.spent):
            continue
        account = there.get(scope) or Account(scope=scope, window_started_at=money.started_at)
        account.limit_nano, account.budget_window = money.budget, money.window
        if not account.spent_nano:
            account.window_started_at, account.resets_at = money.started_at, money.resets_at
        elif (length := windows.seconds(money.window)) is not None:
            account.resets_at = account.window_started_at + length
        account.spent_nano += money.spent
        act.session.add(account)
