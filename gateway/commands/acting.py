"""An act on the accounts as a command: the store is opened for it beside whatever serves from it, and closed after it.

The actor is the command line, which may do everything. Whatever is refused, or away, is one sentence.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from gateway.accounts import CLI, Accounts, Page
from gateway.accounts.new_budgets import new_budgets
from gateway.accounts.transaction import Settings
from gateway.clock import SystemClock
from gateway.commands.output import CONFIG, sentences
from gateway.commands.setting import read_setting
from gateway.store.database import open_database
from gateway.store.secrets import Digesters

T = TypeVar("T")
_PAGE = 200


@asynccontextmanager
async def opened(config_file: Path | None) -> AsyncIterator[Accounts]:
    """The accounts of the store that the gateways use. Raises ConfigError, StoreUnavailable."""
    setting = read_setting(config_file)
    database = await open_database(setting.folder, setting.url, exclusive=False)
    try:
        given = new_budgets(setting.config.budgets) if setting.config is not None else {}
        settings = Settings(has_master=True, new_budgets=given)  # whoever has this command can make another admin
        yield Accounts(database.engine, Digesters(setting.secret()), SystemClock(), settings=settings)
    finally:
        await database.close()


def acting(work: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A command made of `work`, whose first argument is the accounts. Adds --config."""

    @CONFIG
    @functools.wraps(work)
    def run(config_file: Path | None, **options: Any) -> None:
        with sentences():
            asyncio.run(_work(work, config_file, options))

    return run


async def _work(work: Callable[..., Awaitable[None]], config_file: Path | None, options: Mapping[str, Any]) -> None:
    async with opened(config_file) as accounts:
        await work(accounts, **options)


async def everything(part: Callable[..., Awaitable[Page[T]]], **filters: Any) -> list[T]:
    """All pages of a list."""
    found: list[T] = []
    after: str | None = None
    while True:
        page = await part(CLI, after=after, limit=_PAGE, **filters)
        found += page.items
        after = page.next
        if after is None:
            return found
