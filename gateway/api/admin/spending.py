"""The budget accounts of what a caller is shown, read in one look-up; left out where the caller may not read them.

A user's account holds the spend of all its teams, so a lead is shown its people's budgets, and their spend in the
report of its own team only. A viewer reads its team's. The ledger away: `errors.Unavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import Request

from gateway.accounts import Actor
from gateway.accounts.roles import VIEWER, Reach, reach
from gateway.api.admin.shapes import Spend
from gateway.api.state import services
from gateway.ports import BrandInfo, KeyInfo, TeamInfo, UserInfo
from gateway.types import Balance

Thing = UserInfo | TeamInfo | BrandInfo | KeyInfo
KINDS = {UserInfo: "user", TeamInfo: "team", BrandInfo: "brand", KeyInfo: "key"}


async def spend(request: Request, actor: Actor, things: Sequence[Thing]) -> list[Spend | None]:
    """One for each of `things`, all of which the caller may see."""
    scopes = [f"{KINDS[type(thing)]}:{thing.id}" if readable(actor, thing) else None for thing in things]
    wanted = [scope for scope in scopes if scope is not None]
    balances = {each.scope: each for each in await services(request).ledger.balances(wanted)} if wanted else {}
    return [Spend.of(balances.get(scope) or Balance(scope, None, 0, 0)) if scope else None for scope in scopes]


def readable(actor: Actor, thing: Thing) -> bool:
    """Whether the caller may read what this has spent."""
    match reach(actor.role, "spend.read"), thing:
        case Reach.ALL, _:
            return True
        case Reach.NONE, _:
            return False
        case _, TeamInfo():
            return True
        case _ if actor.role == VIEWER:
            return False
        case _, UserInfo():
            return thing.id == actor.user
        case _, BrandInfo():
            return thing.team is not None and thing.team == actor.team
        case _:
            return True
