"""Cost arithmetic: exact examples, then properties."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import prices
from gateway.types import Price, Usage

rates = st.integers(0, 10**9)
counts = st.integers(0, 2_000_000)
class_rates = st.none() | rates


def usages() -> st.SearchStrategy[Usage]:
    """Any usage, sensible or not: classes may exceed their totals."""
    return st.builds(
        Usage,
        input=counts,
        output=counts,
        cached_input=counts,
        cache_write=counts,
        reasoning=counts,
        audio_input=counts,
        audio_output=counts,
    )


def price_lists() -> st.SearchStrategy[Price]:
    return st.builds(
        Price,
        input=rates,
        output=rates,
        cached_input=class_rates,
        cache_write=class_rates,
        reasoning=class_rates,
        audio_input=class_rates,
        audio_output=class_rates,
        request=rates,
    )


def test_plain_tokens_cost_their_rate() -> None:
    # 1,000 tokens at 3 USD and 500 at 15 USD a million
    assert prices.cost(Price(input=3_000_000, output=15_000_000), Usage(input=1000, output=500)) == 10_500_000


def test_classes_are_parts_of_their_totals() -> None:
    price = Price(input=1000, output=1000, cached_input=100, cache_write=2000, audio_input=5000)
    usage = Usage(input=100, cached_input=40, cache_write=10, audio_input=20)
    assert prices.cost(price, usage) == 40 * 100 // 1000 + 10 * 2 + 20 * 5 + 30


@pytest.mark.parametrize(
    "usage", [Usage(input=10, cached_input=4), Usage(input=10, cache_write=4), Usage(input=10, audio_input=4)]
)
def test_a_class_without_a_price_is_billed_as_input(usage: Usage) -> None:
    assert prices.cost(Price(input=1000), usage) == 10


@pytest.mark.parametrize("usage", [Usage(output=10, reasoning=4), Usage(output=10, audio_output=4)])
def test_a_class_without_a_price_is_billed_as_output(usage: Usage) -> None:
    assert prices.cost(Price(output=1000), usage) == 10


def test_a_class_that_is_free_costs_nothing() -> None:
    assert prices.cost(Price(input=1000, cached_input=0), Usage(input=10, cached_input=10)) == 0


def test_an_attempt_is_rounded_up_once() -> None:
    assert prices.cost(Price(input=1, output=1), Usage(input=1, output=1)) == 1
    assert prices.cost(Price(input=1, output=1), Usage(input=500, output=500)) == 1
    assert prices.cost(Price(input=1, output=1), Usage(input=500, output=501)) == 2


def test_a_request_has_its_own_price() -> None:
    assert prices.cost(Price(request=5_000), Usage()) == 5


def test_an_explicit_zero_costs_zero() -> None:
    assert prices.cost(Price(input=10**6, output=10**6), Usage()) == 0


def test_classes_beyond_their_total_are_cut_to_it() -> None:
    assert prices.cost(Price(input=1000, cached_input=500), Usage(input=10, cached_input=10**6)) == 5


@pytest.mark.parametrize("nonsense", [-1, -(10**30)])
def test_negative_counts_count_as_none(nonsense: int) -> None:
    usage = Usage(input=nonsense, output=nonsense, cached_input=nonsense, reasoning=nonsense)
    assert prices.cost(Price(input=1000, output=1000), usage) == 0


def test_absurd_counts_stay_inside_64_bits() -> None:
    usage = Usage(input=10**40, output=10**40)
    assert 0 < prices.cost(Price(input=10**9, output=10**9), usage) < 2**63


@given(price_lists(), usages())
def test_no_usage_costs_more_than_its_bound(price: Price, usage: Usage) -> None:
    assert 0 <= prices.cost(price, usage) <= prices.bound(price, usage.input, usage.output)


@given(price_lists(), usages(), st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 8))
def test_the_bound_never_falls_with_more_tokens_or_choices(
    price: Price, usage: Usage, more_in: int, more_out: int, n: int
) -> None:
    least = prices.bound(price, usage.input, usage.output)
    assert least <= prices.bound(price, usage.input + more_in, usage.output + more_out, n)


@given(price_lists(), st.lists(counts, min_size=7, max_size=7))
def test_the_cost_is_the_exact_sum_of_its_parts_rounded_up(price: Price, parts: list[int]) -> None:
    plain_in, cached, written, audio_in, plain_out, reasoning, audio_out = parts
    usage = Usage(
        input=plain_in + cached + written + audio_in,
        output=plain_out + reasoning + audio_out,
        cached_input=cached,
        cache_write=written,
        reasoning=reasoning,
        audio_input=audio_in,
        audio_output=audio_out,
    )
    exact = Fraction(
        plain_in * price.input
        + cached * (price.input if price.cached_input is None else price.cached_input)
        + written * (price.input if price.cache_write is None else price.cache_write)
        + audio_in * (price.input if price.audio_input is None else price.audio_input)
        + plain_out * price.output
        + reasoning * (price.output if price.reasoning is None else price.reasoning)
        + audio_out * (price.output if price.audio_output is None else price.audio_output)
        + price.request,
        1000,
    )
    assert exact <= prices.cost(price, usage) < exact + 1


@pytest.mark.parametrize(
    ("value", "pico"),
    [
        (3e-06, 3_000_000),
        ("0.000003", 3_000_000),
        (Decimal("1.5e-7"), 150_000),
        (1.25e-07, 125_000),
        (1e-13, 1),
        (0, 0),
        (0.0, 0),
        (None, None),
        (2, 2 * 10**12),
    ],
)
def test_prices_in_dollars_become_whole_pico_dollars(value: float | str | Decimal | None, pico: int | None) -> None:
    assert prices.from_usd(value) == pico


@pytest.mark.parametrize("value", ["", "three", float("nan"), float("inf"), -1e-6, "1,5"])
def test_what_is_no_price_is_refused(value: float | str) -> None:
    with pytest.raises(ValueError, match="a price must be"):
        prices.from_usd(value)


@given(st.integers(0, 10**9))
def test_dollars_lose_nothing_on_the_way_to_pico_dollars(pico: int) -> None:
    assert prices.from_usd(Decimal(pico) / 10**12) == pico
    assert prices.from_usd(float(Decimal(pico) / 10**12)) == pico


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (123_000, "0.000123"),
        (10**9, "1"),
        (1_500_000_000, "1.5"),
        (-250_000_000, "-0.25"),
        (10**18 + 1, "1000000000.000000001"),
    ],
)
def test_nano_dollars_read_as_plain_decimals(nano: int, text: str) -> None:
    assert prices.usd(nano) == text


@given(st.integers(-(10**18), 10**18))
def test_dollars_read_back_exactly(nano: int) -> None:
    assert Decimal(prices.usd(nano)) * 10**9 == nano
