"""LiteLLM's routes for keys and spend, with LiteLLM's field names: `/key/…` and `/spend/logs`. Ours are under /admin.

A key is named by its id (k_…); a key itself is never taken where it would end up in an address or a log. The store
away: 503, and nothing was done.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from gateway.accounts import MASTER_ID, Actor
from gateway.accounts.roles import may
from gateway.api.alias_forms import KeyName, KeyNames, KeyUpdate, NewKey, Regeneration, shown
from gateway.api.asking import PRIVATE, Acting, Id, without_nul
from gateway.api.auth import Caller
from gateway.api.bodies import checked_body, optional_body
from gateway.api.docs import document
from gateway.api.queries import LogQuery
from gateway.api.state import Services, services
from gateway.errors import InvalidRequest
from gateway.types import JsonObject

router = APIRouter(tags=["LiteLLM"], dependencies=PRIVATE)
PAGE = 200  # keys in one look-up of the whole list
KEY_PREFIX = "sk-"
OWNERS = {"team_id": "team", "user_id": "user"}


@router.post("/key/generate", openapi_extra=document(NewKey))
async def generate(request: Request, actor: Acting) -> JsonObject:
    """Make a key. It is shown this once and never again."""
    found = services(request)
    form = await checked_body(request, found.bounds, NewKey)
    known_models(found, form.models)
    fields = {"name": "unnamed", **form.fields(found.clock.now())}
    fields |= await owners(found, actor, form)
    key, secret = await found.accounts.keys.create(actor, **fields)
    return {"key": secret, "token_id": key.id, **shown(key)}


@router.post("/key/update", openapi_extra=document(KeyUpdate))
async def update(request: Request, actor: Acting) -> JsonObject:
    """Change what the body names; the rest stays."""
    found = services(request)
    form = await checked_body(request, found.bounds, KeyUpdate)
    known_models(found, form.models)
    record = await found.accounts.keys.get(actor, id_of(form.key))  # nobody is made for a key that is not there
    changes = form.fields(found.clock.now()) | await owners(found, actor, form)
    key = await found.accounts.keys.edit(actor, record.id, changes, None)
    return {"key": key.id, **shown(key)}


@router.get("/key/info")
async def info(
    request: Request, caller: Caller, actor: Acting, key: Annotated[str | None, Query(max_length=512)] = None
) -> JsonObject:
    """A key by its id; without one, the caller's own."""
    found = services(request)
    if key is None and actor.key is None:
        whose = "The master key" if caller.key_id == MASTER_ID else "A session"
        raise InvalidRequest(f"{whose} has no record of a key. Name the id of one (k_…).", param="key")
    record = await found.accounts.keys.get(actor, id_of(key or caller.key_id))
    return {"key": record.id, "info": {**shown(record), "spend": await found.records.spend(caller, record.id)}}


@router.get("/key/list")
async def listed(request: Request, actor: Acting, include_revoked: bool = False) -> JsonObject:  # noqa: FBT001, FBT002
    """All keys that the caller may see, newest first."""
    keys = services(request).accounts.keys
    page = await keys.list(actor, include_revoked=include_revoked, limit=PAGE)
    every = list(page.items)
    while page.next is not None:
        page = await keys.list(actor, include_revoked=include_revoked, after=page.next, limit=PAGE)
        every += page.items
    return {"object": "list", "keys": [shown(key) for key in every]}


@router.post("/key/delete", openapi_extra=document(KeyNames))
async def delete(request: Request, actor: Acting) -> JsonObject:
    """Revoke keys; their spend stays in the ledger."""
    found = services(request)
    form = await checked_body(request, found.bounds, KeyNames)
    return {"deleted_keys": [(await found.accounts.keys.revoke(actor, id_of(name))).id for name in form.keys]}


@router.post("/key/block", openapi_extra=document(KeyName))
async def block(request: Request, actor: Acting) -> JsonObject:
    """Stop a key, and those it has made, until it is unblocked."""
    return await set_blocked(request, actor, blocked=True)


@router.post("/key/unblock", openapi_extra=document(KeyName))
async def unblock(request: Request, actor: Acting) -> JsonObject:
    """Let a blocked key go on."""
    return await set_blocked(request, actor, blocked=False)


@router.post("/key/{key_id}/regenerate", openapi_extra=document(Regeneration, required=False))
async def regenerate(request: Request, actor: Acting, key_id: Id) -> JsonObject:
    """A new secret for the key, shown this once; the old one goes on for `grace_period` (a day)."""
    found = services(request)
    form = await optional_body(request, found.bounds, Regeneration)
    overlap = {} if form.grace_period is None else {"overlap": form.grace_period}
    key, secret = await found.accounts.keys.rotate(actor, id_of(key_id), **overlap)
    return {"key": secret, "token_id": key.id, **shown(key)}


@router.get("/spend/logs")
async def logs(request: Request, caller: Caller, query: Annotated[LogQuery, Query()]) -> list[JsonObject]:
    """Requests with what they cost, newest first: an admin's all, a lead's its team's, anybody's own. Dates are UTC."""
    offset = (query.page - 1) * query.size
    return await services(request).records.logs(caller, query.filter(), limit=query.size, offset=offset)


async def set_blocked(request: Request, actor: Actor, *, blocked: bool) -> JsonObject:
    found = services(request)
    form = await checked_body(request, found.bounds, KeyName)
    return shown(await found.accounts.keys.edit(actor, id_of(form.key), {"blocked": blocked}, None))


async def owners(found: Services, actor: Actor, form: NewKey | KeyUpdate) -> JsonObject:
    """Who the body says owns the key. LiteLLM's clients bring ids of their own: an admin's unknown ones are made."""
    given = form.model_fields_set
    fields = {ours: getattr(form, name) for name, ours in OWNERS.items() if name in given}
    if not may(actor.role, "user.create"):
        return fields
    accounts = found.accounts
    if fields.get("team") is not None:
        fields["team"] = (await accounts.teams.ensure(actor, fields["team"])).id
    if fields.get("user") is not None:
        fields["user"] = (await accounts.users.ensure(actor, fields["user"], fields.get("team"))).id
    return fields


def known_models(found: Services, names: list[str] | None) -> None:
    """Raise InvalidRequest for what names no model of the configuration, no group of them and no pattern."""
    unknown = [name for name in names or () if not found.routes.nameable(name)]
    if unknown:
        raise InvalidRequest(f"There is no model '{unknown[0]}'.", param="models", code="model_not_found")


def id_of(name: str) -> str:
    """Raises InvalidRequest for a key where its id is asked for, without repeating it."""
    if name.startswith(KEY_PREFIX):
        raise InvalidRequest("Name a key by its id (k_…), not by the key itself.", param="key")
    return without_nul(name)
