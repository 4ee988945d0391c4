"""Prices as people say them: dollars for a million tokens. Pure."""

from __future__ import annotations

PICO_PER_MICRO = 1_000_000  # pico-dollars per token are this many times dollars per million tokens


def per_million(pico_dollars: int) -> float:
    """A price for one token, in pico-dollars, as dollars for a million of them."""
    return pico_dollars / PICO_PER_MICRO


def dollars(amount: float) -> str:
    """At least two decimals, and as many more as a small price needs."""
    plain = f"{amount:.6f}".rstrip("0")
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals:0<2}"
