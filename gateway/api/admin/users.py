"""`/admin/users`: people, and programs that clients call users; their sessions, their data, and how they are forgotten.

The store away: 503, and nothing was done.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from gateway.accounts import Actor
from gateway.api.admin.access_shapes import SessionShape
from gateway.api.admin.forms import NewUser, UserChanges
from gateway.api.admin.shapes import Ended, Listed, UserShape
from gateway.api.admin.spending import spend
from gateway.api.asking import PRIVATE, Acting, Expected, Id, tag
from gateway.api.bodies import checked_body
from gateway.api.docs import document
from gateway.api.queries import UserQuery
from gateway.api.state import services
from gateway.ports import UserInfo

router = APIRouter(prefix="/admin/users", tags=["Users"], dependencies=PRIVATE)


@router.get("")
async def users(request: Request, actor: Acting, query: Annotated[UserQuery, Query()]) -> Listed[UserShape]:
    """Users that the caller may see, newest first; with `team`, its members."""
    known = services(request).accounts.users
    page = await known.list(actor, **query.model_dump())
    spent = await spend(request, actor, page.items)
    teams = [await known.memberships(actor, user.id) for user in page.items]
    return Listed.of(page, [UserShape.of(*each) for each in zip(page.items, teams, spent, strict=True)])


@router.post("", status_code=201, openapi_extra=document(NewUser))
async def create(request: Request, response: Response, actor: Acting) -> UserShape:
    """Make a user. Who is to sign in needs an invitation, or an e-mail that the identity provider verifies."""
    found = services(request)
    form = await checked_body(request, found.bounds, NewUser)
    return await shape(request, response, actor, await found.accounts.users.create(actor, **form.given()))


@router.get("/{user_id}")
async def user(request: Request, response: Response, actor: Acting, user_id: Id) -> UserShape:
    """One user with its teams, as far as the caller may see them."""
    return await shape(request, response, actor, await services(request).accounts.users.get(actor, user_id))


@router.patch("/{user_id}", openapi_extra=document(UserChanges))
async def edit(request: Request, response: Response, actor: Acting, user_id: Id, version: Expected) -> UserShape:
    """Change what the body names; the rest stays."""
    found = services(request)
    form = await checked_body(request, found.bounds, UserChanges)
    return await shape(request, response, actor, await found.accounts.users.edit(actor, user_id, form.given(), version))


@router.delete("/{user_id}")
async def erase(request: Request, actor: Acting, user_id: Id) -> Ended:
    """Forget a person for good. Its spend stays, under the opaque id of the answer."""
    return Ended(object="user.erased", id=await services(request).accounts.users.erase(actor, user_id))


@router.get("/{user_id}/export", response_class=StreamingResponse)
async def export(request: Request, actor: Acting, user_id: Id) -> StreamingResponse:
    """Everything that the gateway holds about a person, as one JSON object."""
    pieces = await services(request).accounts.users.export(actor, user_id)
    headers = {"cache-control": "no-store", "content-disposition": 'attachment; filename="export.json"'}
    return StreamingResponse(pieces, media_type="application/json", headers=headers)


@router.get("/{user_id}/sessions")
async def sessions(request: Request, actor: Acting, user_id: Id) -> Listed[SessionShape]:
    """Where the user is signed in."""
    running = await services(request).accounts.sign_ins.list(actor, user_id)
    return Listed.whole([SessionShape.of(each) for each in running])


@router.delete("/{user_id}/sessions")
async def end_sessions(request: Request, actor: Acting, user_id: Id) -> Ended:
    """Sign the user out everywhere."""
    count = await services(request).accounts.sign_ins.end_all(actor, user_id)
    return Ended(object="session.ended", id=user_id, count=count)


async def shape(request: Request, response: Response, actor: Actor, user: UserInfo) -> UserShape:
    """Sets the ETag as well."""
    teams = await services(request).accounts.users.memberships(actor, user.id)
    [spent] = await spend(request, actor, [user])
    tag(response, user.version)
    return UserShape.of(user, teams, spent)
