"""Everything the gateway holds about a person, as pieces of one JSON object, read page by page.

No digest and no password hash is in it. A store that goes away in the middle raises `errors.Unavailable`: the object
then has no end, so that nobody takes it for whole.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.accounts.transaction import Transactions
from gateway.ports import UserInfo
from gateway.store.directory import AuditEntry, Invitation, Membership, SignIn
from gateway.store.infos import key_info
from gateway.store.tables import UNDER_WAY, Account, Content, LedgerLine, Request, VirtualKey

PAGE = 500  # rows
_SECRET = {"digest"}


async def pieces(store: Transactions, user: UserInfo) -> AsyncIterator[bytes]:
    """`{"object": "export", "profile": …, "memberships": […], …, "requests": […], "content": […]}`"""
    async with store.read() as session:
        head = await _person(session, user)
    yield json.dumps({"object": "export", **head})[:-1].encode()
    for name, table, place in (
        ("requests", Request, Request.id),
        ("content", Content, Content.request_id),
        ("acts", AuditEntry, AuditEntry.id),
    ):
        yield f', "{name}": ['.encode()
        separator, last = "", None
        while True:
            async with store.read() as session:
                rows, last = await _page(session, table, place, user.id, last)
            if not rows:
                break
            yield (separator + ", ".join(map(json.dumps, rows))).encode()
            separator = ", "
        yield b"]"
    yield b"}"


async def _person(session: AsyncSession, user: UserInfo) -> dict[str, Any]:
    """What there is little of."""

    async def rows(table: Any, condition: Any) -> list[dict[str, Any]]:
        found = await session.exec(select(table).where(condition))
        return [row.model_dump(exclude=_SECRET) for row in found.all()]

    keys = await session.exec(select(VirtualKey).where(col(VirtualKey.user) == user.id))
    invited = or_(
        col(Invitation.user_id) == user.id,
        col(Invitation.used_by) == user.id,
        col(Invitation.email).is_not(None) & (col(Invitation.email) == user.email),
    )
    return {
        "profile": asdict(user),
        "memberships": await rows(Membership, col(Membership.user_id) == user.id),
        "keys": [asdict(key_info(row)) for row in keys.all()],
        "sessions": await rows(SignIn, col(SignIn.user_id) == user.id),
        "invitations": await rows(Invitation, invited),
        "accounts": await rows(Account, col(Account.scope) == f"user:{user.id}"),
    }


async def _page(
    session: AsyncSession, table: Any, place: Any, user_id: str, last: Any
) -> tuple[list[dict[str, Any]], Any]:
    """The rows after `last` and the place of the last of them."""
    if table is AuditEntry:
        mine = col(AuditEntry.actor) == f"user:{user_id}"
    else:
        mine = or_(col(table.user) == user_id, col(table.tenant) == f"user:{user_id}")
    query = select(table).where(mine).order_by(col(place)).limit(PAGE)
    if last is not None:
        query = query.where(col(place) > last)
    found = (await session.exec(query)).all()
    if not found:
        return [], last
    rows = [row.model_dump(exclude={*UNDER_WAY}) for row in found]
    if table is Request:
        await _add_attempts(session, rows)
    return rows, getattr(found[-1], place.key)


async def _add_attempts(session: AsyncSession, requests: Sequence[dict[str, Any]]) -> None:
    """Each request with its ledger lines."""
    by_id: dict[str, dict[str, Any]] = {request["id"]: request for request in requests}
    lines = select(LedgerLine).where(col(LedgerLine.request_id).in_(by_id))
    for request in requests:
        request["attempts"] = []
    for line in (await session.exec(lines.order_by(col(LedgerLine.request_id), col(LedgerLine.number)))).all():
        by_id[line.request_id]["attempts"].append(line.model_dump())
