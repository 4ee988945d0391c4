"""How far the rights of a key may go that somebody makes or changes. Pure.

Three things set a ceiling: the key that made it, the key that calls, and, for who is no admin, what the key has now when
somebody else made it. Whatever a new key leaves out, it takes from its ceiling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.accounts import rights, roles
from gateway.accounts.rights import Defaults
from gateway.config.starred import covers
from gateway.errors import Forbidden
from gateway.ports import Found, KeyInfo
from gateway.store import windows

_NUMBERS = ("budget", "rpm", "max_parallel", "expires_at")
_LISTS = ("models", "brands")


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a key may have. None: no limit of that kind. `tags` are the least."""

    role: str = roles.ADMIN
    models: frozenset[str] | None = None
    brands: frozenset[str] | None = None
    budget: int | None = None
    rpm: int | None = None
    max_parallel: int | None = None
    expires_at: float | None = None
    tags: tuple[str, ...] = ()
    budget_window: str | None = None  # that of the budget
    keep_window: bool = False  # no shorter one either: then the same budget would be more

    @classmethod
    def of(cls, found: Found) -> Ceiling:
        """The effective rights of a key, with those above it."""
        identity = rights.identity(found, Defaults())
        return cls(
            identity.role,
            identity.models,
            identity.brands,
            rights.budget(found),
            identity.rpm,
            identity.max_parallel,
            identity.expires_at,
            identity.tags,
            found.key.budget_window if found.key is not None else None,
        )

    @classmethod
    def as_it_is(cls, key: KeyInfo) -> Ceiling:
        """What a key has by itself."""
        return cls(
            key.role,
            frozenset(key.models) if key.models is not None else None,
            frozenset(key.brands) if key.brands is not None else None,
            key.budget,
            key.rpm,
            key.max_parallel,
            key.expires_at,
            key.tags,
            key.budget_window,
            keep_window=True,
        )

    def values(self) -> dict[str, Any]:
        """A key's fields that go exactly as far."""
        return {
            "role": self.role,
            "tags": list(self.tags),
            "budget_window": self.budget_window if self.budget is not None else None,
            **{name: getattr(self, name) for name in _NUMBERS},
            **{name: sorted(limit) if (limit := getattr(self, name)) is not None else None for name in _LISTS},
        }

    def check(self, values: Mapping[str, Any]) -> None:
        """Raises Forbidden for the first field that goes beyond. `values` are checked fields, as they are stored."""
        if "role" in values and roles.exceeds(values["role"], self.role):
            raise _beyond("role")
        for name in _LISTS:
            limit = getattr(self, name)
            if name in values and limit is not None and not _within(limit, values[name], patterns=name == "models"):
                raise _beyond(name)
        for name in _NUMBERS:
            limit = getattr(self, name)
            if name in values and limit is not None and (values[name] is None or values[name] > limit):
                raise _beyond(name)
        if "tags" in values and not set(self.tags).issubset(values["tags"]):
            raise _beyond("tags")
        if self.keep_window and self.budget is not None and "budget_window" in values:
            self._check_window(values["budget_window"])

    def _check_window(self, wanted: str | None) -> None:
        new, old = windows.seconds(wanted), windows.seconds(self.budget_window)
        if new is not None and (old is None or new < old):
            raise _beyond("budget_window")


def _within(limit: frozenset[str], names: Iterable[str] | None, *, patterns: bool) -> bool:
    """Whether a list goes no further; None would be no limit at all."""
    return names is not None and all(each in limit or (patterns and covers(limit, each)) for each in names)


def _beyond(name: str) -> Forbidden:
    what = "leave out tags of the key above it" if name == "tags" else f"go beyond what it may have: '{name}'"
    return Forbidden(f"This key cannot {what}. Ask an admin.", param=name)
