"""LiteLLM's budgets, discounts and margins as our sections `budgets` and `prices`. Pure; money is dollars here."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.config import ConfigFile
from gateway.config.filling import fill, first
from gateway.config.litellm_kinds import days
from gateway.config.litellm_settings import BudgetParams
from gateway.config.money_models import Budget, Budgets, Margin, Prices

SMALLEST = 1e-9  # a nano-dollar


def budgets(file: ConfigFile) -> Budgets:
    """Budgets of the whole gateway, of providers, and of accounts that are made later; 0 dollars mean none."""
    found, users = file.litellm_settings, file.litellm_settings.default_internal_user_params
    providers = {
        name: budget for name, params in file.router_settings.provider_budget_config.items() if (budget := _of(params))
    }
    return fill(
        file.budgets,
        total=_budget(found.max_budget, found.budget_duration),
        providers=providers or None,
        new_keys=_of(found.default_key_generate_params),
        new_users=first(_of(users), _budget(found.max_internal_user_budget, found.internal_user_budget_duration)),
        new_teams=_of(found.default_team_params),
    )


def _of(params: BudgetParams) -> Budget | None:
    return _budget(params.max_budget, params.budget_duration)


def _budget(dollars: float | None, duration: str | None) -> Budget | None:
    """Windows are whole days, rounded up."""
    if not dollars or dollars < SMALLEST:
        return None
    return Budget(limit=dollars, days=days(duration) if duration else None)


def prices(file: ConfigFile) -> Prices:
    """Shares (0.05) become per cent (5); `global` is everybody who is not named."""
    discounts = {name: _percent(share) for name, share in file.litellm_settings.cost_discount_config.items()}
    margins = {
        name: Margin(percent=_percent(each.percentage), per_request=each.fixed_amount)
        for name, each in file.litellm_settings.cost_margin_config.items()
    }
    return fill(file.prices, discounts=discounts or None, margins=_starred(margins) or None)


def _starred(margins: Mapping[str, Margin]) -> dict[str, Margin]:
    return {"*" if name == "global" else name: margin for name, margin in margins.items()}


def _percent(share: float) -> float:
    return round(share * 100, 9)
