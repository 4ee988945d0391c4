"""What a deployment costs: LiteLLM's price map, the file's own prices over it, then discounts and margins.

Pure. Money goes in as dollars and comes out as whole pico-dollars, rounded up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

from gateway.config.litellm_models import Costs
from gateway.config.money_models import Margin, Prices
from gateway.types import Price

PRICES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_input": "input_cost_per_audio_token",
    "audio_output": "output_cost_per_audio_token",
    "request": "input_cost_per_request",
}
LONG = re.compile(r"(\w+)_above_(\d+)k_tokens\Z")
_CLASSES = {key: name for name, key in PRICES.items() if name != "request"}
_BILLED_AS_INPUT: tuple[str, ...] = ("cached_input", "cache_write", "audio_input")
_BILLED_AS_OUTPUT: tuple[str, ...] = ("reasoning", "audio_output")


def pico_dollars(dollars: float) -> int:
    """Dollars as whole pico-dollars, rounded up; exact for every price that is written with up to 12 decimals."""
    return _whole(Decimal(str(dollars)).scaleb(12))


def price_of(known: Price, *costs: Costs) -> Price:
    """`known`, with the file's prices over it; the first that names a class counts.

    A new input price also replaces what LiteLLM says of cached and audio input, a new output price what it says of
    reasoning and audio output: they are billed at the new price unless the file names them as well.
    """
    given: dict[str, Any] = {}
    for name, key in PRICES.items():
        value = next((each for cost in costs if (each := getattr(cost, key)) is not None), None)
        if value is not None:
            given[name] = pico_dollars(value)
    if not given:
        return known
    reset = _BILLED_AS_INPUT if "input" in given else ()
    reset += _BILLED_AS_OUTPUT if "output" in given else ()
    price = replace(known, **{**dict.fromkeys((*reset, "long_from", "long")), **given, "source": "config"})
    return _with_long(price, costs)


def is_long(key: str) -> bool:
    """Whether the key is a price for inputs above a number of tokens that is taken."""
    found = LONG.match(key)
    return found is not None and found[1] in _CLASSES


def _with_long(price: Price, costs: tuple[Costs, ...]) -> Price:
    """The file's dearer prices for long inputs, from the lowest threshold that it names."""
    found = sorted(_long_prices(costs))
    if not found:
        return price
    threshold = found[0][0]
    dearer: dict[str, Any] = {name: value for start, name, value in reversed(found) if start == threshold}
    return replace(price, long_from=threshold * 1000, long=replace(price, **dearer))


def _long_prices(costs: tuple[Costs, ...]) -> Iterator[tuple[int, str, int]]:
    """Thousands of tokens, class and price."""
    for cost in costs:
        for key, value in (cost.model_extra or {}).items():
            match = LONG.match(key)
            if match and match[1] in _CLASSES and (price := _pico(value)) is not None:
                yield int(match[2]), _CLASSES[match[1]], price


def _pico(value: Any) -> int | None:
    try:
        return pico_dollars(value) if not isinstance(value, bool) else None
    except InvalidOperation:
        return None


def adjusted(price: Price, provider: str, prices: Prices) -> Price:
    """The price after the provider's discount, then with your margin on it."""
    discount = prices.discounts.get(provider, prices.discounts.get("*", 0))
    margin = prices.margins.get(provider, prices.margins.get("*", Margin()))
    factor = (1 - Decimal(str(discount)) / 100) * (1 + Decimal(str(margin.percent)) / 100)
    if factor == 1 and not margin.per_request:
        return price
    return _scaled(price, factor, pico_dollars(margin.per_request))


def _scaled(price: Price, factor: Decimal, each: int) -> Price:
    scaled: dict[str, Any] = {
        name: _whole(value * factor) for name in PRICES if (value := getattr(price, name)) is not None
    }
    scaled["request"] += each
    if price.long is not None:
        scaled["long"] = _scaled(price.long, factor, each)
    return replace(price, **scaled)


def _whole(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))
