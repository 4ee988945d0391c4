"""Puts a checked change into the files, with its audit entry, and has it served; or says why not.

The files are written inside of the act: the store away, they stay as they are; a commit that fails, they are put back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from gateway.accounts import Actor
from gateway.accounts.config_acts import Passage
from gateway.api.admin.config_shapes import ProblemShape
from gateway.api.state import Services
from gateway.config import disk, edit
from gateway.config.history import ON_DISK, History
from gateway.config.problems import ConfigError
from gateway.errors import Conflict, NotFound, Unprocessable
from gateway.reloading import Trial


async def replace_files(
    found: Services,
    actor: Actor,
    action: Literal["config.edit", "config.restore"],
    trial: Trial,
    old: Mapping[Path, str],
    new: Mapping[Path, str],
) -> None:
    """Write the new texts over the old ones, and serve them. Raises Conflict, Unavailable, Unprocessable."""
    await asyncio.to_thread(_keep, found, old)
    what = [each.what for each in trial.differences]
    passage = Passage(action, found.serving.version, trial.config.version, what)
    writing = disk.Writing(found.serving.config.data_dir, old, new)
    async with _announced(found, actor, passage):
        try:
            await found.accounts.config.record(actor, passage, writing.write, writing.put_back)
        except disk.Changed as error:
            raise _not_served(found, error) from None
        except disk.NotWritable as error:
            message = f"{error}. Change the configuration where it comes from; `check` has shown the new text."
            raise Conflict(message, code="config_not_writable") from None
        await _serve(found, actor)


async def read_anew(found: Services, actor: Actor) -> None:
    """Read the files now. Raises Unprocessable, and Unavailable before anything was done."""
    found.accounts.config.may_edit(actor)
    try:
        trial = await found.reloader.try_texts({})
    except ConfigError as error:
        raise unfit(error) from None
    what = [each.what for each in trial.differences]
    passage = Passage("config.reload", found.serving.version, trial.config.version, what)
    async with _announced(found, actor, passage):
        await found.accounts.config.record(actor, passage)
        await _serve(found, actor)


def as_on_disk(found: Services) -> dict[Path, str]:
    """The files as they are now. Raises Conflict when they hold another valid version, which nobody here has seen yet."""
    texts: dict[Path, str] = {}
    for path, served in found.serving.config.sources.texts.items():
        text = disk.read(path)
        if text is None or (text != served and found.reloader.rejected is None):
            raise _not_served(found, path)
        texts[path] = text
    return texts


@asynccontextmanager
async def _announced(found: Services, actor: Actor, passage: Passage) -> AsyncIterator[None]:
    """The new version is this actor's, whichever process sees it first."""
    history = History(found.serving.config.data_dir, found.clock)
    await asyncio.to_thread(history.announce, passage.after, actor.id, passage.what)
    try:
        yield
    finally:
        await asyncio.to_thread(history.withdraw, passage.after)


async def _serve(found: Services, actor: Actor) -> None:
    """Load what was written."""
    try:
        await found.reloader.reload(actor.id)
    except ConfigError as error:
        raise unfit(error, "It is written, but something else on the disk has changed meanwhile") from None


def _keep(found: Services, old: Mapping[Path, str]) -> None:
    """What serves can be restored; and what somebody wrote and nobody served is not lost when it is replaced."""
    config = found.serving.config
    history, served = History(config.data_dir, found.clock), config.sources.texts
    if history.sections(config.version) is None:
        history.keep(config.version, served, ON_DISK, ())
    if old != served:
        before = edit.parts(served)
        history.set_aside({name: part.text for name, part in edit.parts(old).items() if part.text != before[name].text})


def unfit(error: ConfigError, what: str = "Nothing was changed") -> Unprocessable:
    """The problems as a refusal; what serves goes on."""
    details = [ProblemShape.of(each).model_dump() for each in error.problems]
    return Unprocessable(f"The configuration is not valid: see 'details'. {what}.", details=details)


def conflict(message: str) -> Conflict:
    return Conflict(f"{message} Read it again, then repeat the change.", code="version_conflict")


def _not_served(found: Services, file: object) -> Conflict:
    rejected = found.reloader.rejected
    if rejected is not None:
        mark, more = rejected.problems[0].mark, len(rejected.problems) - 1
        others = f", and {more} more" if more else ""
        place = f"{Path(mark.file).name} has a mistake at {mark.line}:{mark.column}{others}"
        return Conflict(f"{place}; mend it first. `GET /admin/config` lists what is wrong.", code="version_conflict")
    return conflict(f"{file} was changed on the disk, and what it says is not served (yet).")


def not_there(version: str) -> NotFound:
    return NotFound(
        f"There is no version '{version[:20]}' of the configuration. GET /admin/config/versions lists them."
    )
