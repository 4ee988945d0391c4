"""Backup and restore of the embedded set-up: a data folder to one file, and back.

A backup is taken beside a running gateway, in one read of SQLite's own, and disturbs no writer. A restore changes nothing
until the whole file was unpacked beside the folder's contents, checked and migrated; then the old contents are moved aside
and the new ones in, the database last. Whatever is wrong is `MoveRefused`, with a sentence.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, BigInteger, Engine, column, create_engine, func, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from gateway import __version__
from gateway.store import archive, schema
from gateway.store.archive import Manifest
from gateway.store.database import DATABASE_FILE, LOCK_FILE, lock_folder, make_folder, open_database
from gateway.store.failures import MoveRefused
from gateway.store.secrets import SECRET_BYTES, SECRET_FILE

DEMO_KEY_FILE = "demo.key"
TEMPLATES = "templates"
ASIDE = "before-restore-"
_STAGE = ".restore-"
_MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_MARGIN = 64 * 1024 * 1024  # bytes that stay free
_TEMPLATE, _DEMO_KEY = 512 * 1024, 4096  # most bytes


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `aside`: where the folder's earlier contents are; `migrated_from`: an older schema, or None."""

    manifest: Manifest
    aside: Path | None
    migrated_from: str | None


def back_up(data_dir: Path, target: Path, templates: Path | None, *, secret: bool = True) -> Manifest:
    """Write the folder's database, secret, demo key and the admin's own `templates` to a new file. Raises MoveRefused.

    `secret` False: it is not in the folder, but in the environment, and is not saved.
    """
    database = data_dir / DATABASE_FILE
    if not database.is_file():
        raise MoveRefused(f"There is no store in {data_dir}; set ATELIER_DATA_DIR to the folder that the gateway uses.")
    if secret and not (data_dir / SECRET_FILE).is_file():
        raise MoveRefused(f"{data_dir / SECRET_FILE} is missing; without it no key in the store can be used again.")
    if target.exists():
        raise MoveRefused(f"{target} exists already; choose another name.")
    with (
        _explained(target),
        tempfile.TemporaryDirectory(dir=target.absolute().parent, prefix=".atelier-backup-") as name,
    ):
        work = Path(name)
        snapshot = work / DATABASE_FILE
        _copy(database, snapshot)
        kept = (SECRET_FILE, DEMO_KEY_FILE) if secret else (DEMO_KEY_FILE,)
        files = {each: data_dir / each for each in kept if (data_dir / each).is_file()}
        files |= _templates(templates) | {DATABASE_FILE: snapshot}
        manifest = archive.write(work / "archive", files, _facts(snapshot))
        (work / "archive").replace(target)
    return manifest


def restore(source: Path, data_dir: Path, *, force: bool = False) -> Restored:
    """Put a backup's contents into the folder. Raises MoveRefused, StoreInUse and StoreUnavailable; nothing is lost then.

    A folder that holds something already is refused without `force`; with it, that is moved aside and kept.
    """
    if not source.is_file():
        raise MoveRefused(f"There is no file {source}.")
    make_folder(data_dir)
    lock = lock_folder(data_dir)
    try:
        contents = _contents(data_dir)
        if contents and not force:
            raise MoveRefused(f"{data_dir} is not empty; with --force its contents are moved aside, and kept.")
        with _explained(data_dir), tempfile.TemporaryDirectory(dir=data_dir, prefix=_STAGE) as name:
            stage = Path(name)
            manifest = archive.unpack(source, stage, room=shutil.disk_usage(data_dir).free - _MARGIN)
            _check_members(manifest)
            _check_facts(stage / DATABASE_FILE, manifest)
            migrated_from = _migrate(stage, manifest)
            aside = _move_aside(data_dir, contents)
            for path in sorted(stage.iterdir(), key=lambda path: path.name == DATABASE_FILE):
                path.rename(data_dir / path.name)
            _sync(data_dir)
    finally:
        os.close(lock)
    return Restored(manifest, aside, migrated_from)


