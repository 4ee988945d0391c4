"""Passwords: which are taken, and their argon2id hashes, made off the loop, two at a time. Nothing here is stored.

A hash that cannot be read counts as a wrong password. Parameters are argon2-cffi's (RFC 9106, low memory: 64 MiB).
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import Unprocessable

SHORTEST, LONGEST = 10, 200
AT_ONCE = 2  # each takes 64 MiB
COMMONEST = Path(__file__).with_name("common_passwords.txt")


class Passwords:
    """Hashes and checks."""

    def __init__(self, hasher: PasswordHasher | None = None, common: Iterable[str] | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._common = frozenset(common if common is not None else COMMONEST.read_text().split())
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._nobodys: str | None = None  # the hash that a stranger's password is compared with

    async def hash(self, password: str, email: str | None, *, param: str = "password") -> str:
        """Raises Unprocessable for one that is too short, too long, too common or the e-mail itself."""
        normal = self._checked(password, email, param)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, normal)

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Takes as long for nobody (None) as for somebody."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, password, hashed)

    def _verify(self, password: str, hashed: str | None) -> bool:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash(secrets.token_urlsafe())
        try:
            self._hasher.verify(hashed or self._nobodys, _normal(password)[: LONGEST + 1])
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return hashed is not None

    def _checked(self, password: str, email: str | None, param: str) -> str:
        normal = _normal(password)
        if not SHORTEST <= len(normal) <= LONGEST:
            raise Unprocessable(f"A password has {SHORTEST} to {LONGEST} characters.", param=param)
        try:
            normal.encode()
        except UnicodeEncodeError:
            raise Unprocessable("This password has characters that cannot be stored.", param=param) from None
        simple = normal.casefold()
        if simple in self._common or len(set(simple)) < 4:
            raise Unprocessable("This password is among the commonest; take another one.", param=param)
        if email is not None and simple in {email.casefold(), email.partition("@")[0].casefold()}:
            raise Unprocessable("A password must not be the e-mail address.", param=param)
        return normal


def _normal(password: str) -> str:
    """One form for what different keyboards send for the same characters; cut, so that it costs little to look at."""
    return unicodedata.normalize("NFKC", password[: LONGEST * 2])
