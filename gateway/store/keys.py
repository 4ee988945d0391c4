"""Virtual keys in SQL. Only digests are stored, and a key is found by its whole digest, never by a part of it.

While the store is away every method raises `errors.Unavailable`; that is for the caller to tell from an unknown key.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway import errors
from gateway.ports import KeyInfo
from gateway.store import windows
from gateway.store.database import store_errors
from gateway.store.directory_reader import SqlDirectory
from gateway.store.infos import key_info
from gateway.store.tables import Account, VirtualKey, key_scope

MAX_BUDGET = 10**18  # nano-dollars: a thousand million dollars; with what is spent beyond it, far inside 64 bits


class SqlKeys(SqlDirectory):
    """`ports.Keys` on any database that SQLAlchemy reaches."""

    async def find(self, digest: bytes, litellm_digest: str) -> KeyInfo | None:
        """The key with this digest, or imported from LiteLLM with that one; revoked and expired ones too."""
        query = select(VirtualKey).where(
            or_(col(VirtualKey.digest) == digest, col(VirtualKey.litellm_digest) == litellm_digest)
        )
        with store_errors():
            async with self._session() as session:
                rows = (await session.exec(query)).all()
        own = [row for row in rows if row.digest == digest]
        return key_info((own or rows)[0]) if rows else None

    async def create(self, info: KeyInfo, digest: bytes, litellm_digest: str | None = None) -> KeyInfo:
        """Store a key and, with a budget, its account. Raises Conflict for a key that exists, Unprocessable."""
        window = _window(info)
        try:
            with store_errors():
                async with self._session() as session:
                    session.add(_row(info, digest, litellm_digest))
                    if info.budget is not None:
                        session.add(_account(info, window))
                    await session.commit()
        except IntegrityError:
            raise errors.Conflict(f"The key {info.id} exists already.") from None
        return info

    async def get(self, key_id: str) -> KeyInfo | None:
        with store_errors():
            async with self._session() as session:
                row = await session.get(VirtualKey, key_id)
        return key_info(row) if row is not None else None

    async def list(self, *, include_revoked: bool = False) -> list[KeyInfo]:
        """Newest first."""
        query = select(VirtualKey).order_by(col(VirtualKey.created_at).desc(), col(VirtualKey.id))
        if not include_revoked:
            query = query.where(col(VirtualKey.revoked_at).is_(None))
        with store_errors():
            async with self._session() as session:
                rows = (await session.exec(query)).all()
        return [key_info(row) for row in rows]

    async def revoke(self, key_id: str, at: float) -> KeyInfo | None:
        """Revoke for good from `at`, Unix seconds; the first revocation counts. None for an unknown key."""
        with store_errors():
            async with self._session() as session:
                row = await session.get(VirtualKey, key_id)
                if row is None:
                    return None
                if row.revoked_at is None:
                    row.revoked_at = at
                    await session.commit()
        return key_info(row)

    def _session(self) -> AsyncSession:
        return AsyncSession(self._engine, expire_on_commit=False)


def _row(info: KeyInfo, digest: bytes, litellm_digest: str | None) -> VirtualKey:
    return VirtualKey(
        id=info.id,
        digest=digest,
        litellm_digest=litellm_digest,
        name=info.name,
        prefix=info.prefix,
        role=info.role,
        user=info.user,
        team=info.team,
        models=list(info.models) if info.models is not None else None,
        brands=list(info.brands) if info.brands is not None else None,
        default_brand=info.default_brand,
        budget_nano=info.budget,
        budget_window=info.budget_window,
        rpm=info.rpm,
        max_parallel=info.max_parallel,
        on_disconnect=info.on_disconnect,
        tags=list(info.tags),
        extra=dict(info.metadata) if info.metadata is not None else None,
        created_at=info.created_at,
        expires_at=info.expires_at,
        revoked_at=info.revoked_at,
    )


def _window(info: KeyInfo) -> float | None:
    """Seconds of the budget's window, once the budget is one that can be kept."""
    if info.budget is not None and not 0 <= info.budget <= MAX_BUDGET:
        raise errors.Unprocessable(f"a budget is 0 to {MAX_BUDGET} nano-dollars.", param="budget")
    try:
        return windows.seconds(info.budget_window)
    except ValueError as error:
        raise errors.Unprocessable(f"{error}.", param="budget_window") from None


def _account(info: KeyInfo, window: float | None) -> Account:
    return Account(
        scope=key_scope(info.id),
        limit_nano=info.budget,
        budget_window=info.budget_window,
        window_started_at=info.created_at,
        resets_at=info.created_at + window if window is not None else None,
    )
