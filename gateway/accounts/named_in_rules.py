"""Teams, users, keys and brands that rules of routing name and nobody has: such a rule never counts, and nobody would know.

Reads the store and changes nothing. While it is away, the driver's failure passes to the caller.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.config.config import Config
from gateway.config.problems import Path as KeyPath
from gateway.config.problems import Problem
from gateway.store.directory import Brand, Team, User
from gateway.store.tables import VirtualKey

MASTER = "master key"  # what the master key is called
MOST = 2_000  # rows that are read for a hint


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a condition's values are looked up: by `identity`, which is told; people write `names` instead."""

    identity: Any
    names: tuple[Any, ...]
    told: str
    where: Any = None
    private: bool = False  # names are not repeated, and only a whole one is recognised


_KINDS: Mapping[str, _Kind] = {
    "team": _Kind(Team.id, (Team.name,), "no team has the id"),
    "user": _Kind(User.id, (User.email, User.name), "no user has the id", private=True),
    "key": _Kind(VirtualKey.name, (VirtualKey.name,), "no key has the name", col(VirtualKey.revoked_at).is_(None)),
    "brand": _Kind(Brand.id, (Brand.name,), "no brand has the id"),
}


def names_accounts(config: Config) -> bool:
    """Whether a rule names a team, a user, a key or a brand at all."""
    return any(any(_named(config, kind)) for kind in _KINDS)


async def unknown_names(session: AsyncSession, config: Config, voices: Collection[str] = ()) -> list[Problem]:
    """A warning for each name in `routing.rules` that nobody has. `voices`: ids of the library's brands."""
    found: list[Problem] = []
    known = {"brand": frozenset(voices), "key": frozenset({MASTER})}
    for name, kind in _KINDS.items():
        named = [(path, value) for path, value in _named(config, name) if value not in known.get(name, ())]
        absent = await _absent(session, kind, {value for _, value in named})
        rows = await _rows(session, kind) if absent else []
        found += [
            Problem(config.place(path), path, f"{kind.told} `{value}`", _mend(name, value, rows))
            for path, value in named
            if value in absent
        ]
    return found


def _named(config: Config, kind: str) -> Iterator[tuple[KeyPath, str]]:
    for index, rule in enumerate(config.routing.rules):
        values: tuple[str, ...] = getattr(rule.when, kind)
        yield from ((("routing", "rules", index, "when", kind, at), value) for at, value in enumerate(values))


async def _absent(session: AsyncSession, kind: _Kind, wanted: Collection[str]) -> set[str]:
    if not wanted:
        return set()
    query = select(kind.identity).where(col(kind.identity).in_(wanted))
    if kind.where is not None:
        query = query.where(kind.where)
    return set(wanted) - set(await session.exec(query))


async def _rows(session: AsyncSession, kind: _Kind) -> list[tuple[str, ...]]:
    """Ids, each with its names."""
    query = select(kind.identity, *kind.names).order_by(kind.identity).limit(MOST)
    if kind.where is not None:
        query = query.where(kind.where)
    return [tuple(row) for row in (await session.exec(query)).all()]


def _mend(name: str, value: str, rows: Collection[tuple[str, ...]]) -> str:
    """Who may be meant: somebody of that very name, or else of a similar id or name."""
    folded = value.casefold()
    for identity, *names in rows:
        if folded in {each.casefold() for each in (identity, *names) if each}:
            return _meant(name, identity, names)
    spelt = {} if _KINDS[name].private else {each.casefold(): row for row in rows for each in row if each}
    for near in difflib.get_close_matches(folded, spelt, n=1):
        identity, *names = spelt[near]
        return _meant(name, identity, names)
    return f"look it up with `atelier {name}s list`"


def _meant(name: str, identity: str, names: list[str]) -> str:
    called = f" ({names[0]})" if name != "user" and names[0] not in (None, identity) else ""
    return f"did you mean `{identity}`{called}?"
