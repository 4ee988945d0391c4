"""Deterministic unit vectors in which texts that share words and letters lie close together.

Each word and each run of three letters adds its own fixed signs at a few places: a hashed bag of features.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
from collections import Counter
from functools import lru_cache

_WORD = re.compile(r"\w+")
_PLACES = 8  # of the vector that one feature touches
_WORD_WEIGHT = 2.0
_MAX_FEATURES = 4_000


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector of `dimensions` single-precision numbers."""
    total = [0.0] * dimensions
    for feature, weight in _features(text).items():
        for place, sign in _signs(feature, dimensions):
            total[place] += sign * weight
    length = math.sqrt(sum(value * value for value in total)) or 1.0
    if length == 1.0 and not any(total):
        total[0] = 1.0
    return _single([value / length for value in total])


def packed(values: list[float]) -> str:
    """Little-endian float32 in base64, as OpenAI sends `encoding_format: base64`."""
    return base64.b64encode(_pack(values)).decode()


def _features(text: str) -> dict[str, float]:
    found: Counter[str] = Counter()
    for word in _WORD.findall(text.lower()):
        found[word] += _WORD_WEIGHT  # type: ignore[assignment]
        padded = f"<{word}>"
        found.update(padded[at : at + 3] for at in range(len(padded) - 2))
        if len(found) > _MAX_FEATURES:
            break
    return {feature: math.sqrt(weight) for feature, weight in found.items()}


@lru_cache(maxsize=20_000)
def _signs(feature: str, dimensions: int) -> tuple[tuple[int, float], ...]:
    digest = hashlib.blake2b(feature.encode(), digest_size=4 * _PLACES).digest()
    numbers = struct.unpack(f"<{_PLACES}I", digest)
    return tuple(((number >> 1) % dimensions, 1.0 if number & 1 else -1.0) for number in numbers)


def _pack(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def _single(values: list[float]) -> list[float]:
    return list(struct.unpack(f"<{len(values)}f", _pack(values)))
