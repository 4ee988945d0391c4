"""The Lua scripts beside this file: each is one act on the shared state, and nothing else happens in between.

A script that is not in the wheel is a `FileNotFoundError` when it is loaded, which is when the gateway starts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files
from typing import Self


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name that Redis knows it by, the SHA-1 of its text."""

    name: str
    source: str = field(repr=False)
    sha1: str

    @classmethod
    def load(cls, name: str) -> Self:
        """Read `gateway/state/lua/<name>.lua`."""
        source = (files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")
        return cls(name, source, sha1(source.encode(), usedforsecurity=False).hexdigest())
