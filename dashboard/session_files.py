"""Sign-ins on the disk, so that they outlive a restart of the dashboard: a file each, sealed with the session's own id.

Only the browser has the id, so nobody else can open a file, and its name is a digest that leads nowhere. Dashboards that
share the folder share the sign-ins. A folder that cannot be written keeps none: they then end with the process.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

LABEL = "atelier/dashboard-session/v1"

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
                file.write(_seal(session_id).encrypt(text.encode()))
        except OSError as error:
            log.warning("Sign-ins cannot be kept and end with this process: %s", error.strerror)
            return False
        return True

    def has(self, session_id: str) -> bool:
        return self._path(session_id).exists()

    def recall(self, session_id: str) -> Kept | None:
        """None for an id that is nobody's, or whose time is over."""
        try:
            facts = json.loads(_seal(session_id).decrypt(self._path(session_id).read_bytes()))
        except (OSError, InvalidToken):
            return None
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


def _seal(session_id: str) -> Fernet:
    """Of the id's own 256 random bits; the label keeps it apart from the file's name, which is their digest too."""
    return Fernet(urlsafe_b64encode(hashlib.sha256(f"{LABEL}\n{session_id}".encode(errors="replace")).digest()))
