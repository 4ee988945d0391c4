"""What a key may become in the hands of its maker or editor: whose it is, and its ceilings.

Steps of an act; a store that is away raises through it, and the act is undone as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import errors
from gateway.accounts import rights, roles
from gateway.accounts.actor import Actor
from gateway.accounts.ceiling import Ceiling
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Act
from gateway.ports import Found
from gateway.store.directory import Membership, Team, User
from gateway.store.directory_reader import MOST_ANCESTORS, ancestors
from gateway.store.infos import key_info, team_info, user_info
from gateway.store.tables import VirtualKey

_LIMITS = frozenset(
    ("role", "models", "brands", "budget", "budget_window", "rpm", "max_parallel", "expires_at", "tags")
)


async def for_new_key(act: Act, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a new key, its owners, parent and what it inherits filled in. Raises Forbidden, Unprocessable."""
    actor = act.actor
    if actor.role != roles.ADMIN:
        values = _owned(actor, values)
    await check_owners(act, values.get("user"), values.get("team"))
    _check_fields(values, values, act.now)
    if actor.role == roles.ADMIN:
        return values
    if actor.key is not None:
        return child_of(await _caller(act), {**values, "parent": actor.key})
    values.setdefault("role", roles.lower(roles.MEMBER, actor.role))
    given = {name: value for name, value in values.items() if value is not None}
    (await _of_team(act, actor)).check(given)
    return values


async def check_edit(act: Act, row: VirtualKey, values: Mapping[str, Any], *, tells_secret: bool = False) -> None:
    """Raises Forbidden for rights that the key may not get from this actor, Unprocessable for what does not fit.

    Who learns a key's secret has its rights, so a key may do that (`tells_secret`) only where it has them itself.
    """
    actor = act.actor
    if "user" in values or "team" in values:
        await check_owners(act, values.get("user", row.user), values.get("team", row.team))
    _check_fields(values, {"default_brand": row.default_brand, "brands": row.brands, **values}, act.now)
    limits = {name: value for name, value in values.items() if name in _LIMITS}
    if row.parent is not None and limits:
        Ceiling.of(await chain_of(act, await act.session.get_one(VirtualKey, row.parent))).check(limits)
    if actor.role == roles.ADMIN:
        return
    if values.get("blocked") is False and row.blocked_at is not None and actor.role != roles.LEAD:
        raise errors.Forbidden("Only an admin or your team's lead may unblock a key.", param="blocked")
    if limits or tells_secret:
        await _check_against_actor(act, row, limits)
    if limits and not await _may_widen(act, row):
        Ceiling.as_it_is(key_info(row)).check(limits)
    if roles.exceeds(values.get("role", roles.VIEWER), actor.role):
        raise errors.Forbidden(f"Your role ({actor.role}) may not give a higher one.", param="role")


async def _check_against_actor(act: Act, row: VirtualKey, limits: Mapping[str, Any]) -> None:
    """No key of a higher role; for a key, only itself, what it has made, and keys that are no more than it is."""
    actor, target = act.actor, await chain_of(act, row)
    if roles.exceeds(rights.role(target), actor.role):
        raise errors.Forbidden("This key acts with a higher role than yours. Ask an admin.")
    if actor.key is None:
        return
    caller = Ceiling.of(await _caller(act))
    if actor.key not in {row.id, *(link.id for link in target.ancestors)}:
        caller.check(Ceiling.of(target).values())
    caller.check(limits)


async def _may_widen(act: Act, row: VirtualKey) -> bool:
    """Whose key it is to give more: one's own making, or for a lead what a member of its team has made."""
    actor = act.actor
    if row.created_by == actor.id:
        return True
    kind, _, maker = (row.created_by or "").partition(":")
    if actor.role != roles.LEAD or kind != "user":
        return False
    person = await act.session.get(User, maker)
    member = await act.session.get(Membership, (actor.team, maker))
    return person is not None and person.role != roles.ADMIN and member is not None


