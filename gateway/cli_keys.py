"""`atelier keys`: works beside a running gateway, on the same store."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.config import environment
from gateway.ledger.prices import usd
from gateway.ports import KeyInfo
from gateway.store.database import open_database
from gateway.store.failures import StoreInUse, StoreUnavailable
from gateway.store.keys import SqlKeys
from gateway.store.secrets import KeyDigester, load_or_create_secret, new_key, new_key_id, shown_prefix

DAY = 86_400.0
NANO = 1_000_000_000


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[SqlKeys, KeyDigester]]:
    env = environment.read_environment()
    folder = environment.data_dir(env)
    database = await open_database(folder, exclusive=False)
    try:
        secret = env["ATELIER_SECRET"].encode() if env.get("ATELIER_SECRET") else load_or_create_secret(folder)
        yield SqlKeys(database.engine), KeyDigester(secret)
    finally:
        await database.close()


async def create(**options: Any) -> int:
    """Print the new key alone on stdout, so that a script can take it."""
    key, now = new_key(), time.time()
    info = KeyInfo(
        id=new_key_id(),
        name=options["name"],
        prefix=shown_prefix(key),
        created_at=now,
        role="admin" if options["admin"] else "member",
        user=options["user"],
        team=options["team"],
        expires_at=None if options["days"] is None else now + options["days"] * DAY,
        models=options["models"] or None,
        brands=options["brands"] or None,
        default_brand=options["default_brand"],
        budget=None if options["budget"] is None else round(options["budget"] * NANO),
        budget_window=None if options["budget_days"] is None else f"{options['budget_days']}d",
        rpm=options["rpm"],
        max_parallel=options["parallel"],
    )
    try:
        async with opened() as (keys, digester):
            await keys.create(info, digester.digest(key))
    except (StoreInUse, StoreUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"Created {info.id} ({info.name}). The key is shown this once:\n")
    sys.stdout.write(f"{key}\n")
    return 0


async def show(*, include_revoked: bool) -> int:
    try:
        async with opened() as (keys, _):
            found = await keys.list(include_revoked=include_revoked)
    except (StoreInUse, StoreUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for key in found:
        budget = "no limit" if key.budget is None else f"{usd(key.budget)} USD"
        state = "revoked" if key.revoked_at is not None else key.role
        sys.stdout.write(f"{key.id}  {key.prefix}…  {key.name:<24} {state:<8} {budget}\n")
    return 0


async def revoke(key_id: str) -> int:
    try:
        async with opened() as (keys, _):
            found = await keys.revoke(key_id, time.time())
    except (StoreInUse, StoreUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if found is None:
        sys.stderr.write(f"There is no key with id {key_id}. `atelier keys list` shows them.\n")
        return 1
    sys.stdout.write(f"Revoked {found.id} ({found.name}).\n")
    return 0
