"""The sections `budgets` and `prices` of `config.yaml`. Money is dollars here, nano-dollars everywhere behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gateway.config.kinds import Count, Dollars, Number, Strict


class Budget(Strict):
    """So many dollars, once or in each window."""

    limit: Dollars = Field(description="Dollars.")
    days: Count | None = Field(default=None, le=36500, description="Length of a window in days; null: once for ever.")


class Budgets(Strict):
    """Budgets that belong to nobody, and those that new accounts get. People, teams, brands and keys have their own."""

    total: Budget | None = Field(default=None, description="Everything that this gateway spends; never overrun.")
    providers: Mapping[str, Budget] = Field(
        default={}, description="By provider: when it is spent, its deployments are left out of plans."
    )
    new_keys: Budget | None = Field(default=None, description="Given to keys that are made without a budget.")
    new_users: Budget | None = Field(default=None, description="Given to people who are made without a budget.")
    new_teams: Budget | None = Field(default=None, description="Given to teams that are made without a budget.")


def _percent_alone(value: Any) -> Any:
    return {"percent": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


class Margin(Strict):
    """What is added to a provider's price."""

    percent: Annotated[Number, Field(ge=0, le=1000)] = Field(default=0, description="Per cent of the price.")
    per_request: Annotated[Number, Field(ge=0)] = Field(default=0, description="Dollars for each attempt.")


class Prices(Strict):
    """What is taken off and added to LiteLLM's prices, by provider; `*` for all that are not named."""

    discounts: Mapping[str, Annotated[Number, Field(ge=0, le=100)]] = Field(
        default={}, description="Per cent that the provider gives you."
    )
    margins: Mapping[str, Annotated[Margin, BeforeValidator(_percent_alone, json_schema_input_type=Margin | float)]] = (
        Field(default={}, description="Per cent that you add, or `{percent, per_request}`.")
    )
