"""LiteLLM's price map, read from the file in its package: no import of LiteLLM, 3 ms, and only the entry that is asked for.

The file comes with the LiteLLM that is pinned: an installation without it is broken, and the gateway does not start.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

FILE = "model_prices_and_context_window_backup.json"
RULES = "fallback_generalizations"  # a member of the file that is no model


class Rule(msgspec.Struct):
    """How models that the map does not have yet are told by their names; most rules say other things than whose."""

    pattern: str = ""
    model_info: dict[str, Any] = {}


class _Rules(msgspec.Struct):
    rules: list[Rule] = []


class PriceMap:
    """Entries by a model's name, as they stand in the file."""

    def __init__(self, data: bytes) -> None:
        self._entries = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        rules = msgspec.json.decode(self._entries.pop(RULES, b"{}"), type=_Rules).rules
        self._rules = [
            (re.compile(rule.pattern, re.IGNORECASE), provider)
            for rule in rules
            if isinstance(provider := rule.model_info.get("litellm_provider"), str)
        ]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def get(self, name: str) -> dict[str, Any] | None:
        """A model's entry; None where there is none."""
        found = self._entries.get(name)
        return None if found is None else msgspec.json.decode(found, type=dict[str, Any])

    def provider(self, name: str) -> str | None:
        """Whose model an entry says that it is, in the map's word."""
        entry = self.get(name)
        return None if entry is None else entry.get("litellm_provider")

    def by_rule(self, name: str) -> str | None:
        """Whose model a name is by its form."""
        return next((provider for pattern, provider in self._rules if pattern.search(name)), None)


def package() -> Path:
    """LiteLLM's folder. Raises ModuleNotFoundError."""
    found = importlib.util.find_spec("litellm")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("LiteLLM is not installed.", name="litellm")
    return Path(found.origin).parent


@functools.cache
def price_map() -> PriceMap:
    """The map of the LiteLLM that is installed. Raises OSError, ModuleNotFoundError."""
    return PriceMap((package() / FILE).read_bytes())
