"""Virtual keys for admins: `/key/generate`, `/key/info`, `/key/list`, `/key/delete`, with LiteLLM's field names."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.auth import Admin, Caller
from gateway.api.bodies import checked_body
from gateway.api.docs import document
from gateway.api.state import services
from gateway.errors import Forbidden, InvalidRequest, NotFound
from gateway.identities import MASTER_ID
from gateway.ledger.prices import usd
from gateway.ports import KeyInfo
from gateway.store.secrets import new_key, new_key_id, shown_prefix

router = APIRouter(prefix="/key", tags=["Keys"])
DURATION = re.compile(r"(\d{1,5})([smhd])\Z")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
NANO = 1_000_000_000


class NewKey(BaseModel):
    """What an admin may say of a new key. Money in USD; durations like 30d or 12h."""

    model_config = ConfigDict(extra="forbid")

    key_alias: str | None = Field(None, max_length=100)
    user_id: str | None = Field(None, max_length=200)
    team_id: str | None = Field(None, max_length=200)
    role: str = Field("member", pattern="^(member|admin)$")
    models: list[str] | None = Field(None, max_length=200)
    brands: list[str] | None = Field(None, max_length=200)
    default_brand: str | None = Field(None, max_length=200)
    max_budget: float | None = Field(None, ge=0, le=1e7)
    budget_duration: str | None = Field(None, pattern=r"^\d{1,4}d$")
    rpm_limit: int | None = Field(None, ge=1, le=1_000_000)
    max_parallel_requests: int | None = Field(None, ge=1, le=100_000)
    duration: str | None = None
    tags: list[str] = Field(default_factory=list, max_length=20)
    metadata: dict[str, Any] = Field(default_factory=dict)


class KeyNames(BaseModel):
    """Keys to revoke: ids (`k_…`)."""

    model_config = ConfigDict(extra="forbid")

    keys: list[str] = Field(min_length=1, max_length=100)


@router.post("/generate", openapi_extra=document(NewKey))
async def generate(request: Request, _: Admin) -> dict[str, Any]:
    """Make a key. It is shown this once and never again."""
    found = services(request)
    wanted = await checked_body(request, found.bounds, NewKey)
    known = set(found.routes.names)
    unknown = [name for name in wanted.models or () if name not in known]
    if unknown:
        raise InvalidRequest(f"There is no model '{unknown[0]}'.", param="models", code="model_not_found")
    key = new_key()
    info = key_info(wanted, key, found.clock.now())
    created = await found.keys.create(info, found.digests.digest(key))
    return {"key": key, "token_id": created.id, **shown(created)}


@router.get("/info")
async def info(
    request: Request, caller: Caller, key: Annotated[str | None, Query(max_length=512)] = None
) -> dict[str, Any]:
    """A key by its id; without one, the caller's own. Others' keys are for admins."""
    found = services(request)
    if key is None and caller.key_id == MASTER_ID:
        raise InvalidRequest("The master key has no record. Name the id of a key (k_…).", param="key")
    wanted = key or caller.key_id
    if wanted.startswith("sk-"):
        raise InvalidRequest(
            "Ask for a key by its id (k_…); keys themselves do not belong into addresses.", param="key"
        )
    if wanted != caller.key_id and caller.role != "admin":
        raise Forbidden("Only an admin's key may look at other keys.")
    record = await found.keys.get(wanted)
    if record is None:
        raise NotFound(f"No key found with id '{wanted[:100]}'.")
    return {"key": record.id, "info": {**shown(record), "spend": await found.records.spend(caller, record.id)}}


@router.get("/list")
async def listed(request: Request, _: Admin, include_revoked: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
    """All keys, newest first."""
    keys = await services(request).keys.list(include_revoked=include_revoked)
    return {"object": "list", "keys": [shown(key) for key in keys]}


@router.post("/delete", openapi_extra=document(KeyNames))
async def delete(request: Request, _: Admin) -> dict[str, Any]:
    """Revoke keys; their spend stays in the ledger."""
    found = services(request)
    names = await checked_body(request, found.bounds, KeyNames)
    revoked = []
    for name in names.keys:
        record = await found.keys.revoke(name, found.clock.now())
        if record is None:
            raise NotFound(f"No key found with id '{name[:100]}'.")
        revoked.append(record.id)
    found.identities.forget()
    return {"deleted_keys": revoked}


def key_info(wanted: NewKey, key: str, now: float) -> KeyInfo:
    """The record of a new key; only its first characters are kept for people to tell it by."""
    return KeyInfo(
        id=new_key_id(),
        name=wanted.key_alias or "unnamed",
        prefix=shown_prefix(key),
        created_at=now,
        role=wanted.role,
        user=wanted.user_id,
        team=wanted.team_id,
        expires_at=None if wanted.duration is None else now + duration(wanted.duration),
        models=tuple(wanted.models) if wanted.models else None,
        brands=tuple(wanted.brands) if wanted.brands else None,
        default_brand=wanted.default_brand,
        budget=None if wanted.max_budget is None else round(wanted.max_budget * NANO),
        budget_window=wanted.budget_duration,
        rpm=wanted.rpm_limit,
        max_parallel=wanted.max_parallel_requests,
        tags=tuple(wanted.tags),
        metadata=wanted.metadata or None,
    )


def duration(text: str) -> float:
    """Seconds of 30s, 15m, 12h or 30d."""
    match = DURATION.match(text)
    if match is None:
        raise InvalidRequest("'duration' is written like 30s, 15m, 12h or 30d.", param="duration")
    return float(int(match[1]) * SECONDS[match[2]])


def shown(key: KeyInfo) -> dict[str, Any]:
    """A key as an admin sees it, in LiteLLM's field names."""
    return {
        "key_id": key.id,
        "key_alias": key.name,
        "key_name": f"{key.prefix}…",
        "created_at": key.created_at,
        "expires": key.expires_at,
        "revoked_at": key.revoked_at,
        "role": key.role,
        "user_id": key.user,
        "team_id": key.team,
        "models": list(key.models) if key.models is not None else None,
        "brands": list(key.brands) if key.brands is not None else None,
        "default_brand": key.default_brand,
        "max_budget": None if key.budget is None else float(usd(key.budget)),
        "budget_duration": key.budget_window,
        "rpm_limit": key.rpm,
        "max_parallel_requests": key.max_parallel,
        "tags": list(key.tags),
        "metadata": dict(key.metadata or {}),
    }