def check_reach(actor: Actor, row: VirtualKey, reach: Reach) -> None:
    """Raises Forbidden for a key that the actor sees but that is not within its reach."""
    own = row.user is not None and row.user == actor.user
    own = own or (actor.key is not None and actor.key in {row.id, row.parent})
    team = reach is Reach.TEAM and actor.team is not None and row.team == actor.team
    if reach is not Reach.ALL and not own and not team:
        raise errors.Forbidden("You may not change this key. Ask an admin.")


async def check_owners(act: Act, user: str | None, team: str | None) -> None:
    """Raises Unprocessable for a user or team that nobody knows, and for a user that is not in the team."""
    person = await act.session.get(User, user) if user is not None else None
    if user is not None and (person is None or person.erased_at is not None):
        raise errors.Unprocessable(f"There is no user '{user}'.", param="user")
    if team is not None and await act.session.get(Team, team) is None:
        raise errors.Unprocessable(f"There is no team '{team}'.", param="team")
    if person is None or team is None or person.role == roles.ADMIN:
        return
    if await act.session.get(Membership, (team, person.id)) is None:
        raise errors.Unprocessable(f"The user '{user}' is not in the team '{team}'.", param="user")


async def chain_of(act: Act, row: VirtualKey) -> Found:
    """A key with those above it and its owners, as the directory would find it."""
    user = await act.session.get(User, row.user) if row.user is not None else None
    team = await act.session.get(Team, row.team) if row.team is not None else None
    member = await act.session.get(Membership, (team.id, user.id)) if user is not None and team is not None else None
    return Found(
        key_info(row),
        await ancestors(act.session, row.parent),
        user_info(user) if user is not None else None,
        team_info(team) if team is not None else None,
        member.role if member is not None else None,
    )


def _owned(actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    """The new key's owners: one's own team and, for who is no lead, oneself."""
    values = {"team": actor.team, **values}
    if values["team"] != actor.team:
        raise errors.Forbidden("You can make keys for your own team only.", param="team")
    if actor.role != roles.LEAD:
        values = {"user": actor.user, **values}
        if values["user"] != actor.user:
            raise errors.Forbidden("You can make keys for yourself only.", param="user")
    return values


def child_of(parent: Found, values: dict[str, Any]) -> dict[str, Any]:
    """What a key makes has at most its rights, and all of them where nothing is said."""
    if len(parent.ancestors) >= MOST_ANCESTORS:
        raise errors.Forbidden("This key was made by a key that was made by a key …: it cannot make further ones.")
    ceiling = Ceiling.of(parent)
    inherited = ceiling.values()
    if "budget" in values:
        inherited.pop("budget_window")
    tags = list(dict.fromkeys([*ceiling.tags, *values.get("tags", ())]))
    role = {"role": roles.lower(roles.MEMBER, ceiling.role)}
    values = {**inherited, **role, **values, "tags": tags}
    ceiling.check(values)
    return values


async def _caller(act: Act) -> Found:
    """The calling key, as it is now."""
    row = await act.session.get(VirtualKey, act.actor.key)
    if row is None or row.revoked_at is not None:
        raise errors.Forbidden("The calling key is gone.")
    return await chain_of(act, row)


async def _of_team(act: Act, actor: Actor) -> Ceiling:
    row = await act.session.get(Team, actor.team) if actor.team is not None else None
    models = frozenset(row.models) if row is not None and row.models is not None else None
    return Ceiling(role=actor.role, models=models)


def _check_fields(changed: Mapping[str, Any], result: Mapping[str, Any], now: float) -> None:
    default, brands = result.get("default_brand"), result.get("brands")
    if default is not None and brands is not None and default not in brands:
        raise errors.Unprocessable("'default_brand' is one of 'brands'.", param="default_brand")
    if changed.get("expires_at") is not None and changed["expires_at"] <= now:
        raise errors.Unprocessable("'expires_at' lies in the past.", param="expires_at")
