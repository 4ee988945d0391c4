"""What queries run on: one moment of the store, whichever database it is."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Executable, Result, ScalarResult


class Snapshot(Protocol):
    """One moment of the store. SQLAlchemy's `Session` is one."""

    def execute(self, statement: Executable, /) -> Result[Any]: ...
    def scalars(self, statement: Executable, /) -> ScalarResult[Any]: ...
