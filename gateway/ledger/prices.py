"""What an attempt costs: integer arithmetic only, and no I/O, so that nothing here can fail half-way.

Prices are pico-dollars per unit (`types.Price`), results nano-dollars, rounded up once per attempt. A provider's
counts are not trusted: classes that exceed their total are cut to it, and a count beyond `MAX_TOKENS` counts as that.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal, InvalidOperation

from gateway.types import Price, Usage

PICO_PER_NANO = 1_000
PICO_PER_USD = 10**12
NANO_PER_USD = 10**9
MAX_TOKENS = 10**9  # keeps any cost at any real price far inside 64 bits
_EXACT = Context(prec=60, rounding=ROUND_CEILING)


def cost(price: Price, usage: Usage) -> int:
    """Nano-dollars of one attempt that used `usage`."""
    if price.long_from is not None:
        price = price.for_input(usage.input)
    pico = price.request
    if usage.cache_write or usage.cached_input or usage.audio_input:
        cache_write = (usage.cache_write, _or(price.cache_write, price.input))
        cached = (usage.cached_input, _or(price.cached_input, price.input))
        audio_in = (usage.audio_input, _or(price.audio_input, price.input))
        pico += _side(usage.input, price.input, cache_write, audio_in, cached)
    else:
        pico += _count(usage.input) * price.input
    if usage.reasoning or usage.audio_output:
        reasoning = (usage.reasoning, _or(price.reasoning, price.output))
        audio_out = (usage.audio_output, _or(price.audio_output, price.output))
        pico += _side(usage.output, price.output, audio_out, reasoning)
    else:
        pico += _count(usage.output) * price.output
    return -(-pico // PICO_PER_NANO)


def bound(price: Price, input_tokens: int, output_tokens: int, n: int = 1) -> int:
    """Nano-dollars that an attempt cannot exceed, whatever class its tokens turn out to be of.

    `input_tokens` and `output_tokens` are the most that one of `n` choices can have. The input counts `n` times,
    because some providers serve `n` choices as `n` calls.
    """
    given = max(0, input_tokens)
    made = max(0, output_tokens)
    if n > 1:
        given, made = n * given, n * made
    most = _dearest(price, given, made)
    if price.long_from is not None and (longer := price.for_input(given)) is not price:
        most = max(most, _dearest(longer, given, made))
    return -(-most // PICO_PER_NANO)


def _dearest(price: Price, given: int, made: int) -> int:
    dearest_in = max(price.input, price.cached_input or 0, price.cache_write or 0, price.audio_input or 0)
    dearest_out = max(price.output, price.reasoning or 0, price.audio_output or 0)
    return given * dearest_in + made * dearest_out + price.request


def from_usd(value: float | str | Decimal | None) -> int | None:
    """Pico-dollars from USD per unit, rounded up; None stays None.

    A float is taken as the decimal it was written as, so `3e-06` is exactly 3,000,000. Raises ValueError for what is
    not a number, is negative or is not finite.
    """
    if value is None:
        return None
    try:
        dollars = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"a price must be a number of US dollars, not {value!r}") from None
    if not dollars.is_finite() or dollars < 0:
        raise ValueError(f"a price must be a finite number of US dollars, zero or more, not {value!r}")
    return int(_EXACT.multiply(dollars, Decimal(PICO_PER_USD)).to_integral_value(ROUND_CEILING))


def usd(nano: int) -> str:
    """Nano-dollars as a plain decimal string of US dollars: `usd(123_000) == "0.000123"`."""
    if nano < 0:
        return f"-{usd(-nano)}"
    whole, fraction = divmod(nano, NANO_PER_USD)
    return f"{whole}.{fraction:09d}".rstrip("0") if fraction else str(whole)


def in_nano(dollars: float) -> int:
    """US dollars in nano-dollars, to the nearest; a float is taken as the decimal it was written as."""
    return round(Decimal(str(dollars)) * NANO_PER_USD)


def _or(price: int | None, parent: int) -> int:
    return parent if price is None else price


def _count(tokens: int) -> int:
    """As many of them as are believed."""
    return 0 if tokens < 0 else min(tokens, MAX_TOKENS)


def _side(total: int, rate: int, *classes: tuple[int, int]) -> int:
    """Pico-dollars of one side: classes take their part of `total` in the order given, `rate` prices the rest."""
    rest = _count(total)
    pico = 0
    for count, class_rate in classes:
        part = min(max(0, count), rest)
        pico += part * class_rate
        rest -= part
    return pico + rest * rate
