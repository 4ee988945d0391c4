"""What can be wrong with the store when a process starts; light to import, for whoever has to print it."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store cannot be used. The message says why, and what to do, to the person who started the process."""


class StoreInUse(StoreUnavailable):
    """Another gateway serves from this data folder."""


class MoveRefused(Exception):
    """A backup, a restore or a migration that was not begun or not kept. The message says why, and what to do."""
