"""The accounts that are nobody's own, and every account in words. Pure."""

from __future__ import annotations

TOTAL = "gateway:total"  # pays for every request while `budgets.total` is configured


def payer(scope: str) -> str:
    """An account in words, as they stand behind "the budget of"."""
    kind, _, name = scope.partition(":")
    if scope == TOTAL:
        return "the whole gateway"
    return "this key" if kind == "key" else f"the {kind} '{name}'"
