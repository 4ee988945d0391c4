"""Unpacks an answer step by step, and only up to a bound: a bomb ends here.

What was packed in a way that was not offered, cannot be unpacked, or is too large raises TooLargeError.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

MOST_BYTES = 32 * 2**20  # of one answer, decoded
INFLATE_STEP = 2**16
GZIP = frozenset({"gzip", "x-gzip", "deflate"})
READABLE = GZIP | {"", "identity"}
_ANY_ZLIB = zlib.MAX_WBITS | 32


class TooLargeError(ValueError):
    """The answer is larger than any honest one, or packed in a way that was not offered."""


class Unpacking:
    """One answer's body. `packing` as in its Content-Encoding; of one that was not offered, no byte is read."""

    __slots__ = ("_left", "_zlib")

    def __init__(self, packing: str) -> None:
        packing = packing.strip().lower()
        self._left = MOST_BYTES if packing in READABLE else -1
        self._zlib = zlib.decompressobj(_ANY_ZLIB) if packing in GZIP else None

    def feed(self, part: bytes) -> Iterator[bytes]:
        """What `part` unpacks to, in pieces of at most `INFLATE_STEP` bytes. Raises TooLargeError."""
        if self._zlib is None:
            yield self.counted(part)
            return
        try:
            while part:
                yield self.counted(self._zlib.decompress(part, INFLATE_STEP))
                part = self._zlib.unconsumed_tail
        except zlib.error as error:
            raise TooLargeError("the answer cannot be unpacked") from error

    def counted(self, piece: bytes) -> bytes:
        """`piece`, which is not packed, within the bound. Raises TooLargeError."""
        self._left -= len(piece)
        if self._left < 0:
            raise TooLargeError(
                f"the answer is larger than {MOST_BYTES} bytes, or packed in a way that was not offered"
            )
        return piece

    @property
    def packed(self) -> bool:
        return self._zlib is not None
