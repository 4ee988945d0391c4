"""`atelier import-litellm`: LiteLLM's config.yaml in our form, and its users, teams and keys in our store.

What is wrong with the file, or with either database, is one sentence, and nothing was written by then. Both may be done
again: what is there already is left alone.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from gateway.accounts.litellm_import import bring, look, peek
from gateway.accounts.litellm_plan import Existing, Plan, made_id, plan
from gateway.accounts.litellm_values import LEFT_OUT
from gateway.clock import SystemClock
from gateway.commands.litellm_file import Rewritten, rewritten
from gateway.commands.output import fail, plainly
from gateway.commands.setting import Setting, read_setting
from gateway.config import environment
from gateway.config.taken import Taken, taken
from gateway.store.database import open_database
from gateway.store.failures import MoveRefused
from gateway.store.litellm_tables import LitellmTables, read_litellm
from gateway.store.secrets import SECRET_FILE, Digesters

OUTPUT = "atelier.yaml"
STDOUT = "-"
NAMED = 3  # objects that a line of the report names
Say = Callable[[str], None]


@click.command("import-litellm")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Whose store gets the keys. Default: FILE itself."
)
@click.option("--database-url", help="LiteLLM's PostgreSQL: take its users, teams and keys over.")
@click.option("--check", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--output", help=f"Where our form goes; - for stdout. Default: {OUTPUT} beside FILE.")
@click.option("--force", is_flag=True, help="Replace what stands there.")
@click.option("--keys-only", is_flag=True, help="Write no file; needs --database-url.")
@plainly
def import_litellm(*, file: Path, config_file: Path | None, database_url: str | None, **options: bool | str) -> None:
    """Turn LiteLLM's config.yaml into ours, and take its keys over.

    FILE itself stays as it is, and could be served as it is.
    """
    check, keys_only = bool(options["check"]), bool(options["keys_only"])
    if keys_only and database_url is None:
        fail("--keys-only needs --database-url: the address of LiteLLM's PostgreSQL.")
    target = str(options["output"] or file.with_name(OUTPUT))
    say: Say = _on(sys.stderr.write if target == STDOUT and not keys_only else sys.stdout.write)
    new = rewritten(file, environment.read_environment())
    write = not keys_only and _may_write(file, target, new.text, force=bool(options["force"]), check=check)
    tables = asyncio.run(read_litellm(database_url)) if database_url is not None else None
    if not keys_only:
        _say_file(new, say)
        _put(target, new.text, write=write and not check, check=check, say=say)
    if tables is not None:
        asyncio.run(_keys(tables, read_setting(config_file or file), check=check, say=say))


def _on(write: Callable[[str], object]) -> Say:
    def say(text: str) -> None:
        write(f"{text}\n")

    return say


def _may_write(file: Path, target: str, text: str, *, force: bool, check: bool) -> bool:
    """Whether there is anything to write. Raises MoveRefused for what would be lost."""
    path = Path(target)
    if target == STDOUT:
        return True
    if path.exists() and path.samefile(file):
        raise MoveRefused(f"{path} is the file to import; choose another --output.")
    if not path.exists():
        return True
    if path.read_text(encoding="utf-8", errors="replace") == text:
        return False
    if not force and not check:
        raise MoveRefused(f"{path} exists already and says something else; choose another --output, or use --force.")
    return True


def _put(target: str, text: str, *, write: bool, check: bool, say: Say) -> None:
    if target == STDOUT:
        if not check:
            sys.stdout.write(text)
        return
    if check:
        say(f"Nothing was written; without --check, our form goes to {target}.")
        return
    if not write:
        say(f"{target} says so already.")
        return
    draft = Path(f"{target}.{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it may hold keys, as FILE does
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        draft.replace(target)
    except OSError as error:
        raise MoveRefused(f"{target} cannot be written ({error.strerror}); choose another --output.") from None
    say(
        f"Wrote {target}; it means what the file of LiteLLM's means here. `atelier check --config {target}` looks at it."
    )


def _say_file(new: Rewritten, say: Say) -> None:
    """A line for each key of LiteLLM's; those of many deployments in one, when the same became of them."""
    same: defaultdict[tuple[str, str, str], list[Taken]] = defaultdict(list)
    for each in taken(new.config):
        name = ".".join(f"[{part}]" if isinstance(part, int) else str(part) for part in each.path)
        shown = ".".join("[]" if isinstance(part, int) else str(part) for part in each.path).replace(".[", "[")
        same[each.verdict, shown if each.path[0] == "model_list" else name, each.why].append(each)
    for (verdict, name, why), found in same.items():
        more = f" ({len(found)} times)" if len(found) > 1 else ""
        say(f"{verdict:<8} line {found[0].mark.line:<4} {name}: {why}{more}")
    counts = [sum(each.verdict == verdict for each in taken(new.config)) for verdict in ("taken", "changed", "ignored")]
    say(f"\n{counts[0]} keys taken, {counts[1]} changed, {counts[2]} ignored.")
    if new.kept:
        names = ", ".join(".".join(spot) for spot in new.kept)
        say(f"Left as LiteLLM writes it, for it is read as it is: {names}.")


async def _keys(tables: LitellmTables, setting: Setting, *, check: bool, say: Say) -> None:
    clock = SystemClock()
    has_secret = setting.env_secret is not None or (setting.folder / SECRET_FILE).is_file()
    if check:
        digests = Digesters(setting.secret() if has_secret else b"none yet")
        found = await peek(setting.folder, setting.url, digests) if has_secret else Existing()
        _say_plan(_planned(tables, found, digests, clock.now()), say, would=True)
        return
    database = await open_database(setting.folder, setting.url, exclusive=False)
    try:
        digests = Digesters(setting.secret())
        wanted = _planned(tables, await look(database.engine, digests), digests, clock.now())
        await bring(database.engine, digests, clock, wanted)
    finally:
        await database.close()
    _say_plan(wanted, say, would=False)


def _planned(tables: LitellmTables, found: Existing, digests: Digesters, now: float) -> Plan:
    return plan(tables, found, made_id(digests.keys.digest), now)


def _say_plan(wanted: Plan, say: Say, *, would: bool) -> None:
    grouped: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in wanted.remarks:
        grouped[each.verdict, each.kind, each.what].append(each.name)
    say("")
    for (verdict, kind, what), names in sorted(grouped.items()):
        say(f"{verdict:<8} {_count(kind, len(names))}: {what} ({_some(names)})")
    new = {"user": len(wanted.users), "team": len(wanted.teams), "key": len(wanted.keys)}
    for kind, number in new.items():
        left_out = sum((each.kind, each.verdict) == (kind, LEFT_OUT) for each in wanted.remarks)
        facts = [f"{number} {'would be ' if would else ''}brought here", f"{wanted.there[kind]} here already"]
        say(f"{kind}s: {', '.join([*facts, *([f'{left_out} left out'] if left_out else [])])}")
    if not any(new.values()) and not wanted.members:
        say("Nothing to do: all of it is here.")


def _count(kind: str, number: int) -> str:
    return f"1 {kind}" if number == 1 else f"{number} {kind}s"


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
