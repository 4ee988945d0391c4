"""The way in to accounts: its parts, made over one store. Who calls them says so by an `Actor`.

While the store is away every method raises `errors.Unavailable` and has done nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.accounts.audit import Audit
from gateway.accounts.brands import Brands
from gateway.accounts.config_acts import ConfigActs
from gateway.accounts.invitations import Invitations
from gateway.accounts.key_ring import KeyRing
from gateway.accounts.named_in_rules import names_accounts, unknown_names
from gateway.accounts.passwords import Passwords
from gateway.accounts.sign_ins import SignIns
from gateway.accounts.teams import Teams
from gateway.accounts.transaction import Settings, Transactions
from gateway.accounts.users import Users
from gateway.config.config import Config
from gateway.config.problems import Problem
from gateway.ports import Clock, Throttle
from gateway.store.secrets import Digesters


class Accounts:
    """Users, teams, brands, keys, invitations, sessions and their audit log.

    `throttle` counts tries to sign in; `settings` has the hooks that are called after a commit, and what the admin set.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        digests: Digesters,
        clock: Clock,
        *,
        throttle: Throttle | None = None,
        settings: Settings | None = None,
        passwords: Passwords | None = None,
    ) -> None:
        store = self._store = Transactions(engine, clock, settings or Settings())
        passwords = passwords or Passwords()
        self.audit = Audit(store)
        self.config = ConfigActs(store)
        self.users = Users(store, digests)
        self.teams = Teams(store)
        self.brands = Brands(store)
        self.keys = KeyRing(store, digests)
        self.sign_ins = SignIns(store, digests, passwords, throttle)
        self.invitations = Invitations(store, digests, passwords, self.sign_ins)

    async def unknown_names(self, config: Config, voices: Collection[str]) -> list[Problem]:
        """A warning for each team, user, key and brand that rules of routing name and nobody has. Raises Unavailable."""
        if not names_accounts(config):
            return []
        async with self._store.read() as session:
            return await unknown_names(session, config, voices)

    def configure(self, settings: Settings) -> None:
        """What the admin set, from now on."""
        self._store.settings = settings
