"""`atelier backup`, `restore` and `migrate`: the store to a file and back, and from SQLite to PostgreSQL.

Nothing is overwritten and nothing is half done: what fails leaves everything as it was, with a sentence that says why.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from gateway.clock import SystemClock
from gateway.commands.output import CONFIG, plainly, say, tell
from gateway.commands.setting import Setting, read_setting
from gateway.ledger.prices import usd
from gateway.ledger.sqlite import SqliteLedger
from gateway.store.archive import Manifest
from gateway.store.backup import TEMPLATES, back_up
from gateway.store.backup import restore as restore_backup
from gateway.store.database import DATABASE_FILE, open_database
from gateway.store.failures import MoveRefused
from gateway.store.secrets import SECRET_FILE, load_or_create_secret, parse_secret, shown_secret
from gateway.store.transfer import Transferred, transfer

FILE = click.Path(path_type=Path, dir_okay=False)
KEEP_IT = (
    "{file} holds the gateway's secret, and a demo key that works where there is one: "
    "keep it as you would keep a password."
)
BACK_AGAIN = (
    "People, keys, sessions and budgets stand as they did then: "
    "what was revoked, blocked or erased since is back, and has to be done again."
)


@click.command()
@CONFIG
@click.argument("file", type=FILE)
@plainly
def backup(config_file: Path | None, file: Path) -> None:
    """Write everything that the embedded gateway keeps to FILE.

    It becomes a .tar.gz, taken beside the running gateway.
    """
    setting = read_setting(config_file)
    _embedded_only(setting, "pg_dump makes its backups")
    manifest = back_up(setting.folder, file, setting.templates, secret=setting.env_secret is None)
    say(f"Wrote {file}: {file.stat().st_size:,} bytes, {len(manifest.members)} files, {_sums(manifest)}.")
    if setting.env_secret is None:
        tell(KEEP_IT.format(file=file))
    else:
        tell("The secret is in ATELIER_SECRET, not in the backup: without it no key works after a restore.")


@click.command()
@CONFIG
@click.option("--force", is_flag=True, help="Move what is in the folder aside, and keep it.")
@click.argument("file", type=FILE)
@plainly
def restore(config_file: Path | None, file: Path, *, force: bool) -> None:
    """Put the contents of a backup into the data folder.

    Nothing is changed before everything in it was checked.
    """
    setting = read_setting(config_file)
    _embedded_only(setting, "pg_restore brings its dumps back")
    done = restore_backup(file, setting.folder, force=force)
    facts = done.manifest.facts
    say(f"Restored the backup of {facts['made_at']} into {setting.folder}: {_sums(done.manifest)}; all of it agrees.")
    if done.migrated_from is not None:
        say(f"Its schema {done.migrated_from} was brought up to this version's.")
    if done.aside is not None:
        say(f"What was there before lies in {done.aside}.")
    if any(name.startswith(f"{TEMPLATES}/") for name in done.manifest.members):
        say(f"Templates of your own lie in {setting.folder / TEMPLATES}: let templates.path name that folder.")
    if SECRET_FILE not in done.manifest.members:
        say("The secret was not in the backup: set ATELIER_SECRET to the one that was used then.")
    tell(BACK_AGAIN)


@click.command()
@CONFIG
@click.option("--to", "url", help="postgresql://user:password@host/name. Default: ATELIER_DATABASE_URL.")
@click.option("--secret-file", type=FILE, help="Write the value for ATELIER_SECRET to this new file.")
@plainly
def migrate(config_file: Path | None, url: str | None, secret_file: Path | None) -> None:
    """Copy everything from SQLite to an empty PostgreSQL database."""
    setting = read_setting(config_file)
    url = url or setting.url
    if url is None or not url.startswith("postgres"):
        raise MoveRefused("Name the PostgreSQL database: --to postgresql://user:password@host/name.")
    if not (setting.folder / DATABASE_FILE).is_file():
        raise MoveRefused(f"There is no store in {setting.folder}; set ATELIER_DATA_DIR to the folder to migrate from.")
    if secret_file is not None and secret_file.exists():
        raise MoveRefused(f"{secret_file} exists already; choose another name.")
    done = asyncio.run(_migrate(setting.folder, url))
    _say_transferred(done)
    _carry_secret(setting, secret_file)
    if setting.templates is not None:
        say(f"Templates are files: let every host have the folder {setting.templates.absolute()}.")
    say(f"{setting.folder} is as it was; do not serve from it any more.")


async def _migrate(folder: Path, url: str) -> Transferred:
    source = await open_database(folder, exclusive=True)
    try:
        ledger = SqliteLedger(folder / DATABASE_FILE, SystemClock())
        await ledger.start()
        try:
            await ledger.recover()  # what a crash left open is settled here, where its holds are
        finally:
            await ledger.close()
        target = await open_database(folder, url, exclusive=False)
        try:
            return await transfer(source.engine, target.engine, _progress)
        finally:
            await target.close()
    finally:
        await source.close()


def _progress(table: str, done: int, total: int) -> None:
    """One line that counts up on a terminal; elsewhere only the end of each table."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{table}: {done:,} of {total:,} rows" + ("\n" if done >= total else ""))
    elif done >= total:
        sys.stderr.write(f"{table}: {done:,} rows\n")


