"""The headers of an answer: most answers are read without a look at them, so they are decoded for who asks.

Nothing here can fail: every byte is a character of Latin-1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping


class Fields(Mapping[str, str]):
    """Headers by their names in lower case; of two of one name, one that counts."""

    __slots__ = ("_decoded", "_raw")

    def __init__(self, raw: dict[bytes, bytes]) -> None:
        self._raw = raw
        self._decoded: dict[str, str] | None = None

    def may_have(self, name: bytes) -> bool:
        """False only where no header is called `name`, which is in lower case: told by a look at all names at once."""
        return name in b"\n".join(self._raw).lower()

    def __getitem__(self, name: str) -> str:
        return self._known()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())

    def _known(self) -> dict[str, str]:
        if self._decoded is None:
            self._decoded = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._raw.items()
            }
        return self._decoded