def _copy(database: Path, snapshot: Path) -> None:
    """All pages in one read transaction, so that writers go on; then alone in its file, without a log beside it."""
    with (
        closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as source,
        closing(sqlite3.connect(snapshot)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE").close()
    snapshot.chmod(0o600)


def _templates(folder: Path | None) -> dict[str, Path]:
    if folder is None:
        return {}
    files = sorted(path for path in folder.rglob("*.yaml") if path.is_file())
    return {f"{TEMPLATES}/{path.relative_to(folder).as_posix()}": path for path in files}


def _facts(database: Path) -> dict[str, Any]:
    """What can be counted again after a restore. Refuses a database that is damaged already."""
    made_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with _engine(database) as engine, engine.connect() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise MoveRefused(
                f"The database is damaged ({str(found).splitlines()[-1]}); restore it from an earlier backup."
            )
        names = inspect(connection).get_table_names()
        rows = {name: connection.execute(select(func.count()).select_from(table(name))).scalar_one() for name in names}
        if missing := {"alembic_version", "request", "ledger"} - set(names):
            raise MoveRefused(f"The database is not one of Atelier's: it has no table {min(missing)}.")
        version = connection.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()
        total = select(func.coalesce(func.sum(column("cost_nano", BigInteger)), 0)).select_from(table("ledger"))
        cost_nano = connection.execute(total).scalar_one()
    return {
        "made_at": made_at,
        "version": __version__,
        "schema": version,
        "rows": rows,
        "sums": {"requests": rows["request"], "ledger_lines": rows["ledger"], "cost_nano": cost_nano},
    }


def _check_members(manifest: Manifest) -> None:
    for name, member in manifest.members.items():
        if not _fits(name, member.size):
            raise MoveRefused(f"The backup holds {name} with {member.size} bytes, which no backup of Atelier's does.")
    if DATABASE_FILE not in manifest.members:
        raise MoveRefused("The backup holds no database.")


def _fits(name: str, size: int) -> bool:
    if name.startswith(f"{TEMPLATES}/"):
        return size <= _TEMPLATE and name.endswith(".yaml")
    return (
        name == DATABASE_FILE
        or (name == SECRET_FILE and size == SECRET_BYTES)
        or (name == DEMO_KEY_FILE and size <= _DEMO_KEY)
    )


def _check_facts(database: Path, manifest: Manifest) -> None:
    """The database says what its maker said of it. One of a newer schema is told by the migration."""
    found = _facts(database)
    if not re.fullmatch(_MOMENT, str(manifest.facts.get("made_at"))):
        raise MoveRefused("The backup does not say when it was made; take another one.")
    for fact in ("schema", "rows", "sums"):
        if found[fact] != manifest.facts.get(fact):
            raise MoveRefused(f"The backup's database does not agree with its manifest ({fact}); take another one.")


def _migrate(stage: Path, manifest: Manifest) -> str | None:
    """The schema that the backup had, when it was an older one."""
    before = manifest.facts["schema"]
    asyncio.run(_open_once(stage))
    if _facts(stage / DATABASE_FILE)["sums"] != manifest.facts["sums"]:
        raise MoveRefused("The database's sums changed while its schema was brought up to date; nothing was restored.")
    return None if before == schema.HEAD else str(before)


async def _open_once(stage: Path) -> None:
    database = await open_database(stage, exclusive=False)
    await database.close()


def _contents(data_dir: Path) -> list[Path]:
    """What a restore would be in the way of: everything but the lock and what earlier restores moved aside."""
    return [path for path in data_dir.iterdir() if path.name != LOCK_FILE and not path.name.startswith(ASIDE)]


def _move_aside(data_dir: Path, contents: list[Path]) -> Path | None:
    if not contents:
        return None
    aside = Path(tempfile.mkdtemp(dir=data_dir, prefix=f"{ASIDE}{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-"))
    for path in contents:
        path.rename(aside / path.name)
    return aside


def _sync(folder: Path) -> None:
    """What was moved stays moved, whatever happens to the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _engine(database: Path) -> Iterator[Engine]:
    engine = create_engine(URL.create("sqlite", database=str(database)), poolclass=NullPool)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _explained(where: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError) as error:
        reason = getattr(error, "orig", None) or error
        raise MoveRefused(f"The database cannot be read ({reason}); nothing was changed.") from None
    except OSError as error:
        raise MoveRefused(
            f"{error.filename or where} cannot be used ({error.strerror}); nothing was changed."
        ) from None
