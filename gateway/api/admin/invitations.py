"""`/admin/invitations`: links that make one account, once. The store away: 503, and nothing was done.

What a link carries is a token, shown when it is made; who accepts it goes to `POST /auth/accept-invitation`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from gateway.api.admin.access_shapes import InvitationShape, MadeInvitation
from gateway.api.admin.forms import NewInvitation
from gateway.api.admin.shapes import Listed
from gateway.api.asking import PRIVATE, Acting, Id
from gateway.api.bodies import checked_body
from gateway.api.docs import document
from gateway.api.queries import Part
from gateway.api.state import services

router = APIRouter(prefix="/admin/invitations", tags=["Invitations"], dependencies=PRIVATE)


@router.get("")
async def invitations(request: Request, actor: Acting, query: Annotated[Part, Query()]) -> Listed[InvitationShape]:
    """Newest first; used, expired and revoked ones too."""
    page = await services(request).accounts.invitations.list(actor, **query.model_dump())
    return Listed.of(page, [InvitationShape.of(each) for each in page.items])


@router.post("", status_code=201, openapi_extra=document(NewInvitation))
async def create(request: Request, actor: Acting) -> MadeInvitation:
    """Make an invitation. Its token is shown this once and never again."""
    found = services(request)
    form = await checked_body(request, found.bounds, NewInvitation)
    invitation, token = await found.accounts.invitations.create(actor, **form.given())
    return MadeInvitation.of(invitation, token=token)


@router.delete("/{invitation_id}")
async def revoke(request: Request, actor: Acting, invitation_id: Id) -> InvitationShape:
    """Nobody can accept it any more."""
    return InvitationShape.of(await services(request).accounts.invitations.revoke(actor, invitation_id))