def _say_transferred(done: Transferred) -> None:
    say(f"Copied {sum(done.rows.values()):,} rows; each of the {len(done.rows)} tables has as many as before.")
    by = done.by
    say(
        f"The ledger's {done.rows['ledger']:,} lines cost {usd(done.cost_nano)} USD on both sides: equal by key "
        f"({by['key_id']}), user ({by['user']}), team ({by['team']}), brand ({by['brand']}) and tenant ({by['tenant']})."
    )
    say(f"The {done.accounts:,} budget accounts have equal limits, sums and windows.")


def _carry_secret(setting: Setting, secret_file: Path | None) -> None:
    """Keys are found by digests, so the new set-up needs the same secret."""
    own = setting.folder / SECRET_FILE
    if not own.exists():
        say("Let every gateway have ATELIER_SECRET as it is set now: keys are found with it.")
        return
    secret = load_or_create_secret(setting.folder)
    if setting.env_secret is not None and parse_secret(setting.env_secret) != secret:
        tell(f"ATELIER_SECRET is set, but is not the secret in {own}; keys work with the one they were made under.")
    if secret_file is None:
        say(f"Keys need the secret in {own} again: run `atelier secret FILE` to have it as ATELIER_SECRET's value.")
        return
    _write_secret(secret_file, secret)
    say(f"Set ATELIER_SECRET on every host to what stands in {secret_file}: keys are found with it.")


@click.command()
@click.argument("file", type=FILE)
@plainly
def secret(file: Path) -> None:
    """Write the data folder's secret to a new FILE, for ATELIER_SECRET."""
    setting = read_setting(None)
    if not (setting.folder / SECRET_FILE).is_file():
        raise MoveRefused(f"There is no {setting.folder / SECRET_FILE}.")
    _write_secret(file, load_or_create_secret(setting.folder))
    tell(f"Set ATELIER_SECRET on every host to what stands in {file}, and keep it as you would keep a password.")


def _write_secret(file: Path, secret: bytes) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(f"{shown_secret(secret)}\n")
    except OSError as error:
        raise MoveRefused(f"{file} cannot be written ({error.strerror}); choose another name.") from None


def _embedded_only(setting: Setting, instead: str) -> None:
    if setting.url is not None:
        raise MoveRefused(f"The store is PostgreSQL: {instead}, as docs/operations.md shows.")


def _sums(manifest: Manifest) -> str:
    sums = manifest.facts["sums"]
    return f"{sums['requests']:,} requests, {sums['ledger_lines']:,} ledger lines, {usd(sums['cost_nano'])} USD"
