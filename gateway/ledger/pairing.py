"""Sees to it that a Redis and a database belong together: sums of one set-up mean nothing beside the books of another.

The database has a number of its own, made at the first start; the first gateway to use a Redis leaves that number there.
Either store away: `errors.Unavailable`.
"""

from __future__ import annotations

import secrets

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import col

from gateway.ledger.counters import Redis
from gateway.store.database import store_errors
from gateway.store.tables import Position

STORE = "store"  # the number's name in Position


async def belong_together(redis: Redis, engine: AsyncEngine) -> bool:
    """Whether this Redis is the database's own, or nobody's yet; then it is its own from now on."""
    number = str(await _number(engine)).encode()
    key = redis.key("money", "store")
    _, found = await redis.pipeline([("SET", key, number, "NX"), ("GET", key)])
    return bool(found == number)


async def _number(engine: AsyncEngine) -> int:
    new = {"name": STORE, "seq": secrets.randbelow(2**62) + 1}
    with store_errors():
        async with engine.begin() as sql:
            await sql.execute(insert(Position).values(new).on_conflict_do_nothing())
            return int((await sql.execute(select(col(Position.seq)).where(col(Position.name) == STORE))).scalar_one())
