"""A ledger to read from: a real store in a folder, into which tests write rows as the gateway would."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import URL, create_engine
from sqlmodel import Session

from gateway.store.database import open_database
from gateway.store.tables import LedgerLine, Request

NOON = 1_900_000_800.0  # 2030-03-17 18:00:00 UTC
DAY = 86_400.0


class Books:
    """`line` values are (provider, model, nano-dollars) or (provider, model, nano-dollars, status)."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        asyncio.run(self._create())
        self._engine = create_engine(URL.create("sqlite", database=str(data_dir / "atelier.db")))

    async def _create(self) -> None:
        database = await open_database(self.data_dir, exclusive=False)
        await database.close()

    def add(
        self,
        request_id: str,
        *lines: tuple[str, str, int] | tuple[str, str, int, str],
        user: str = "ann",
        at: float = NOON,
        status: str | None = "completed",
        **more: object,
    ) -> None:
        """One request with its attempts, which were booked at `at`."""
        ledger = [self._line(request_id, number, line, user, at, more) for number, line in enumerate(lines, 1)]
        served = ledger[-1].deployment_id if ledger and status == "completed" else None
        request = Request(
            id=request_id,
            x_request_id=f"req_{request_id}",
            key_id=f"k_{user}",
            tenant=f"user:{user}",
            user=user,
            endpoint="chat",
            model_requested="auto",
            stream=True,
            created_at=at,
            status=status,
            deployment_id=served,
            cost_nano=sum(line.cost_nano for line in ledger),
            input_tokens=sum(line.input_tokens for line in ledger),
            output_tokens=sum(line.output_tokens for line in ledger),
            **more,
        )
        with Session(self._engine) as session:
            session.add(request)
            session.flush()
            session.add_all(ledger)
            session.commit()

    @staticmethod
    def _line(request_id: str, number: int, line: tuple, user: str, at: float, more: dict) -> LedgerLine:
        provider, model, cost, *status = line
        return LedgerLine(
            request_id=request_id,
            number=number,
            key_id=f"k_{user}",
            tenant=f"user:{user}",
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
            estimated=bool(more.get("estimated")),
            late=False,
            price={},
            started_at=at,
            ended_at=at,
            booked_at=at,
        )
