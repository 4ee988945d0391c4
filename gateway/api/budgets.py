"""The budgets that belong to nobody: the whole gateway's and the providers', for admins alone.

The ledger away: the whole gateway's is left out, as nothing is known of it; the providers' are as this process knows them.
"""

from __future__ import annotations

from typing import Any

from gateway.api.admin.shapes import Spend
from gateway.api.state import Services
from gateway.errors import Unavailable
from gateway.ledger.prices import usd
from gateway.ledger.scopes import TOTAL
from gateway.telemetry.budget_alerts import ALL, subject
from gateway.types import Balance


async def budgets(found: Services) -> list[dict[str, Any]]:
    """As docs/operations.md describes them."""
    return [shape(each, found) for each in [*await _total(found), *found.provider_budgets()]]


async def _total(found: Services) -> list[Balance]:
    if found.serving.config.budgets.total is None:
        return []
    try:
        return [each for each in await found.ledger.balances([TOTAL]) if each.limit is not None]
    except Unavailable:
        return []


def shape(balance: Balance, found: Services) -> dict[str, Any]:
    """`used_up`: nothing is left, or a request was refused for want of it."""
    limit = balance.limit or 0
    raised = [alert.subject for alert in found.alerts.active()] if found.alerts is not None else []
    return {
        "scope": balance.scope,
        "budget": usd(limit),
        "budget_nano": limit,
        "used_up": balance.spent >= limit or subject(balance.scope, ALL, balance.resets_at) in raised,
        "spend": Spend.of(balance).model_dump(),
    }
