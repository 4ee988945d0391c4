"""`/admin/keys`: virtual keys; made, changed, rotated and revoked. The store away: 503, and nothing was done.

A key is shown when it is made or rotated, and never again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from gateway.accounts import Actor
from gateway.api.admin.forms import KeyChanges, NewKey, Rotation
from gateway.api.admin.named import known_models
from gateway.api.admin.shapes import KeyShape, Listed, MadeKey
from gateway.api.admin.spending import spend
from gateway.api.asking import PRIVATE, Acting, Expected, Id, tag
from gateway.api.bodies import checked_body, optional_body
from gateway.api.docs import document
from gateway.api.queries import KeyQuery
from gateway.api.state import services
from gateway.ports import KeyInfo

router = APIRouter(prefix="/admin/keys", tags=["Keys"], dependencies=PRIVATE)


@router.get("")
async def keys(request: Request, actor: Acting, query: Annotated[KeyQuery, Query()]) -> Listed[KeyShape]:
    """Keys that the caller may see, newest first."""
    page = await services(request).accounts.keys.list(actor, **query.model_dump())
    spent = await spend(request, actor, page.items)
    return Listed.of(page, [KeyShape.of(*each) for each in zip(page.items, spent, strict=True)])


@router.post("", status_code=201, openapi_extra=document(NewKey))
async def create(request: Request, response: Response, actor: Acting) -> MadeKey:
    """Make a key. It is shown this once and never again."""
    found = services(request)
    form = await checked_body(request, found.bounds, NewKey)
    known_models(found, form.models)
    return await made(request, response, actor, await found.accounts.keys.create(actor, **form.given()))


@router.get("/{key_id}")
async def key(request: Request, response: Response, actor: Acting, key_id: Id) -> KeyShape:
    """One key by its id (k_…)."""
    return await shape(request, response, actor, await services(request).accounts.keys.get(actor, key_id))


@router.patch("/{key_id}", openapi_extra=document(KeyChanges))
async def edit(request: Request, response: Response, actor: Acting, key_id: Id, version: Expected) -> KeyShape:
    """Change what the body names; the rest stays. `blocked` stops the key, and what it made, until it is taken back."""
    found = services(request)
    form = await checked_body(request, found.bounds, KeyChanges)
    known_models(found, form.models)
    return await shape(request, response, actor, await found.accounts.keys.edit(actor, key_id, form.given(), version))


@router.delete("/{key_id}")
async def revoke(request: Request, response: Response, actor: Acting, key_id: Id) -> KeyShape:
    """Revoke a key, and those it has made, for good. Its spend stays in the ledger."""
    return await shape(request, response, actor, await services(request).accounts.keys.revoke(actor, key_id))


@router.post("/{key_id}/rotate", openapi_extra=document(Rotation, required=False))
async def rotate(request: Request, response: Response, actor: Acting, key_id: Id) -> MadeKey:
    """A new secret for the key, shown this once; the old one goes on for `overlap_seconds` (a day)."""
    found = services(request)
    form = await optional_body(request, found.bounds, Rotation)
    overlap = {"overlap": form.overlap_seconds} if form.given() else {}
    return await made(request, response, actor, await found.accounts.keys.rotate(actor, key_id, **overlap))


async def shape(request: Request, response: Response, actor: Actor, key: KeyInfo) -> KeyShape:
    """Sets the ETag as well."""
    [spent] = await spend(request, actor, [key])
    tag(response, key.version)
    return KeyShape.of(key, spent)


async def made(request: Request, response: Response, actor: Actor, new: tuple[KeyInfo, str]) -> MadeKey:
    """With the secret itself."""
    key, secret = new
    [spent] = await spend(request, actor, [key])
    tag(response, key.version)
    return MadeKey.of(key, spent, key=secret)
