"""Counts tokens with the tokenizer that LiteLLM bundles: a common measure for every model, within its spread.

Used where a provider did not say, never on the way of a good answer.
"""

from __future__ import annotations

from gateway.providers.runtime import load

MOST_CHARS = 2_000_000  # beyond, a quarter of the characters has to do


class BundledTokens:
    """Implements ports.Tokens."""

    def count(self, text: str) -> int:
        """Tokens of `text`; never fewer than a quarter of its bytes."""
        least = -(-len(text.encode(errors="replace")) // 4)
        if len(text) > MOST_CHARS:
            return least
        return max(least, len(load().encoding.encode(text, disallowed_special=())))
