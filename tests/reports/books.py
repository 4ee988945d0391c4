"""A ledger to read from: a real store, into which tests write rows as the gateway would."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from gateway.clock import SystemClock
from gateway.ledger.rollup import Rollups
from gateway.store.database import Database, open_database
from gateway.store.tables import LedgerLine, Request

NOON = 1_900_000_800.0  # 2030-03-17 18:00:00 UTC
DAY = 86_400.0


class Books:
    """`line` values are (provider, model, nano-dollars) or (provider, model, nano-dollars, status).

    SQLite in `data_dir`, or the server at `url`.
    """

    def __init__(self, data_dir: Path, url: str | None = None) -> None:
        self.data_dir = data_dir
        self.url = url
        self._seq = 0
        self.write()

    def add(
        self,
        request_id: str,
        *lines: tuple[str, str, int] | tuple[str, str, int, str],
        user: str | None = "ann",
        team: str | None = None,
        at: float = NOON,
        status: str | None = "completed",
        **more: object,
    ) -> None:
        """One request with its attempts, which were booked at `at`."""
        self._seq += 1
        whose = {
            "key_id": f"k_{user or team}",
            "tenant": f"team:{team}" if team else f"user:{user}",
            "user": user,
            "team": team,
            "brand": more.pop("brand", None),
            "simulated": more.pop("simulated", False),
        }
        ledger = [
            a_line(request_id, number, line, whose, self._seq, at, estimated=bool(more.get("estimated")))
            for number, line in enumerate(lines, 1)
        ]
        served = ledger[-1].deployment_id if ledger and status == "completed" else None
        request = Request(
            id=request_id,
            x_request_id=f"req_{request_id}",
            endpoint="chat",
            model_requested="auto",
            stream=True,
            created_at=at,
            status=status,
            deployment_id=served,
            cost_nano=sum(line.cost_nano for line in ledger),
            input_tokens=sum(line.input_tokens for line in ledger),
            output_tokens=sum(line.output_tokens for line in ledger),
            **whose,
            **more,
        )
        self.write(request)
        self.write(*ledger)

    def write(self, *rows: SQLModel) -> None:
        """Any rows, in one transaction."""

        async def add(database: Database) -> None:
            async with database.session() as session:
                session.add_all(rows)
                await session.commit()

        self.run(add)

    def roll_up(self) -> None:
        """Add up all that was written so far."""

        async def advance(database: Database) -> None:
            while await Rollups(database.engine, SystemClock()).advance():
                pass

        self.run(advance)

    def run(self, act: Any) -> Any:
        """The result of a coroutine function that is given the open store."""

        async def whole() -> Any:
            database = await open_database(self.data_dir, self.url, exclusive=False)
            try:
                return await act(database)
            finally:
                await database.close()

        return apart(whole())


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, whether or not a loop runs here."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def a_line(
    request_id: str, number: int, line: tuple, whose: dict, seq: int, at: float, *, estimated: bool = False
) -> LedgerLine:
    provider, model, cost, *status = line
    return LedgerLine(
        request_id=request_id,
        number=number,
        **whose,
        seq=seq,
        provider=provider,
        model=model,
        deployment_id=f"group/{provider}/{model}",
        status=status[0] if status else "completed",
        input_tokens=100,
        output_tokens=10,
        cached_input_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        audio_input_tokens=0,
        audio_output_tokens=0,
        cost_nano=cost,
        estimated=estimated,
        late=False,
        price={},
        started_at=at,
        ended_at=at,
        booked_at=at,
    )
