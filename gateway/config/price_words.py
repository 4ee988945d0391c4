"""Prices and budgets as people say them. Pure."""

from __future__ import annotations

_BEHIND_A_NAME = ("azure", "azure_ai")  # where `model` is only what a deployment is called
PICO_PER_MICRO = 1_000_000  # pico-dollars per token are this many times dollars per million tokens


def per_million(pico_dollars: int) -> float:
    """A price for one token, in pico-dollars, as dollars for a million of them."""
    return pico_dollars / PICO_PER_MICRO


def window(days: float | None) -> str:
    """What stands after a budget: ` a day`, ` in 30 days`, ` once`."""
    return " once" if days is None else " a day" if days == 1 else f" in {days:g} days"


def unpriced(provider: str, *, budgeted: bool) -> tuple[str, str]:
    """What is wrong with a deployment that has no price, and how to mend it. `budgeted`: the file has a budget."""
    unseen = ", and no budget sees it" if budgeted else ""
    base = "`model_info.base_model` to the model behind this name, or " if provider in _BEHIND_A_NAME else ""
    return f"no price is known, so it counts as free{unseen}", f"set {base}input_cost_per_token, output_cost_per_token"


def budget(limit: float, days: float | None) -> str:
    """So many dollars: `$20.00 in 30 days`, `$1.00 in all`."""
    return f"${dollars(limit)}{' in all' if days is None else window(days)}"


def dollars(amount: float) -> str:
    """At least two decimals, and as many more as a small price needs."""
    plain = f"{amount:.6f}".rstrip("0")
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals:0<2}"
