"""Passwords: which are taken, and their argon2id hashes, made off the loop, two at a time. Nothing here is stored."""

from __future__ import annotations


class Passwords:
    """Hashes and checks."""

    async def hash(self, password: str, email: str | None) -> str:
        """Raises Unprocessable (param "password") for one that is too short, too long or too common."""
        raise NotImplementedError

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Takes as long for nobody (None) as for somebody."""
        raise NotImplementedError
