"""A credential becomes an identity: by its whole digest, remembered for a moment so that a burst costs few look-ups.

With the store away, keys that were looked up a short while ago go on; unknown ones get a 503, never a 401.
"""

from __future__ import annotations

import hashlib
import hmac

from gateway.errors import Unauthenticated, Unavailable
from gateway.ports import Clock, Digests, KeyInfo, Keys
from gateway.types import Identity

MASTER_ID = "master"
MOST_REMEMBERED = 10_000
LONGEST_AWAY = 900.0  # seconds that a key stays good while the store is away
LONGEST_KEY = 512  # characters


class KeyIdentities:
    """Implements ports.Identities over the key store; the master key is an admin."""

    def __init__(
        self,
        keys: Keys,
        digester: Digests,
        clock: Clock,
        master_key: str | None,
        ttl: float,
        *,
        rpm: int | None = None,
        max_parallel: int | None = None,
    ) -> None:
        self._keys = keys
        self._digester = digester
        self._clock = clock
        self._master = digester.digest(master_key) if master_key else None
        self._ttl = ttl
        self._limits = {"rpm": rpm, "max_parallel": max_parallel}  # for keys that have none of their own
        self._remembered: dict[bytes, tuple[float, KeyInfo]] = {}

    async def identify(self, credential: str | None) -> Identity:
        """Raise Unauthenticated for no key, an unknown, expired or revoked one."""
        if not credential:
            raise Unauthenticated(
                "You did not provide an API key. Send it as 'Authorization: Bearer YOUR_KEY' or in 'x-api-key'."
            )
        if len(credential) > LONGEST_KEY or not credential.isascii():
            raise Unauthenticated(WRONG)
        digest = self._digester.digest(credential)
        if self._master is not None and hmac.compare_digest(digest, self._master):
            return Identity(key_id=MASTER_ID, name="master key", role="admin")
        info = await self._find(digest, credential)
        if info is None or info.revoked_at is not None:
            raise Unauthenticated(WRONG)
        if info.expires_at is not None and info.expires_at <= self._clock.now():
            raise Unauthenticated("This API key has expired. Ask an admin for a new one.", code="expired_api_key")
        return identity(info, **self._limits)

    def forget(self) -> None:
        """Look every key up again: one was changed."""
        self._remembered.clear()

    async def _find(self, digest: bytes, credential: str) -> KeyInfo | None:
        now = self._clock.monotonic()
        remembered = self._remembered.get(digest)
        if remembered is not None and now - remembered[0] < self._ttl:
            return remembered[1]
        try:
            info = await self._keys.find(digest, hashlib.sha256(credential.encode()).hexdigest())
        except Unavailable:
            if remembered is not None and now - remembered[0] < LONGEST_AWAY:
                return remembered[1]
            raise
        self._remembered.pop(digest, None)
        if info is not None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest] = (now, info)
        return info


WRONG = "Incorrect API key provided. Check the key, or ask an admin for a new one."


def identity(info: KeyInfo, rpm: int | None, max_parallel: int | None) -> Identity:
    """A key's rights as the pipeline reads them; it pays from its own budget account."""
    return Identity(
        key_id=info.id,
        name=info.name,
        user=info.user,
        team=info.team,
        role=info.role,
        models=frozenset(info.models) if info.models is not None else None,
        brands=frozenset(info.brands) if info.brands is not None else None,
        default_brand=info.default_brand,
        scopes=(f"key:{info.id}",),
        rpm=info.rpm or rpm,
        max_parallel=info.max_parallel or max_parallel,
        on_disconnect=info.on_disconnect,
        tags=info.tags,
        expires_at=info.expires_at,
        test_key=bool((info.metadata or {}).get("test_key")),
    )
