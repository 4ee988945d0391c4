"""Retention forgets what is due, keeps who paid what, and never holds the store for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel, select

from gateway import errors
from gateway.ledger import retention
from gateway.ledger.retention import DAY, Retention, Swept
from gateway.ledger.steps import Steps
from gateway.store.database import Database, open_database
from gateway.store.directory import Invitation, SignIn, Team, User
from gateway.store.tables import Content, LedgerLine, Request
from tests.reports.books import a_line

NOW = 1_900_000_000.0


@dataclass
class SetClock:
    time: float = NOW

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    monkeypatch.setattr(retention, "BREATH", 0.0)
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    database = await open_database(tmp_path, url, exclusive=False)
    yield database
    await database.close()


async def write(database: Database, *rows: SQLModel) -> None:
    async with database.session() as session:
        for row in rows:
            session.add(row)
            await session.flush()
        await session.commit()


def a_request(name: str, days: float, team: str | None = "blog", **more: Any) -> Request:
    values = {
        "id": name,
        "x_request_id": f"req-{name}",
        "key_id": "k_1",
        "tenant": f"team:{team}" if team else "user:ada",
        "user": "ada",
        "team": team,
        "brand": "acme",
        "endpoint": "chat",
        "model_requested": "auto",
        "stream": True,
        "template": "blog_post",
        "template_version": "3",
        "tags": ["spring"],
        "route": "complexity: 0.4",
        "prompt_digest": "abc",
        "error_code": "upstream_timeout",
        "status": "failed",
        "cost_nano": 7,
        "input_tokens": 5,
        "output_tokens": 3,
        "created_at": NOW - days * DAY,
    }
    return Request(**{**values, **more})


def content(name: str, expires_at: float | None = None) -> Content:
    return Content(
        request_id=name,
        tenant="team:blog",
        prompt=[{"role": "user", "content": "x"}],
        created_at=1,
        expires_at=expires_at,
    )


def a_team(name: str, days: int | None) -> Team:
    return Team(id=name, name=name, retention_days=days, created_at=1.0)


async def ids(database: Database, column: Any) -> list[str]:
    async with database.session() as session:
        return sorted((await session.exec(select(column))).all())


async def test_an_old_request_loses_its_details_and_keeps_its_money(database: Database) -> None:
    whose = {"key_id": "k_1", "tenant": "team:blog", "user": "ada", "team": "blog", "brand": "acme", "simulated": False}
    line = a_line("g1", 1, ("openai", "gpt", 7), whose, 1, NOW)
    kept = line.model_dump()
    before = a_request("g1", 31)
    expected = before.model_dump() | retention.ERASED
    await write(database, a_team("blog", 30), before, line, content("g1"))
    assert await Retention(database.engine, SetClock()).sweep() == Swept(details=1)
    async with database.session() as session:
        assert (await session.exec(select(Request))).one().model_dump() == expected
        assert (await session.exec(select(LedgerLine))).one().model_dump() == kept
        assert (await session.exec(select(Content))).all() == []
    assert (expected["cost_nano"], expected["user"], expected["error_code"]) == (7, "ada", "upstream_timeout")
    assert await Retention(database.engine, SetClock()).sweep() == Swept()


async def test_each_team_keeps_for_as_long_as_it_says(database: Database) -> None:
    teams = (a_team("blog", 30), a_team("shop", 5), a_team("ever", None))
    requests = [
        a_request(f"{team or 'none'}-{days}", days, team)
        for team in ("blog", "shop", "ever", None, "unknown")
        for days in (4, 6, 29, 31)
    ]
    await write(database, *teams, *requests)
    assert await Retention(database.engine, SetClock(), teamless_days=10).sweep() == Swept(details=1 + 3 + 2)
    async with database.session() as session:
        erased = (await session.exec(select(Request.id).where(Request.x_request_id == ""))).all()
    assert set(erased) == {"blog-31", "shop-6", "shop-29", "shop-31", "none-29", "none-31"}


async def test_without_a_limit_for_those_without_a_team_theirs_is_kept(database: Database) -> None:
    await write(database, a_request("g1", 4_000, None))
    assert await Retention(database.engine, SetClock()).sweep() == Swept()


async def test_an_open_request_is_left_alone_however_old(database: Database) -> None:
    await write(database, a_team("blog", 1), a_request("g1", 40, status=None))
    assert await Retention(database.engine, SetClock()).sweep() == Swept()


async def test_content_is_deleted_when_its_time_has_come(database: Database) -> None:
    await write(database, content("g1", NOW - 1), content("g2", NOW), content("g3", NOW + 1), content("g4"))
    assert await Retention(database.engine, SetClock()).sweep() == Swept(content=2)
    assert await ids(database, Content.request_id) == ["g3", "g4"]


async def test_old_sign_ins_and_invitations_are_deleted(database: Database) -> None:
    await write(database, User(id="ada", created_at=1.0))
    for number, days in enumerate((-1, 29, 31, 89, 91)):
        expires = NOW - days * DAY
        await write(
            database,
            SignIn(id=f"s{number}", digest=f"s{number}".encode(), user_id="ada", created_at=1.0, expires_at=expires),
            Invitation(
                id=f"i{number}", digest=f"i{number}".encode(), created_by="cli", created_at=1.0, expires_at=expires
            ),
        )
    assert await Retention(database.engine, SetClock()).sweep() == Swept(sign_ins=3, invitations=1)
    assert await ids(database, SignIn.id) == ["s0", "s1"]
    assert await ids(database, Invitation.id) == ["i0", "i1", "i2", "i3"]


async def test_much_is_done_in_small_steps(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await write(database, a_team("blog", 1), *(a_request(f"g{number:03}", 3) for number in range(450)))
    sizes: list[int] = []
    details = retention._details

    def watched(found: list[str]) -> Any:
        sizes.append(len(found))
        return details(found)

    monkeypatch.setattr(retention, "_details", watched)
    assert await Retention(database.engine, SetClock()).sweep() == Swept(details=450)
    assert (sum(sizes), sizes[0]) == (450, 10)
    assert max(sizes) <= retention.MOST_ROWS


def test_a_step_that_took_too_long_is_followed_by_a_smaller_one() -> None:
    steps = Steps(200, 0.025)
    sizes = []
    for seconds in (0.001, 0.001, 0.2, 0.02, *[0.2] * 10, *[0.0] * 40):
        steps.took(seconds)
        sizes.append(steps.size)
    assert sizes[:4] == [13, 17, 10, 10]
    assert (sizes[13], sizes[-1]) == (10, 200)


async def test_the_sweeper_goes_on_when_the_store_is_back(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AGAIN", 0.0)
    sweeper, tries, done = Retention(database.engine, SetClock()), 0, asyncio.Event()

    async def sweep() -> Swept:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise errors.Unavailable("away")
        done.set()
        return Swept()

    monkeypatch.setattr(sweeper, "sweep", sweep)
    task = asyncio.create_task(sweeper.run())
    await asyncio.wait_for(done.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_store_that_is_away_says_so(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE content RENAME TO gone")
    with pytest.raises(errors.Unavailable):
        await Retention(database.engine, SetClock()).sweep()
