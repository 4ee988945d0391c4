"""Virtual keys: made, changed, rotated, revoked. Unavailable: the store is away, and nothing was done.

A key that a key has made never has more rights than that one: checked here when it is made or changed, and again by
`rights` at every use, since the parent may have lost some.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true
from sqlmodel import col, select

from gateway import errors
from gateway.accounts import edits, fields, paging, roles
from gateway.accounts.actor import Actor
from gateway.accounts.key_limits import check_edit, check_reach, for_new_key
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Act, Transactions
from gateway.accounts.values import Page
from gateway.ports import KeyInfo
from gateway.store.infos import key_info
from gateway.store.secrets import Digesters, new_key, new_key_id, shown_prefix
from gateway.store.tables import VirtualKey, key_scope

OVERLAP = 86_400.0  # seconds that a rotated key's old secret goes on
LONGEST_OVERLAP = 30 * 86_400.0
_EDIT = fields.for_edit(fields.KEY, "blocked")


class KeyRing:
    """Every method takes the actor first and raises NotFound for what it may not see, Forbidden for what it may not do."""

    def __init__(self, store: Transactions, digests: Digesters) -> None:
        self._store = store
        self._digests = digests.keys

    async def create(self, actor: Actor, **given: Any) -> tuple[KeyInfo, str]:
        """The key's record and the key itself, which is told this once.

        `name`, `user`, `team`, `role`, `models`, `brands`, `default_brand`, `budget` (nano-dollars), `budget_window`,
        `rpm`, `max_parallel`, `on_disconnect`, `tags`, `metadata`, `expires_at` (Unix seconds), `test_key`.
        Raises Forbidden and Unprocessable, each with the field in `param`.
        """
        values = _with_test_key(fields.checked(fields.KEY, given))
        roles.require(actor.role, "key.create", _asked(given, values))
        secret, key_id = new_key(), new_key_id()
        async with self._store.act(actor) as act:
            values = act.with_budget("key", await for_new_key(act, values))
            row = VirtualKey(
                **edits.columns({"name": "unnamed", **values}),
                id=key_id,
                digest=self._digests.digest(secret),
                prefix=shown_prefix(secret),
                created_at=act.now,
                created_by=actor.id,
            )
            act.session.add(row)
            await act.session.flush()
            act.record("key.create", key_id, team=row.team, after=edits.shown(values))
            await edits.keep_budget(act, key_scope(key_id), row, values)
        return key_info(row), secret

    async def get(self, actor: Actor, key_id: str) -> KeyInfo:
        async with self._store.read() as session:
            condition = _visible(actor, "key.get")
            row = (await session.exec(select(VirtualKey).where(_is(key_id), condition))).first()
        if row is None:
            raise fields.unknown("key", key_id)
        return key_info(row)

    async def list(
        self,
        actor: Actor,
        *,
        user: str | None = None,
        team: str | None = None,
        include_revoked: bool = False,
        after: str | None = None,
        limit: int = 50,
    ) -> Page[KeyInfo]:
        """Newest first."""
        query = select(VirtualKey).where(_visible(actor, "key.list"))
        if user is not None:
            query = query.where(col(VirtualKey.user) == fields.known_id(user, "user"))
        if team is not None:
            query = query.where(col(VirtualKey.team) == fields.known_id(team, "team"))
        if not include_revoked:
            query = query.where(col(VirtualKey.revoked_at).is_(None))
        query = paging.newest_first(query, col(VirtualKey.created_at), col(VirtualKey.id), after, limit)
        async with self._store.read() as session:
            rows = (await session.exec(query)).all()
        return paging.page(rows, limit, key_info, lambda row: (row.created_at, row.id))

    async def edit(self, actor: Actor, key_id: str, changes: Mapping[str, Any], version: int | None) -> KeyInfo:
        """The fields of `create` and `blocked`; `user` and `team` by admins alone.

        Raises Conflict (version_conflict, already_revoked), Forbidden, NotFound, Unprocessable.
        """
        async with self._store.act(actor) as act:
            row = await _seen(act, key_id)
            values = _with_test_key(fields.checked(_EDIT, changes), row.extra)
            reach = roles.require(actor.role, "key.edit", _asked(changes, values, row.extra))
            check_reach(actor, row, reach)
            edits.check_version(row, version)
            _not_revoked(row)
            await check_edit(act, row, values)
            before, after = edits.apply(row, values, act.now)
            if after:
                act.record(edits.action("key", after), row.id, team=row.team, before=before, after=after)
                await edits.keep_budget(act, key_scope(row.id), row, after)
        return key_info(row)

    async def rotate(self, actor: Actor, key_id: str, overlap: float = OVERLAP) -> tuple[KeyInfo, str]:
        """A new secret for the key; the old one goes on for `overlap` seconds (0 to 30 days), an older one ends.

        Raises Conflict (already_revoked), Forbidden, NotFound, Unprocessable.
        """
        if not 0 <= overlap <= LONGEST_OVERLAP:
            raise errors.Unprocessable("'overlap_seconds' is 0 to 2592000 (30 days).", param="overlap_seconds")
        secret = new_key()
        async with self._store.act(actor) as act:
            row = await _seen(act, key_id)
            check_reach(actor, row, roles.require(actor.role, "key.rotate"))
            _not_revoked(row)
            await check_edit(act, row, {}, tells_secret=True)
            if row.previous_until is not None or not overlap:
                row.litellm_digest = None  # LiteLLM's secret was rotated away before, or ends now
            row.previous_digest = row.digest if overlap else None
            row.previous_until = act.now + overlap if overlap else None
            row.digest, row.prefix = self._digests.digest(secret), shown_prefix(secret)
            row.version += 1
            act.record("key.rotate", row.id, team=row.team, after={"previous_until": row.previous_until})
        return key_info(row), secret

    async def revoke(self, actor: Actor, key_id: str) -> KeyInfo:
        """For good; keys that it has made are refused from then on, too. The first revocation counts."""
        async with self._store.act(actor) as act:
            row = await _seen(act, key_id)
            check_reach(actor, row, roles.require(actor.role, "key.revoke"))
            if row.revoked_at is None:
                row.revoked_at = act.now
                row.version += 1
                act.record("key.revoke", row.id, team=row.team)
        return key_info(row)


def _is(key_id: str) -> ColumnElement[bool]:
    return col(VirtualKey.id) == fields.known_id(key_id, "key")


async def _seen(act: Act, key_id: str) -> VirtualKey:
    condition = _visible(act.actor, "key.get")
    row = (await act.session.exec(select(VirtualKey).where(_is(key_id), condition))).first()
    if row is None:
        raise fields.unknown("key", key_id)
    return row


def _visible(actor: Actor, action: str) -> ColumnElement[bool]:
    """All; the team's and one's own; one's own, and what the calling key has made."""
    reach = roles.require(actor.role, action)
    if reach is Reach.ALL:
        return true()
    own = [col(VirtualKey.user) == actor.user] if actor.user is not None else []
    if actor.key is not None:
        own += [col(VirtualKey.id) == actor.key, col(VirtualKey.parent) == actor.key]
    if reach is Reach.TEAM and actor.team is not None:
        own.append(col(VirtualKey.team) == actor.team)
    return or_(false(), *own)


def _not_revoked(row: VirtualKey) -> None:
    if row.revoked_at is not None:
        raise errors.Conflict("This key is revoked for good; make a new one.", code="already_revoked")


def _with_test_key(values: dict[str, Any], stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`test_key` lives in the metadata, and survives metadata that do not mention it."""
    if "test_key" not in values and "metadata" not in values:
        return values
    metadata = dict(values.get("metadata", stored) or {})
    flag = values.pop("test_key", metadata.get("test_key", (stored or {}).get("test_key", False)))
    metadata.pop("test_key", None)
    values["metadata"] = {**metadata, **({"test_key": True} if flag is True else {})} or None
    return values


def _asked(given: Mapping[str, Any], values: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> set[str]:
    """The fields whose rules count: also `test_key` where the metadata would switch it."""
    new = (values.get("metadata", stored) or {}).get("test_key", False)
    changed = new != (stored or {}).get("test_key", False)
    return (set(given) - {"test_key"}) | ({"test_key"} if changed else set())
