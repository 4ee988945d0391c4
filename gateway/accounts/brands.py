"""Brands that texts are written for. Unavailable: the store is away, and nothing was done."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import col, select

from gateway import errors
from gateway.accounts import edits, fields, paging, roles
from gateway.accounts.actor import Actor
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Act, Transactions
from gateway.accounts.values import Page
from gateway.ports import BrandInfo
from gateway.store.directory import Brand, Team
from gateway.store.infos import brand_info
from gateway.store.secrets import new_id
from gateway.types import Identity

REMEMBERED = 5.0  # seconds
MOST_REMEMBERED = 1_000
_EDIT = fields.for_edit(fields.BRAND, "archived")


@dataclass(frozen=True, slots=True)
class _Known:
    looked_up: float  # monotonic
    team: str | None
    archived: bool
    made: bool  # somebody made it here


class Brands:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions) -> None:
        self._store = store
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def create(self, actor: Actor, **given: Any) -> BrandInfo:
        """`id` (made when missing), `name`, `client`, `team`, `budget`, `budget_window`. A lead's is its team's.

        Raises Conflict (already_exists), Forbidden, Unprocessable.
        """
        reach = roles.require(actor.role, "brand.create", given)
        values = fields.checked(fields.BRAND, given)
        if "name" not in values:
            raise errors.Unprocessable("A brand needs a name.", param="name")
        if reach is not Reach.ALL and values.setdefault("team", actor.team) != actor.team:
            raise errors.Forbidden("Only an admin may make a brand for another team, or for all.", param="team")
        brand_id = values.get("id") or new_id("b")
        async with self._store.act(actor) as act:
            await _known_team(act, values.get("team"))
            if await act.session.get(Brand, brand_id) is not None:
                raise errors.Conflict(f"The brand {brand_id} exists already.", code="already_exists", param="id")
            row = Brand(**{**edits.columns(values), "id": brand_id, "created_at": act.now})
            act.session.add(row)
            await act.session.flush()
            act.record("brand.create", brand_id, team=row.team, after=edits.shown(values))
            await edits.keep_budget(act, f"brand:{brand_id}", row, values)
        self._known.pop(brand_id, None)
        return brand_info(row)

    async def get(self, actor: Actor, brand_id: str) -> BrandInfo:
        async with self._store.read() as session:
            query = select(Brand).where(
                col(Brand.id) == fields.known_id(brand_id, "brand"), _visible(actor, "brand.get")
            )
            row = (await session.exec(query)).first()
        if row is None:
            raise fields.unknown("brand", brand_id)
        return brand_info(row)

    async def list(
        self, actor: Actor, *, include_archived: bool = False, after: str | None = None, limit: int = 50
    ) -> Page[BrandInfo]:
        """Newest first: the team's and those that all share."""
        query = select(Brand).where(_visible(actor, "brand.list"))
        if not include_archived:
            query = query.where(col(Brand.archived_at).is_(None))
        query = paging.newest_first(query, col(Brand.created_at), col(Brand.id), after, limit)
        async with self._store.read() as session:
            rows = (await session.exec(query)).all()
        return paging.page(rows, limit, brand_info, lambda row: (row.created_at, row.id))

    async def edit(self, actor: Actor, brand_id: str, changes: Mapping[str, Any], version: int | None) -> BrandInfo:
        """`name`, `client`, `archived`, `team`, `budget`, `budget_window`.

        Raises Conflict (version_conflict), Forbidden, NotFound, Unprocessable.
        """
        async with self._store.act(actor) as act:
            query = select(Brand).where(
                col(Brand.id) == fields.known_id(brand_id, "brand"), _visible(actor, "brand.get")
            )
            row = (await act.session.exec(query)).first()
            if row is None:
                raise fields.unknown("brand", brand_id)
            if roles.require(actor.role, "brand.edit", changes) is not Reach.ALL and row.team != actor.team:
                raise errors.Forbidden("Only an admin may change a brand that all teams share.")
            values = fields.checked(_EDIT, changes)
            edits.check_version(row, version)
            await _known_team(act, values.get("team"))
            before, after = edits.apply(row, values, act.now)
            if after:
                act.record("brand.edit", row.id, team=row.team, before=before, after=after)
                await edits.keep_budget(act, f"brand:{row.id}", row, after)
        self._known.pop(row.id, None)
        return brand_info(row)

    async def allowed(self, identity: Identity, brand_id: str) -> bool:
        """Whether texts may be written for this brand: not for another team's, nor for an archived one.

        A brand that nobody has made here is free for all: voices may bring their own. From memory for a few seconds;
        with the store away the last answer counts.
        """
        known = await self._recall(brand_id)
        return not known.archived and (
            known.team is None or known.team == identity.team or identity.role == roles.ADMIN
        )

    async def known(self, brand_id: str) -> bool:
        """Whether somebody made the brand here, with or without a voice. With the store away the last answer counts."""
        return (await self._recall(brand_id)).made

    def forget(self) -> None:
        """Look every brand up again: one was changed."""
        self._known.clear()

    async def _recall(self, brand_id: str) -> _Known:
        known = self._known.get(brand_id)
        now = self._store.clock.monotonic()
        if known is None or now - known.looked_up >= REMEMBERED:
            known = await self._look_up(brand_id, known, now)
        return known

    async def _look_up(self, brand_id: str, known: _Known | None, now: float) -> _Known:
        found: Brand | None = None
        try:
            async with self._store.read() as session:
                found = await session.get(Brand, fields.known_id(brand_id, "brand"))
        except errors.NotFound:
            pass  # no brand can be called so
        except errors.Unavailable:
            if known is not None:
                return known
        if found is None:
            answer = _Known(now, None, archived=False, made=False)
        else:
            answer = _Known(now, found.team, archived=found.archived_at is not None, made=True)
        self._known[brand_id] = answer
        self._known.move_to_end(brand_id)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
        return answer


def _visible(actor: Actor, action: str) -> ColumnElement[bool]:
    if roles.require(actor.role, action) is Reach.ALL:
        return true()
    shared = col(Brand.team).is_(None)
    return or_(shared, col(Brand.team) == actor.team) if actor.team is not None else shared


async def _known_team(act: Act, team: str | None) -> None:
    if team is not None and await act.session.get(Team, team) is None:
        raise errors.Unprocessable(f"There is no team '{team}'.", param="team")
