"""`/admin/teams`: people who share keys, spend and what the gateway remembers; and who belongs to them.

The store away: 503, and nothing was done.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.accounts import Actor
from gateway.api.admin.forms import MemberRole, NewTeam, TeamChanges
from gateway.api.admin.named import known_models
from gateway.api.admin.shapes import Ended, Listed, MembershipShape, Person, TeamShape
from gateway.api.admin.spending import spend
from gateway.api.asking import PRIVATE, Acting, Expected, Id, tag
from gateway.api.bodies import checked_body
from gateway.api.docs import document
from gateway.api.queries import Part
from gateway.api.state import services
from gateway.ports import TeamInfo

router = APIRouter(prefix="/admin/teams", tags=["Teams"], dependencies=PRIVATE)


@router.get("")
async def teams(request: Request, actor: Acting, query: Annotated[Part, Query()]) -> Listed[TeamShape]:
    """Teams that the caller belongs to, newest first; an admin sees all."""
    known = services(request).accounts.teams
    page = await known.list(actor, **query.model_dump())
    spent = await spend(request, actor, page.items)
    seen = [len(await known.members(actor, team.id)) for team in page.items]
    return Listed.of(page, [TeamShape.of(*each) for each in zip(page.items, seen, spent, strict=True)])


@router.post("", status_code=201, openapi_extra=document(NewTeam))
async def create(request: Request, response: Response, actor: Acting) -> TeamShape:
    """Make a team."""
    found = services(request)
    form = await checked_body(request, found.bounds, NewTeam)
    known_models(found, form.models)
    return await shape(request, response, actor, await found.accounts.teams.create(actor, **form.given()))


@router.get("/{team_id}")
async def team(request: Request, response: Response, actor: Acting, team_id: Id) -> TeamShape:
    """One team."""
    return await shape(request, response, actor, await services(request).accounts.teams.get(actor, team_id))


@router.patch("/{team_id}", openapi_extra=document(TeamChanges))
async def edit(request: Request, response: Response, actor: Acting, team_id: Id, version: Expected) -> TeamShape:
    """Change what the body names; the rest stays."""
    found = services(request)
    form = await checked_body(request, found.bounds, TeamChanges)
    known_models(found, form.models)
    return await shape(request, response, actor, await found.accounts.teams.edit(actor, team_id, form.given(), version))


@router.get("/{team_id}/members")
async def members(request: Request, actor: Acting, team_id: Id) -> Listed[MembershipShape]:
    """Who belongs to the team, in the order in which they came."""
    found = await services(request).accounts.teams.members(actor, team_id)
    return Listed.whole([MembershipShape(team=team_id, user=Person.of(user), role=role) for user, role in found])


@router.put("/{team_id}/members/{user_id}", openapi_extra=document(MemberRole))
async def set_member(request: Request, actor: Acting, team_id: Id, user_id: Id) -> MembershipShape:
    """Add a user to the team, or change its role there."""
    found = services(request)
    form = await checked_body(request, found.bounds, MemberRole)
    user, role = await found.accounts.teams.set_member(actor, team_id, user_id, form.role)
    return MembershipShape(team=team_id, user=Person.of(user), role=role)


@router.delete("/{team_id}/members/{user_id}")
async def remove_member(request: Request, actor: Acting, team_id: Id, user_id: Id) -> Ended:
    """From now on the user's keys and sessions in this team may only look."""
    await services(request).accounts.teams.remove_member(actor, team_id, user_id)
    return Ended(object="membership.removed", id=f"{team_id}/{user_id}")


async def shape(request: Request, response: Response, actor: Actor, team: TeamInfo) -> TeamShape:
    """Sets the ETag as well."""
    seen = await services(request).accounts.teams.members(actor, team.id)
    [spent] = await spend(request, actor, [team])
    tag(response, team.version)
    return TeamShape.of(team, len(seen), spent)
