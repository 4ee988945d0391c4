"""Counts tokens with the tokenizer that LiteLLM bundles: a common measure for every model, within its spread.

Used where a provider did not say, never on the way of a good answer.
"""

from __future__ import annotations

from gateway.providers.runtime import load

MOST_CHARS = 2_000_000  # beyond, a quarter of the bytes has to do
SPREAD = 5, 4  # today's tokenizers make up to a quarter more of a text than this one


class BundledTokens:
    """Implements ports.Tokens."""

    def count(self, text: str) -> int:
        """Tokens of `text` for any of today's models, rather too many than too few; at least a quarter of its bytes."""
        least = -(-len(text.encode(errors="replace")) // 4)
        if len(text) > MOST_CHARS:
            return least
        more, of = SPREAD
        return max(least, -(-len(load().encoding.encode(text, disallowed_special=())) * more // of))
