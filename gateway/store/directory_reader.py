"""Credentials in SQL: found by their whole digest, together with all that decides what they may do.

One query a look-up, and one more for a key that another key has made. While the store is away every method raises
`errors.Unavailable`; that is for the caller to tell from an unknown credential.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, literal
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.ports import Found, KeyInfo, TeamInfo, UserInfo
from gateway.store.database import store_errors
from gateway.store.directory import Membership, SignIn, Team, User
from gateway.store.infos import key_info, team_info, user_info
from gateway.store.tables import VirtualKey

MOST_ANCESTORS = 3


class SqlDirectory:
    """`ports.Directory` on any database that SQLAlchemy reaches."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def key(self, digest: bytes, litellm_digest: str) -> Found | None:
        """The key whose secret, or whose secret before the last rotation, has this digest; or that was imported so."""
        digests = (
            col(VirtualKey.digest) == digest,
            col(VirtualKey.previous_digest) == digest,
            col(VirtualKey.litellm_digest) == litellm_digest,
        )
        query = _with_owners(select(VirtualKey, User, Team, Membership.role), VirtualKey.user, VirtualKey.team)
        with store_errors():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                rows = (await session.exec(query.where(or_(*digests)))).all()
                if not rows:
                    return None
                key, user, team, membership = min(rows, key=lambda row: _rank(row[0], digest))
                above = await ancestors(session, key.parent)
        old = key.digest != digest and (key.previous_digest == digest or key.previous_until is not None)
        return Found(
            key_info(key), above, *_owners(user, team), membership, expires_at=key.previous_until if old else None
        )

    async def session(self, digest: bytes) -> Found | None:
        """The session whose token has this digest; an ended one is unknown."""
        query = _with_owners(select(SignIn, User, Team, Membership.role), SignIn.user_id, SignIn.team)
        query = query.where(col(SignIn.digest) == digest, col(SignIn.ended_at).is_(None))
        with store_errors():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                row = (await session.exec(query)).first()
        if row is None:
            return None
        sign_in, user, team, membership = row
        return Found(None, (), *_owners(user, team), membership, expires_at=sign_in.expires_at, session_id=sign_in.id)


async def ancestors(session: AsyncSession, parent: str | None) -> tuple[KeyInfo, ...]:
    """The key `parent`, the one that made it, and so on upwards."""
    if parent is None:
        return ()
    chain = (
        select(col(VirtualKey.id).label("id"), col(VirtualKey.parent).label("parent"), literal(1).label("height"))
        .where(col(VirtualKey.id) == parent)
        .cte("chain", recursive=True)
    )
    chain = chain.union_all(
        select(VirtualKey.id, VirtualKey.parent, chain.c.height + 1).where(
            col(VirtualKey.id) == chain.c.parent, chain.c.height < MOST_ANCESTORS
        )
    )
    query = select(VirtualKey).join(chain, col(VirtualKey.id) == chain.c.id).order_by(chain.c.height)
    return tuple(key_info(row) for row in (await session.exec(query)).all())


def _with_owners(query: Any, user: Any, team: Any) -> Any:
    member = and_(col(Membership.user_id) == col(user), col(Membership.team_id) == col(team))
    return (
        query.outerjoin(User, col(User.id) == col(user))
        .outerjoin(Team, col(Team.id) == col(team))
        .outerjoin(Membership, member)
    )


def _owners(user: User | None, team: Team | None) -> tuple[UserInfo | None, TeamInfo | None]:
    return user_info(user) if user is not None else None, team_info(team) if team is not None else None


def _rank(key: VirtualKey, digest: bytes) -> int:
    """A current secret comes before one that was rotated away, and that before an imported one."""
    return 0 if key.digest == digest else 1 if key.previous_digest == digest else 2
