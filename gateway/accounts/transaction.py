"""One administrative act: a short transaction that goes alone, ends with its audit entry, and is told about afterwards.

Acts go one at a time on both databases, so that a read-modify-write needs no further lock and audit ids commit in their
order. A store that is away raises `errors.Unavailable`; a hook's `Unavailable` after the commit is logged, not raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.ports import Clock
from gateway.store.changes import Change


async def _nobody(_: Sequence[object]) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What surrounds the accounts. `on_budget` gets scopes ("key:k_1") whose limit or window changed, after the commit;
    `on_change` what was changed. `has_master`: a master key is configured, so that the last admin may go.
    """

    on_budget: Callable[[Sequence[str]], Awaitable[None]] = _nobody
    on_change: Callable[[Sequence[Change]], Awaitable[None]] = _nobody
    has_master: bool = False
    session_ttl: float = 43_200.0  # seconds


class Transactions:
    """Begins acts and reads."""

    def __init__(self, engine: AsyncEngine, clock: Clock, settings: Settings) -> None:
        self._engine = engine
        self.clock = clock
        self.settings = settings
