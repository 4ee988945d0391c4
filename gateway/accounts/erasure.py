"""Forgets a person and keeps the money: wherever the user's id stood, an opaque one stands afterwards.

First, in one act, the person is shut out and what tells who it was is deleted. Then the id is replaced in requests,
ledger and holds, and stored content is deleted, in steps so small that writers hardly wait; last, in one act, it is
replaced in the roll-ups and the user's own row goes. Interrupted anywhere, or with the store away in between (`errors.Unavailable`), it is simply asked for
again: the opaque id is always the same for an id. So is it when a request that was waiting in a queue at that moment
has written the old id once more.

The audit log alone keeps the old id, for it is append-only. That is why an id can never be an e-mail address (see
`fields.identifier`, `Users.ensure`): by itself it names nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, case, delete, or_, update
from sqlmodel import SQLModel, col, select

from gateway.accounts.actor import Actor
from gateway.accounts.transaction import Act, Transactions
from gateway.ledger import rollup
from gateway.ledger.steps import Steps
from gateway.ports import Digests
from gateway.store.directory import Invitation, Membership, SignIn, User
from gateway.store.tables import Account, Content, LedgerLine, Request, VirtualKey

PREFIX = "erased-"
STEP, LEAST = 500, 10  # requests a transaction
LONGEST_STEP = 0.03  # seconds


class Erasure:
    """The steps; `digests` makes opaque ids."""

    def __init__(self, store: Transactions, digests: Digests) -> None:
        self._store = store
        self._digests = digests

    def opaque(self, user_id: str) -> str:
        return f"{PREFIX}{self._digests.digest(user_id).hex()[:16]}"

    async def begin(self, act: Act, row: User) -> None:
        """Shut the person out, and delete what tells who it was."""
        session = act.session
        invited = or_(
            col(Invitation.user_id) == row.id,
            col(Invitation.used_by) == row.id,
            col(Invitation.email).is_not(None) & (col(Invitation.email) == row.email),
        )
        revoked_at = case((col(Invitation.used_at).is_(None), act.now), else_=col(Invitation.revoked_at))
        await session.exec(update(Invitation).where(invited).values(email=None, revoked_at=revoked_at))
        await session.exec(delete(Membership).where(col(Membership.user_id) == row.id))
        await session.exec(delete(SignIn).where(col(SignIn.user_id) == row.id))
        for key in (await session.exec(select(VirtualKey).where(col(VirtualKey.user) == row.id))).all():
            key.name, key.extra, key.version = "erased", None, key.version + 1
            if key.revoked_at is None:
                key.revoked_at = act.now
                act.record("key.revoke", key.id, team=key.team)
        if row.erased_at is None:
            row.email = row.name = row.password_hash = row.oidc_subject = None
            row.role, row.blocked_at, row.erased_at = "member", act.now, act.now
            row.version += 1
            act.record("user.erase", row.id)

    async def left_over(self, user_id: str) -> bool:
        """Whether a user that is gone has left requests behind."""
        return bool(await self._requests(user_id, "", 1))

    async def finish(self, actor: Actor, user_id: str) -> str:
        """Replace the id everywhere. Returns the opaque one."""
        new = self.opaque(user_id)
        while await self._one_pass(actor, user_id, new):
            pass
        async with self._store.act(actor) as act:
            await _move_account(act, user_id, new)
            await _rename_references(act, user_id, new)
            await rollup.forget(await act.session.connection(), user_id, new)
            row = await act.session.get(User, user_id)
            if row is not None:
                if await act.session.get(User, new) is None:
                    act.session.add(User(id=new, created_at=act.now, blocked_at=act.now, erased_at=act.now))
                await act.session.delete(row)
        return new

    async def _one_pass(self, actor: Actor, user_id: str, new: str) -> bool:
        """Go through everything once; True when there was something to do."""
        async with self._store.act(actor) as act:
            found = await _move_account(act, user_id, new)
        steps, last = Steps(STEP, LONGEST_STEP, min(STEP, LEAST)), ""
        while requests := await self._requests(user_id, last, steps.size):
            found, last = True, requests[-1]
            await self._step(actor, steps, partial(_rename_requests, requests=requests, user_id=user_id, new=new))
        while await self._step(actor, steps, partial(_delete_content, user_id=user_id, most=steps.size)):
            found = True
        return found

    async def _step(self, actor: Actor, steps: Steps, work: Callable[[Act], Awaitable[bool]]) -> bool:
        """One transaction, and a pause as long as it took, so that whoever waits for the store gets it."""
        async with self._store.act(actor) as act:
            began = self._store.clock.monotonic()
            found = await work(act)
        took = self._store.clock.monotonic() - began
        steps.took(took)
        await asyncio.sleep(took)
        return found

    async def _requests(self, user_id: str, last: str, limit: int) -> Sequence[str]:
        """Ids of the user's requests after `last`; read outside of any write, since it may take a while."""
        query = select(Request.id).where(_of(Request, user_id), col(Request.id) > last)
        async with self._store.read() as session:
            return (await session.exec(query.order_by(col(Request.id)).limit(limit))).all()


