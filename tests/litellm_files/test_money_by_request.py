"""06: what a request costs by own prices, discounts and margins, and which budgets stop it."""

from __future__ import annotations

from decimal import Decimal

import pytest

FILE = "06"


@pytest.mark.parametrize(
    ("model", "price_in", "price_out", "fixed"),
    [
        ("priced", "0.000002", "0.00001", "0"),
        ("by-the-map", None, None, "0.0005"),
    ],
)
def test_a_request_costs_what_litellm_says(pair, model, price_in, price_out, fixed) -> None:
    import litellm

    pair.ours(model)
    usage = pair.answer.json()["usage"]
    known = litellm.model_cost["claude-haiku-5-5"]
    into = Decimal(price_in or str(known["input_cost_per_token"]))
    out = Decimal(price_out or str(known["output_cost_per_token"]))
    plain = into * usage["prompt_tokens"] + out * usage["completion_tokens"]
    factor = Decimal("0.9") * Decimal("1.05") if model == "priced" else Decimal("1.08")

    assert Decimal(pair.answer.headers["x-atelier-cost"]) == pytest.approx(
        plain * factor + Decimal(fixed), abs=Decimal("2e-9")
    )


def test_prices_by_the_second_are_not_billed(pair) -> None:
    pair.ours("by-the-second")

    # nothing for the tokens, and no margin of its own: openai has the global one, which is a share
    assert Decimal(pair.answer.headers["x-atelier-cost"]) == 0


def test_a_deployment_whose_budget_is_spent_is_left_out(pair) -> None:
    statuses = []
    for _ in range(4):
        pair.ours("capped")
        statuses.append(pair.answer.status_code)

    assert statuses[0] == 200
    assert statuses[-1] != 200
