"""People, teams, brands, keys and the rest, as the gateway lets the viewer see them. A few seconds old at most.

One for each sign-in, so nobody's list is ever shown to somebody else. With the gateway away a list raises Problem.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from dashboard import wording
from dashboard.client import Client, JsonObject, Listing, Problem, path

FRESH = 10.0  # seconds
MOST = 1000  # objects of a list that are read; the pages say when there are more

T = TypeVar("T")


class Accounts:
    """Lists by address, and what changes them. Any thread may use it."""

    def __init__(self, client: Client, clock: Callable[[], float]) -> None:
        self._client = client
        self._clock = clock
        self._lock = threading.Lock()
        self._lists: dict[str, tuple[float, Listing]] = {}

    def users(self) -> Listing:
        return self.every("/admin/users")

    def teams(self) -> Listing:
        return self.every("/admin/teams")

    def brands(self) -> Listing:
        """Those that were put away, too."""
        return self.every("/admin/brands", include_archived="true")

    def keys(self) -> Listing:
        """Revoked ones are not among them."""
        return self.every("/admin/keys")

    def invitations(self) -> Listing:
        return self.every("/admin/invitations")

    def sessions(self) -> Listing:
        """The viewer's own."""
        return self.every("/auth/sessions")

    def members(self, team: str) -> Listing:
        return self.every(path("admin", "teams", team, "members"))

    def every(self, address: str, **params: str) -> Listing:
        """A list. Raises Problem."""
        with self._lock:
            now = self._clock()
            kept = self._lists.get(address)
            if kept is None or now - kept[0] > FRESH:
                kept = self._lists[address] = now, self._client.every(address, MOST, **params)
            return kept[1]

    def change(self, act: Callable[[Client], T]) -> T:
        """Do something at the gateway; whatever comes of it, the lists are read again. Raises Problem."""
        try:
            return act(self._client)
        finally:
            with self._lock:
                self._lists.clear()

    def names(self, listing: Callable[[], Listing]) -> dict[str, str]:
        """What objects are called, by id and each otherwise; nothing of a list that the viewer may not see."""
        try:
            return wording.distinct({str(row["id"]): called(row) for row in listing().items})
        except Problem:
            return {}


def called(row: JsonObject) -> str:
    """How an object is called among people: its name, else its e-mail, else its id."""
    return str(row.get("name") or row.get("email") or row.get("id") or "")
