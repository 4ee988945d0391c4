"""Sessions of people: signed in with a password or by an identity provider. Only digests of their tokens are kept.

While the store is away nobody signs in (`errors.Unavailable`). Who is wrong about a password and who does not exist
get the same answer after the same time.
"""

from __future__ import annotations

from typing import Protocol

from gateway.accounts.actor import Actor
from gateway.accounts.passwords import Passwords
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import NewSession, SessionInfo
from gateway.store.secrets import Digesters


class Throttle(Protocol):
    """Counts tries by name. `hit` answers how many seconds to wait, None: go on."""

    async def hit(self, name: str, limit: int, window: float) -> float | None: ...


class SignIns:
    """Raises Unauthenticated (code "invalid_credentials") for whoever may not sign in, RateLimited for too many tries."""

    def __init__(
        self, store: Transactions, digests: Digesters, passwords: Passwords, throttle: Throttle | None
    ) -> None:
        self._store = store
        self._digests = digests
        self._passwords = passwords
        self._throttle = throttle

    async def sign_in(self, email: str, password: str, address: str | None = None) -> NewSession:
        """Begin a session. `address`: the client's, for counting tries."""
        raise NotImplementedError

    async def sign_in_with(self, subject: str, email: str | None, *, email_verified: bool) -> NewSession:
        """Begin a session for whom an identity provider has named ("issuer subject"): existing users only.

        A user without a subject is known by its verified e-mail once, and by the subject from then on.
        """
        raise NotImplementedError

    async def list(self, actor: Actor, user_id: str | None = None) -> list[SessionInfo]:
        """Sessions that run, newest first: the actor's own, or those of `user_id`."""
        raise NotImplementedError

    async def end(self, actor: Actor, session_id: str) -> None:
        """Raises NotFound. Ending an ended session changes nothing."""
        raise NotImplementedError

    async def end_all(self, actor: Actor, user_id: str) -> int:
        """End every session of a user; how many there were."""
        raise NotImplementedError

    async def work_for(self, actor: Actor, team: str | None) -> SessionInfo:
        """Turn the calling session to another of its user's teams. Raises NotFound for a team that is not."""
        raise NotImplementedError

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Change the calling person's password and end its other sessions.

        Raises Unauthenticated (invalid_credentials) for a wrong old one, Unprocessable (param "new"), RateLimited,
        Forbidden for a caller that is no session.
        """
        raise NotImplementedError
