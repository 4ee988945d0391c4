"""The versions of the configuration that were served, each with the texts of its editable sections, in the data folder.

Nothing else of the files is kept: credentials stay where they are. A folder that cannot be written keeps nothing and logs
a warning; a version that cannot be read counts as absent. Blocks for the disk.
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

from gateway.config import edit
from gateway.config.problems import MANY

FOLDER = "config-history"  # below the data folder
MOST, MOST_ASIDE = 50, 10
UNSERVED = "unserved-"
ON_DISK = "file"  # who changed it, where nobody did over HTTP
_VERSION = re.compile(r"[0-9a-f]{12}")

log = structlog.get_logger(__name__)


class Clock(Protocol):
    def now(self) -> float: ...  # Unix seconds


@dataclass(frozen=True, slots=True)
class Version:
    """One that was served. `at`: Unix seconds; `what`: how it differed from the one before, in sentences."""

    version: str
    at: float
    by: str
    what: tuple[str, ...]


class History:
    """Newest first, at most 50. Several processes may keep the same version at once."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._folder = data_dir / FOLDER
        self._clock = clock

    def keep(self, version: str, texts: Mapping[Path, str], by: str, what: Sequence[str]) -> None:
        """Keep what is served now; `texts` are the main file, first, and those it includes. Never raises for the disk.

        A version that is the newest already stays as it is, but for a better answer to who made it. Where nobody says
        who made it and what is different, what was said before goes on to be true.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._alone():
                self._keep(version, texts, by, what)
        except OSError as error:
            log.warning("config_version_not_kept", version=version, reason=error.strerror)

    def _keep(self, version: str, texts: Mapping[Path, str], by: str, what: Sequence[str]) -> None:
        known = self.versions()
        newest = known[0] if known else None
        at = self._clock.now()
        if newest is not None and newest.version == version:
            if newest.by != ON_DISK or by == ON_DISK:
                return
            at = newest.at
        if by == ON_DISK and not what:
            by, what = next(((each.by, each.what) for each in known if each.version == version), (by, what))
        entry = {
            "version": version,
            "at": at if newest is None else max(at, newest.at),
            "by": by,
            "what": list(what)[:MANY],
            "sections": {name: part.text for name, part in edit.parts(texts).items() if part.line is not None},
        }
        self._write(self._path(version), json.dumps(entry))
        for old in self.versions()[MOST:]:
            self._path(old.version).unlink(missing_ok=True)

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
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        target = self._folder / f"{UNSERVED}{digest}.yaml"
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
        found = [entry for path in self._files() if (entry := _read(path)) is not None]
        order = sorted(found, key=lambda entry: (entry["at"], entry["order"]), reverse=True)
        return tuple(Version(each["version"], each["at"], each["by"], tuple(each["what"])) for each in order)

    def sections(self, version: str) -> dict[str, str] | None:
        """The text of every editable section in this version, "" for one that it did not have; None: it is not kept."""
        entry = _read(self._path(version)) if _VERSION.fullmatch(version) else None
        return None if entry is None else {name: entry["sections"].get(name, "") for name in edit.EDITABLE}

    def _files(self) -> list[Path]:
        try:
            return [path for path in self._folder.iterdir() if path.suffix == ".json"]
        except OSError:
            return []

    def _path(self, version: str) -> Path:
        return self._folder / f"{version}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _read(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        shown = {name: entry[name] for name in ("version", "at", "by", "what", "sections")}
        return {**shown, "order": path.stat().st_mtime_ns}
    return None
