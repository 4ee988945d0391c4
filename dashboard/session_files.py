"""Sign-ins on the disk, so that they outlive a restart of the dashboard: a file each, sealed with the session's own id.

Only the browser has the id, so nobody else can open a file, and its name is a digest that leads nowhere. Dashboards that
share the folder share the sign-ins. A folder that cannot be written keeps none: they then end with the process.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAD = "atelier/dashboard-session/pad/v1"  # an id seals one file, once: its pad is used for nothing else
TAG = "atelier/dashboard-session/tag/v1"
TAG_BYTES = 32

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A sign-in as it was kept: the key or session token, and how many seconds ago it began."""

    key: str
    age: float

    def __repr__(self) -> str:
        return f"Kept(age={self.age!r})"


class SessionFiles:
    """`life`: seconds after which a sign-in is none any more. `now`: Unix seconds. Any thread, any process."""

    def __init__(self, folder: Path, life: float, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._life = life
        self._now = now

    def keep(self, session_id: str, key: str) -> bool:
        """Whether it could be kept. What is too old is swept out on the way."""
        text = json.dumps({"key": key, "began": self._now()})
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            descriptor = os.open(self._path(session_id), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_sealed(session_id, text.encode()))
        except OSError as error:
            log.warning("Sign-ins cannot be kept and end with this process: %s", error.strerror)
            return False
        return True

    def has(self, session_id: str) -> bool:
        return self._path(session_id).exists()

    def recall(self, session_id: str) -> Kept | None:
        """None for an id that is nobody's, or whose time is over."""
        try:
            text = _opened(session_id, self._path(session_id).read_bytes())
        except OSError:
            return None
        if text is None:
            return None
        facts = json.loads(text)
        age = max(0.0, self._now() - facts["began"])
        return Kept(facts["key"], age) if age <= self._life else None

    def forget(self, session_id: str) -> None:
        with suppress(OSError):
            self._path(session_id).unlink()

    def _path(self, session_id: str) -> Path:
        return self._folder / hashlib.sha256(session_id.encode(errors="replace")).hexdigest()

    def _sweep(self) -> None:
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another dashboard was faster
                if self._now() - path.stat().st_mtime > self._life:
                    path.unlink()


def derive(session_id: str, label: str, length: int = 32) -> bytes:
    """Bytes that nobody guesses without the id, others for each label: SHAKE256 over both. An id is 256 random bits."""
    return hashlib.shake_256(f"{label}\n{session_id}".encode(errors="replace")).digest(length)


def _sealed(session_id: str, text: bytes) -> bytes:
    covered = _covered(session_id, text)
    return hmac.digest(derive(session_id, TAG), covered, "sha256") + covered


def _opened(session_id: str, data: bytes) -> bytes | None:
    """None when it is not whole, or was sealed with another id."""
    tag, covered = data[:TAG_BYTES], data[TAG_BYTES:]
    whole = hmac.compare_digest(tag, hmac.digest(derive(session_id, TAG), covered, "sha256"))
    return _covered(session_id, covered) if whole and covered else None


def _covered(session_id: str, text: bytes) -> bytes:
    """With the pad over it; twice is as it was."""
    return bytes(a ^ b for a, b in zip(text, derive(session_id, PAD, len(text)), strict=True))
