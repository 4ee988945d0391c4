"""`atelier migrate` and `atelier secret`: from a data folder to PostgreSQL, with sums that agree and keys that still work."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from gateway.cli import cli
from gateway.ledger.sqlite import SqliteLedger
from gateway.ports import Found
from gateway.store.database import DATABASE_FILE, LOCK_FILE, open_database
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import KeyDigester, load_or_create_secret, parse_secret
from gateway.store.tables import Account, LedgerLine, Request, VirtualKey
from gateway.types import HoldRequest, Settlement, Status
from tests.cli.conftest import GOOD
from tests.ledger.conftest import START, SetClock, a_record, a_result, an_intent

Run = Callable[..., Result]
KEY = "sk-atl-canary-of-a-key"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A key that has spent 40 nano-dollars, and a request of 100 that a crash left open."""
    folder = tmp_path / "data"
    asyncio.run(_work(folder))
    return folder


async def _work(folder: Path) -> None:
    database = await open_database(folder, exclusive=False)
    digest = KeyDigester(load_or_create_secret(folder)).digest(KEY)
    async with database.session() as session:
        session.add(VirtualKey(id="k_1", digest=digest, name="desk", prefix="sk-atl-cana", created_at=START))
        session.add(Account(scope="key:k_1", limit_nano=1000, window_started_at=START))
        await session.commit()
    await database.close()
    ledger = SqliteLedger(folder / DATABASE_FILE, SetClock())
    await ledger.start()
    hold = HoldRequest(("key:k_1",), 100, START + 60)
    for name in ("gen-ended", "gen-open"):
        await ledger.open(a_record(name), hold)
        await ledger.dispatch(an_intent(name), 100)
    await ledger.settle(
        Settlement("gen-ended", (a_result(an_intent("gen-ended"), 40),), Status.COMPLETED, 200, None, START)
    )
    await ledger.close()


@pytest.fixture
def atelier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, **env: str) -> Result:
        runner = CliRunner(env={"ATELIER_DATA_DIR": str(tmp_path / "data"), **env})
        return runner.invoke(cli, [str(each) for each in arguments])

    return run


def sentence(refused: Result) -> str:
    assert isinstance(refused.exception, SystemExit), refused.exception
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.count("\n") == 1, refused.stderr
    return refused.stderr


def ask(url: str, folder: Path, *questions: Any) -> list[Any]:
    async def run() -> list[Any]:
        database = await open_database(folder, url, exclusive=False)
        async with database.engine.connect() as connection:
            answers = [(await connection.execute(question)).scalar_one() for question in questions]
        await database.close()
        return answers

    return asyncio.run(run())


def test_everything_is_there_what_was_open_is_settled_and_the_key_works(
    data: Path, atelier: Run, postgres_url: str, tmp_path: Path
) -> None:
    done = atelier("migrate", "--to", postgres_url, "--secret-file", "new-secret")
    assert done.exit_code == 0, done.stderr
    assert "ledger: 2 rows" in done.stderr
    assert "2 lines cost 0.00000014 USD on both sides: equal by key (1)" in done.stdout
    answers = ask(
        postgres_url,
        tmp_path / "other",
        select(func.sum(LedgerLine.cost_nano)),
        select(Account.spent_nano),
        select(Account.held_nano),
        select(func.count()).select_from(Request).where(Request.status.is_(None)),  # type: ignore[union-attr]
    )
    assert answers == [140, 140, 0, 0]

    secret = tmp_path / "new-secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().strip() not in done.output
    digest = KeyDigester(parse_secret(secret.read_text().strip())).digest(KEY)

    async def find() -> Found | None:
        database = await open_database(tmp_path / "other", postgres_url, exclusive=False)
        found = await SqlDirectory(database.engine).key(digest, "")
        await database.close()
        return found

    found = asyncio.run(find())
    assert found is not None
    assert found.key is not None
    assert found.key.id == "k_1"


def test_the_target_may_come_from_the_environment(data: Path, atelier: Run, postgres_url: str) -> None:
    done = atelier("migrate", ATELIER_DATABASE_URL=postgres_url)
    assert done.exit_code == 0, done.stderr
    assert "atelier secret" in done.stdout
    assert "not empty" in sentence(atelier("migrate", ATELIER_DATABASE_URL=postgres_url)).splitlines()[-1]


def test_a_folder_that_a_gateway_serves_from_is_not_read(data: Path, atelier: Run, postgres_url: str) -> None:
    with (data / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another gateway" in sentence(atelier("migrate", "--to", postgres_url))


def test_what_cannot_be_migrated_is_told_before_anything_is_done(data: Path, atelier: Run, tmp_path: Path) -> None:
    url = "postgresql://atelier:canary@127.0.0.1:1/x"
    assert "--to" in sentence(atelier("migrate"))
    assert "--to" in sentence(atelier("migrate", "--to", "sqlite:///x.db"))
    assert "no store" in sentence(atelier("migrate", "--to", url, ATELIER_DATA_DIR=str(tmp_path / "empty")))
    assert not (tmp_path / "empty").exists()
    (tmp_path / "there").write_text("x")
    assert "exists already" in sentence(atelier("migrate", "--to", url, "--secret-file", "there"))
    assert "canary" not in sentence(atelier("migrate", "--to", url))


def test_a_secret_of_the_environment_stays_the_secret(atelier: Run, data: Path, postgres_url: str) -> None:
    (data / "secret.key").unlink()
    done = atelier("migrate", "--to", postgres_url, "--secret-file", "new-secret", ATELIER_SECRET="canary")
    assert done.exit_code == 0, done.stderr
    assert "ATELIER_SECRET as it is set now" in done.stdout
    assert "canary" not in done.output
    assert not Path("new-secret").exists()


def test_two_secrets_are_told(atelier: Run, data: Path, postgres_url: str) -> None:
    done = atelier("migrate", "--to", postgres_url, ATELIER_SECRET="canary")
    assert "is not the secret in" in done.stderr
    assert "canary" not in done.output


def test_templates_are_said_to_be_files(atelier: Run, data: Path, postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "config.yaml").write_text(GOOD + "templates: {path: mine}\n")
    assert str(tmp_path / "mine") in atelier("migrate", "--to", postgres_url).stdout


def test_the_secret_alone(atelier: Run, data: Path, tmp_path: Path) -> None:
    done = atelier("secret", "out")
    assert (done.exit_code, done.stdout) == (0, "")
    text = (tmp_path / "out").read_text().strip()
    assert parse_secret(text) == (data / "secret.key").read_bytes()
    assert text not in done.stderr
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
    sentence(atelier("secret", "out"))
    assert "secret.key" in sentence(atelier("secret", "other", ATELIER_DATA_DIR=str(tmp_path / "empty")))
