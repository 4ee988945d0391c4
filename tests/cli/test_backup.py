"""`atelier backup` and `atelier restore`: what was there is there again, or nothing has changed and a sentence says why."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from gateway.store import archive, backup, schema
from gateway.store.database import DATABASE_FILE, LOCK_FILE, open_database
from gateway.store.failures import MoveRefused
from tests.cli.conftest import GOOD
from tests.cli.stores import COST, ROWS, full_store, names_in, rows_of
from tests.harness import FleetThread, GatewayThread

LEDGER_COST = COST * (ROWS * (ROWS - 1) // 2)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return full_store(tmp_path / "data")


@pytest.fixture
def atelier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, folder: Path = tmp_path / "data", **env: str) -> Result:
        runner = CliRunner(env={"ATELIER_DATA_DIR": str(folder), "ATELIER_SECRET": "", **env})
        return runner.invoke(cli, [str(each) for each in arguments])

    return run


Run = Callable[..., Result]


def sentence(refused: Result) -> str:
    """The one line on stderr of a command that did nothing."""
    assert isinstance(refused.exception, SystemExit), refused.exception
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.endswith(".\n")
    assert refused.stderr.count("\n") == 1, refused.stderr
    return refused.stderr


def test_there_and_back(data: Path, atelier: Run, tmp_path: Path) -> None:
    made = atelier("backup", "saved.tar.gz")
    assert made.exit_code == 0, made.stderr
    assert f"{ROWS} requests, {ROWS} ledger lines, 10000000.00000007 USD" in made.stdout
    assert "secret" in made.stderr
    assert (tmp_path / "saved.tar.gz").stat().st_mode & 0o777 == 0o600

    back = atelier("restore", "saved.tar.gz", folder=tmp_path / "new")
    assert back.exit_code == 0, back.stderr
    assert f"{ROWS} requests" in back.stdout
    assert "revoked" in back.stderr
    assert names_in(tmp_path / "new") == {DATABASE_FILE, LOCK_FILE, "secret.key", "demo.key"}
    assert rows_of(tmp_path / "new") == rows_of(data)
    for name in ("secret.key", "demo.key"):
        assert (tmp_path / "new" / name).read_bytes() == (data / name).read_bytes()
        assert (tmp_path / "new" / name).stat().st_mode & 0o777 == 0o600


def test_a_running_gateways_backup_has_its_keys_and_its_ledger(
    gateway: GatewayThread, fleet: FleetThread, atelier: Run, tmp_path: Path
) -> None:
    key = gateway.key(models=["echo"])
    with gateway.http(key) as http:
        asked = {"model": "echo", "messages": [{"role": "user", "content": "Say it again"}]}
        assert http.post("/v1/chat/completions", json=asked).status_code == 200
        spent = http.get("/v1/me").json()
    assert atelier("backup", "saved.tar.gz", folder=gateway.data_dir).exit_code == 0
    assert atelier("restore", "saved.tar.gz", folder=tmp_path / "new").exit_code == 0
    (tmp_path / "again").mkdir()
    again = GatewayThread(tmp_path / "again", fleet)
    shutil.copytree(tmp_path / "new", again.data_dir, dirs_exist_ok=True)
    with again, again.http(key) as http:
        assert http.get("/v1/me").json() == spent
    with closing(sqlite3.connect(tmp_path / "new" / DATABASE_FILE)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_writers_go_on_while_a_backup_is_taken(data: Path, tmp_path: Path) -> None:
    """What is written after the copy began is not in it, and is not kept from being written."""
    with closing(sqlite3.connect(data / DATABASE_FILE, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE team SET name = 'written meanwhile'")
        backup.back_up(data, tmp_path / "saved.tar.gz", None)
        writer.execute("COMMIT")
    backup.restore(tmp_path / "saved.tar.gz", tmp_path / "new")
    assert all(name != "written meanwhile" for _, name, *_ in rows_of(tmp_path / "new")["team"])
    assert all(name == "written meanwhile" for _, name, *_ in rows_of(data)["team"])


def test_nothing_is_left_beside_the_backup(data: Path, atelier: Run, tmp_path: Path) -> None:
    atelier("backup", "saved.tar.gz")
    assert names_in(tmp_path) == {"data", "saved.tar.gz"}


def test_templates_of_ones_own_come_along(data: Path, atelier: Run, tmp_path: Path) -> None:
    brands = tmp_path / "mine" / "brands"
    brands.mkdir(parents=True)
    (brands / "acme.yaml").write_text("id: acme\n")
    (brands / "notes.txt").write_text("not a template")
    (tmp_path / "config.yaml").write_text(GOOD + "templates: {path: mine}\n")
    assert atelier("backup", "saved.tar.gz").exit_code == 0
    back = atelier("restore", "saved.tar.gz", folder=tmp_path / "new")
    assert (tmp_path / "new" / "templates" / "brands" / "acme.yaml").read_text() == "id: acme\n"
    assert not (tmp_path / "new" / "templates" / "brands" / "notes.txt").exists()
    assert "templates.path" in back.stdout


def test_a_secret_of_the_environment_is_not_saved_and_that_is_told(data: Path, atelier: Run, tmp_path: Path) -> None:
    made = atelier("backup", "saved.tar.gz", ATELIER_SECRET="canary-secret")
    assert "ATELIER_SECRET" in made.stderr
    with tarfile.open(tmp_path / "saved.tar.gz") as tar:
        assert "secret.key" not in tar.getnames()
        texts = [file.read() for member in tar if (file := tar.extractfile(member)) is not None]
    assert not any(b"canary" in text for text in texts)
    assert "ATELIER_SECRET" in atelier("restore", "saved.tar.gz", folder=tmp_path / "new").stdout


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda data: (data / DATABASE_FILE).unlink(), "no store"),
        (lambda data: (data / "secret.key").unlink(), "secret.key is missing"),
        (lambda data: (data / DATABASE_FILE).write_bytes(b"no database" * 1000), "cannot be read"),
    ],
)
def test_what_cannot_be_saved_is_told(
    data: Path, atelier: Run, tmp_path: Path, spoil: Callable[..., object], told: str
) -> None:
    spoil(data)
    assert told in sentence(atelier("backup", "saved.tar.gz"))
    assert not (tmp_path / "saved.tar.gz").exists()


def test_a_damaged_database_is_not_saved_as_if_it_were_whole(data: Path, atelier: Run, tmp_path: Path) -> None:
    file = data / DATABASE_FILE
    with closing(sqlite3.connect(file)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] + os.urandom(4096 * 8) + whole[len(whole) // 2 + 4096 * 8 :])
    sentence(atelier("backup", "saved.tar.gz"))
    assert not (tmp_path / "saved.tar.gz").exists()


@pytest.mark.parametrize("name", ["atelier.db", "archive", "secret.key"])
def test_a_backup_may_have_any_name(data: Path, atelier: Run, tmp_path: Path, name: str) -> None:
    assert atelier("backup", name).exit_code == 0
    assert atelier("restore", name, folder=tmp_path / "new").exit_code == 0


def test_a_backup_overwrites_nothing(data: Path, atelier: Run, tmp_path: Path) -> None:
    (tmp_path / "saved.tar.gz").write_text("the only one")
    assert "exists already" in sentence(atelier("backup", "saved.tar.gz"))
    assert (tmp_path / "saved.tar.gz").read_text() == "the only one"


def test_a_place_that_cannot_be_written_to_is_a_sentence(data: Path, atelier: Run) -> None:
    sentence(atelier("backup", "/proc/self/saved.tar.gz"))
    sentence(atelier("backup", "no/such/folder/saved.tar.gz"))


def test_with_postgresql_its_own_programs_do_it(atelier: Run) -> None:
    url = "postgresql://atelier:canary@127.0.0.1/x"
    for command in ("backup", "restore"):
        told = sentence(atelier(command, "saved.tar.gz", ATELIER_DATABASE_URL=url))
        assert "docs/operations.md" in told
        assert "canary" not in told


@pytest.fixture
def saved(data: Path, tmp_path: Path) -> Path:
    target = tmp_path / "saved.tar.gz"
    backup.back_up(data, target, None)
    return target


def test_a_folder_that_a_gateway_serves_from_is_left_alone(saved: Path, data: Path, atelier: Run) -> None:
    before = names_in(data)
    with (data / LOCK_FILE).open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "process 4711" in sentence(atelier("restore", "--force", saved))
    assert names_in(data) == before | {LOCK_FILE}


def test_a_folder_that_holds_something_is_left_alone(saved: Path, data: Path, atelier: Run) -> None:
    assert "--force" in sentence(atelier("restore", saved))
    assert len(rows_of(data)["team"]) == ROWS


def test_with_force_it_is_moved_aside_and_kept(saved: Path, data: Path, atelier: Run) -> None:
    (data / "secret.key").write_bytes(bytes(32))
    for times in (1, 2):
        done = atelier("restore", "--force", saved)
        assert done.exit_code == 0, done.stderr
        kept = [path for path in data.iterdir() if path.name.startswith(backup.ASIDE)]
        assert len(kept) == times
    assert bytes(32) in {(path / "secret.key").read_bytes() for path in kept}
    assert all((path / DATABASE_FILE).is_file() for path in kept)
    assert (data / "secret.key").read_bytes() != bytes(32)
    assert not [path for path in data.iterdir() if path.name.startswith(".")]


def test_what_a_restore_that_was_killed_has_left_is_moved_aside_too(saved: Path, data: Path, atelier: Run) -> None:
    (data / ".restore-killed").mkdir()
    (data / ".restore-killed" / "secret.key").write_bytes(bytes(32))
    done = atelier("restore", "--force", saved)
    assert done.exit_code == 0, done.stderr
    (aside,) = [path for path in data.iterdir() if path.name.startswith(backup.ASIDE)]
    assert (aside / ".restore-killed" / "secret.key").is_file()
    assert not (data / ".restore-killed").exists()


def test_a_damaged_backup_changes_nothing(saved: Path, data: Path, atelier: Run) -> None:
    whole, before = bytearray(saved.read_bytes()), rows_of(data)
    names = names_in(data)
    for place in (0, 5, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        sentence(atelier("restore", "--force", saved))
    assert names_in(data) - {LOCK_FILE} == names - {LOCK_FILE}
    assert rows_of(data) == before


@pytest.mark.parametrize("name", ["atelier.db-wal", "config.yaml", "templates.yaml", "templates/x.py", "atelier.lock"])
def test_a_file_that_no_backup_has_is_refused(saved: Path, data: Path, tmp_path: Path, name: str) -> None:
    forged = tmp_path / "forged.tar.gz"
    facts = backup._facts(data / DATABASE_FILE)
    files = {DATABASE_FILE: data / DATABASE_FILE, name: data / "secret.key"}
    archive.write(forged, files, facts)
    with pytest.raises(MoveRefused, match=name):
        backup.restore(forged, tmp_path / "new")
    assert names_in(tmp_path / "new") == {LOCK_FILE}


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_of_another_size_is_refused(data: Path, tmp_path: Path, size: int) -> None:
    (data / "other").write_bytes(bytes(size))
    files = {DATABASE_FILE: data / DATABASE_FILE, "secret.key": data / "other"}
    archive.write(tmp_path / "forged.tar.gz", files, backup._facts(data / DATABASE_FILE))
    with pytest.raises(MoveRefused, match=r"secret\.key"):
        backup.restore(tmp_path / "forged.tar.gz", tmp_path / "new")


@pytest.mark.parametrize("fact", ["rows", "sums", "schema"])
def test_a_database_that_does_not_agree_with_its_manifest_is_refused(data: Path, tmp_path: Path, fact: str) -> None:
    facts = backup._facts(data / DATABASE_FILE) | {fact: "something else"}
    archive.write(tmp_path / "forged.tar.gz", {DATABASE_FILE: data / DATABASE_FILE}, facts)
    with pytest.raises(MoveRefused, match=fact):
        backup.restore(tmp_path / "forged.tar.gz", tmp_path / "new")


@pytest.mark.parametrize("made_at", [None, "", "now", "2027-01-31T00:00:00Z\x1b[2J"])
def test_a_time_that_is_none_is_not_shown(data: Path, tmp_path: Path, made_at: object) -> None:
    facts = backup._facts(data / DATABASE_FILE) | {"made_at": made_at}
    archive.write(tmp_path / "forged.tar.gz", {DATABASE_FILE: data / DATABASE_FILE}, facts)
    with pytest.raises(MoveRefused, match="when it was made"):
        backup.restore(tmp_path / "forged.tar.gz", tmp_path / "new")


def test_a_backup_without_a_database_is_refused(data: Path, tmp_path: Path) -> None:
    archive.write(tmp_path / "forged.tar.gz", {"secret.key": data / "secret.key"}, {})
    with pytest.raises(MoveRefused, match="no database"):
        backup.restore(tmp_path / "forged.tar.gz", tmp_path / "new")


def test_a_backup_of_a_newer_schema_is_refused(data: Path, atelier: Run, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / DATABASE_FILE)) as store, store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    backup.back_up(data, tmp_path / "saved.tar.gz", None)
    told = sentence(atelier("restore", "saved.tar.gz", folder=tmp_path / "new"))
    assert "newer version" in told
    assert names_in(tmp_path / "new") == {LOCK_FILE}


def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    tmp_path: Path, atelier: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def make() -> None:
        with monkeypatch.context() as old:
            old.setattr(schema, "HEAD", "0001")
            database = await open_database(tmp_path / "data", exclusive=False)
            await database.close()

    asyncio.run(make())
    (tmp_path / "data" / "secret.key").write_bytes(bytes(32))
    assert atelier("backup", "saved.tar.gz").exit_code == 0
    with tarfile.open(tmp_path / "saved.tar.gz") as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        assert json.load(manifest)["facts"]["schema"] == "0001"
    back = atelier("restore", "saved.tar.gz", folder=tmp_path / "new")
    assert "schema 0001" in back.stdout
    assert "spend_rollup" in rows_of(tmp_path / "new")


def test_a_file_that_is_not_there(atelier: Run, tmp_path: Path) -> None:
    assert "no file" in sentence(atelier("restore", "nothing.tar.gz", folder=tmp_path / "new"))