def _of(table: Any, user_id: str) -> Any:
    return or_(col(table.user) == user_id, col(table.tenant) == f"user:{user_id}")


def _renamed(table: Any, user_id: str, new: str) -> dict[str, Any]:
    user, tenant = col(table.user), col(table.tenant)
    return {
        "user": case((user == user_id, new), else_=user),
        "tenant": case((tenant == f"user:{user_id}", f"user:{new}"), else_=tenant),
    }


async def _rename_requests(act: Act, *, requests: Sequence[str], user_id: str, new: str) -> bool:
    """The requests with their ledger lines and holds."""
    tables: tuple[tuple[type[SQLModel], Any], ...] = ((Request, Request.id), (LedgerLine, LedgerLine.request_id))
    for table, request_id in tables:
        mine = (col(request_id).in_(requests), _of(table, user_id))
        await act.session.exec(update(table).where(*mine).values(_renamed(table, user_id, new)))
    await _rename_scopes(act, col(Request.id).in_(requests), user_id, new)
    return True


async def _rename_scopes(act: Act, holds: ColumnElement[bool], user_id: str, new: str) -> None:
    """In these holds: one statement for all that stand on the same scopes."""
    groups: dict[tuple[str, ...], list[str]] = {}
    held = (col(Request.status).is_(None), col(Request.hold_scopes).is_not(None))
    for request_id, scopes in (
        await act.session.exec(select(Request.id, Request.hold_scopes).where(holds, *held))
    ).all():
        if scopes is not None and f"user:{user_id}" in scopes:
            groups.setdefault(tuple(scopes), []).append(request_id)
    for old, requests in groups.items():
        scopes = [f"user:{new}" if scope == f"user:{user_id}" else scope for scope in old]
        await act.session.exec(update(Request).where(col(Request.id).in_(requests)).values(hold_scopes=scopes))


async def _move_account(act: Act, user_id: str, new: str) -> bool:
    """The account and the holds that stand on it, in one: a capture in between would find neither."""
    old = await act.session.get(Account, f"user:{user_id}", with_for_update=True)
    if old is None:
        return False
    target = await act.session.get(Account, f"user:{new}", with_for_update=True)
    if target is None:
        values = {**old.model_dump(), "scope": f"user:{new}", "spent_nano": 0, "held_nano": 0}
        target = Account(**values)
        act.session.add(target)
    target.spent_nano += old.spent_nano
    target.held_nano += old.held_nano
    await _rename_scopes(act, col(Request.hold_state) == "held", user_id, new)
    await act.session.delete(old)
    act.scopes += [f"user:{user_id}", f"user:{new}"]
    return True


async def _delete_content(act: Act, *, user_id: str, most: int) -> bool:
    some = select(Content.request_id).where(_of(Content, user_id)).limit(most)
    found = (await act.session.exec(some)).all()
    if found:
        await act.session.exec(delete(Content).where(col(Content.request_id).in_(found)))
    return bool(found)


async def _rename_references(act: Act, user_id: str, new: str) -> None:
    for table, column, prefix in (
        (VirtualKey, "user", ""),
        (VirtualKey, "created_by", "user:"),
        (Invitation, "user_id", ""),
        (Invitation, "used_by", ""),
        (Invitation, "created_by", "user:"),
    ):
        old = col(getattr(table, column)) == f"{prefix}{user_id}"
        await act.session.exec(update(table).where(old).values({column: f"{prefix}{new}"}))
