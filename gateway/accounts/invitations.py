"""Links that make one account, once. Only digests of their tokens are kept. Unavailable: the store is away."""

from __future__ import annotations

from gateway.accounts.actor import Actor
from gateway.accounts.passwords import Passwords
from gateway.accounts.sign_ins import SignIns
from gateway.accounts.transaction import Transactions
from gateway.accounts.values import InvitationInfo, NewSession, Page
from gateway.store.secrets import Digesters

WEEK = 7 * 86_400.0


class Invitations:
    """Every method but `accept` takes the actor first and raises NotFound, Forbidden, Unprocessable."""

    def __init__(self, store: Transactions, digests: Digesters, passwords: Passwords, sign_ins: SignIns) -> None:
        self._store = store
        self._digests = digests
        self._passwords = passwords
        self._sign_ins = sign_ins

    async def create(
        self,
        actor: Actor,
        *,
        email: str | None = None,
        role: str = "member",
        team: str | None = None,
        expires_in: float = WEEK,
        user: str | None = None,
    ) -> tuple[InvitationInfo, str]:
        """The invitation and its token, told this once. `role` is the one in `team`, or else the user's own.

        With `user`, who accepts it gets a new password for that user; for admins alone. `expires_in`: 60 s to 90 days.
        """
        raise NotImplementedError

    async def list(self, actor: Actor, *, after: str | None = None, limit: int = 50) -> Page[InvitationInfo]:
        """Newest first; used, expired and revoked ones too."""
        raise NotImplementedError

    async def revoke(self, actor: Actor, invitation_id: str) -> InvitationInfo:
        raise NotImplementedError

    async def accept(
        self, token: str, *, email: str, name: str | None, password: str, address: str | None = None
    ) -> NewSession:
        """Make the account and sign it in; of two at once, one wins.

        Raises NotFound for a token that is unknown, used, expired or revoked (one message for all), Conflict
        (already_exists) for an e-mail that is taken, Unprocessable (param password, email, name), RateLimited.
        """
        raise NotImplementedError
