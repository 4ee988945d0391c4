"""What was served when, in the data folder: an entry for each change, with the texts of the sections that can be edited.

Entries are added and never changed. Nothing else of the files is kept: credentials stay where they are. A folder that
cannot be written keeps nothing and logs a warning; an entry that cannot be read counts as absent. Blocks for the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog

from gateway.config import disk, edit
from gateway.config.problems import MANY

FOLDER = "config-history"  # below the data folder
MOST, MOST_ASIDE = 50, 10
UNSERVED, COMING = "unserved-", "coming-"
ON_DISK = "file"  # who changed it, where nobody did over HTTP
ROTATED = "secret"  # the same, where no text of the configuration is different
SOON = 60.0  # seconds in which what was announced is to be served
FEW = 3  # deployments that are named where more of them change in the same way
_VERSION = re.compile(r"[0-9a-f]{12}")
_ALIKE = re.compile(r"the deployment `([^`]+)`: (.+)")

log = structlog.get_logger(__name__)


class Clock(Protocol):
    def now(self) -> float: ...  # Unix seconds


@dataclass(frozen=True, slots=True)
class Version:
    """One that was served from a moment on. `at`: Unix seconds; `what`: how it differed from the one before.

    `sections`: the text of each that can be edited, "" for one that it did not have.
    """

    version: str
    at: float
    by: str
    what: tuple[str, ...]
    sections: Mapping[str, str]


class History:
    """Newest first, at most 50; a version stands there as often as it came. Several processes may keep the same one."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._folder = data_dir / FOLDER
        self._clock = clock

    def keep(self, version: str, texts: Mapping[Path, str], by: str, what: Sequence[str]) -> str | None:
        """Add what is served from now on; `texts` are the main file, first, and those it includes.

        What is the newest already is not added again. Returns the version before where nobody over HTTP made the
        change, to the one process that adds it. Never raises for the disk.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                return self._keep(version, texts, by, what)
        except OSError as error:
            log.warning("config_version_not_kept", version=version, reason=error.strerror)
            return None

    def _keep(self, version: str, texts: Mapping[Path, str], by: str, what: Sequence[str]) -> str | None:
        known, now = self._entries(), self._clock.now()
        newest = known[0] if known else None
        if newest is not None and newest["version"] == version:
            return None
        digest = _digest("\0".join(texts.values()))
        if by == ON_DISK:
            if _is_behind(version, texts, [each for each in known if each["at"] > now - SOON]):
                return None
            by, what = self._announced(version, now) or (by, what)
        if by == ON_DISK and newest is not None and newest["texts"] == digest:
            by = ROTATED
        number = newest["number"] + 1 if newest is not None else 1
        entry = {
            "number": number,
            "version": version,
            "at": now if newest is None else max(now, newest["at"]),
            "by": by,
            "what": grouped(what)[:MANY],
            "texts": digest,
            "sections": {name: part.text for name, part in edit.parts(texts).items() if part.line is not None},
        }
        self._write(self._folder / f"{number:08d}-{version}.json", json.dumps(entry))
        for old in known[MOST - 1 :]:
            old["path"].unlink(missing_ok=True)
        return newest["version"] if newest is not None and by in {ON_DISK, ROTATED} else None

    def announce(self, version: str, by: str, what: Sequence[str]) -> None:
        """Say who is about to write this version, whichever process sees it first. Never raises for the disk."""
        entry = {"at": self._clock.now(), "by": by, "what": list(what)}
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._folder / f"{COMING}{version}", json.dumps(entry))

    def withdraw(self, version: str) -> None:
        """What was announced is served, or does not come."""
        with suppress(OSError):
            (self._folder / f"{COMING}{version}").unlink(missing_ok=True)

    def _announced(self, version: str, now: float) -> tuple[str, Sequence[str]] | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            entry = json.loads((self._folder / f"{COMING}{version}").read_text(encoding="utf-8"))
            if now - entry["at"] <= SOON:
                return str(entry["by"]), list(entry["what"])
        return None

    def _write(self, target: Path, text: str) -> None:
        making = target.with_suffix(".new")
        handle = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        making.replace(target)

    def set_aside(self, sections: Mapping[str, str]) -> None:
        """Keep sections that were never served and are about to be replaced, as a file beside the versions.

        Never raises for the disk; the last ten are kept.
        """
        text = "\n".join(each for each in sections.values() if each)
        target = self._folder / f"{UNSERVED}{_digest(text)}.yaml"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(target, text)
            log.warning("config_text_set_aside", kept=str(target))
            for old in sorted(self._folder.glob(f"{UNSERVED}*"), key=lambda path: -path.stat().st_mtime_ns)[
                MOST_ASIDE:
            ]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.warning("config_text_not_set_aside", reason=error.strerror)

    def versions(self) -> tuple[Version, ...]:
        """All that are kept, newest first."""
        return tuple(
            Version(each["version"], each["at"], each["by"], tuple(each["what"]), _sections(each))
            for each in self._entries()
        )

    def sections(self, version: str) -> dict[str, str] | None:
        """The text of every editable section when this version came last, "" for one that it did not have.

        None: it is not kept.
        """
        if not _VERSION.fullmatch(version):
            return None
        return next((_sections(each) for each in self._entries() if each["version"] == version), None)

    def _entries(self) -> list[dict[str, Any]]:
        found = [entry for path in self._files() if (entry := _read(path)) is not None]
        return sorted(found, key=lambda entry: (entry["number"], entry["at"], entry["order"]), reverse=True)

    def _files(self) -> list[Path]:
        try:
            return [path for path in self._folder.iterdir() if path.suffix == ".json"]
        except OSError:
            return []

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _is_behind(version: str, texts: Mapping[Path, str], lately: Sequence[Mapping[str, Any]]) -> bool:
    """Whether others have kept this version already, and the files have gone on since this process read them."""
    known = any(each["version"] == version for each in lately)
    return known and any(disk.read(path) != text for path, text in texts.items())


def grouped(what: Sequence[str]) -> list[str]:
    """The sentences, those of deployments that change in the same way as one."""
    alike: dict[str, list[str]] = {}
    for each in what:
        found = _ALIKE.fullmatch(each)
        alike.setdefault(found[2] if found else "", []).append(found[1] if found else each)
    told: dict[str, None] = {}
    for each in what:
        found = _ALIKE.fullmatch(each)
        told[_together(found[2], alike[found[2]]) if found else each] = None
    return list(told)


def _together(change: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the deployment `{names[0]}`: {change}"
    some = ", ".join(f"`{each}`" for each in names[:FEW])
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"{len(names)} deployments ({some}{more}): {change}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _sections(entry: Mapping[str, Any]) -> dict[str, str]:
    return {name: entry["sections"].get(name, "") for name in edit.EDITABLE}


def _read(path: Path) -> dict[str, Any] | None:
    """An entry; those of the first releases have no number, and none of the digest of the files' texts."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        shown = {name: entry[name] for name in ("version", "at", "by", "what", "sections")}
        more = {"number": int(entry.get("number", 0)), "texts": entry.get("texts")}
        return {**shown, **more, "order": path.stat().st_mtime_ns, "path": path}
    return None
