"""What a key may use: `GET /v1/models`, `/v1/models/{id}`, `/v1/templates`, and who it is: `GET /v1/me`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gateway.accounts import Actor
from gateway.api.asking import PRIVATE, Acting
from gateway.api.auth import Caller
from gateway.api.state import Services, services
from gateway.errors import NotFound
from gateway.stages.ways import unknown
from gateway.types import Endpoint, Identity

router = APIRouter(tags=["OpenAI"])
CREATED = 1_767_225_600  # models have no birthday here; clients only sort by it


@router.get("/v1/models")
@router.get("/models", include_in_schema=False)
async def models(request: Request, caller: Caller) -> dict[str, Any]:
    """The models that this key may ask for and that somebody can serve."""
    found = services(request)
    listed = [model(found, name) for name in found.routes.names if found.routes.allowed(caller, name)]
    return {"object": "list", "data": [each for each in listed if each["deployments"]]}


@router.get("/v1/models/{name:path}")
async def one_model(request: Request, name: str, caller: Caller) -> dict[str, Any]:
    """One of them."""
    found = services(request)
    if not found.routes.endpoints(name) or not found.routes.allowed(caller, name):
        raise unknown(name)
    return model(found, name)


def model(found: Services, name: str) -> dict[str, Any]:
    """OpenAI's members, and what stands behind the name."""
    deployments = [
        d for endpoint in Endpoint for d in found.routes.deployments(found.routes.plain(name).groups, endpoint)
    ]
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": deployments[0].provider if len({d.provider for d in deployments}) == 1 else "atelier",
        "endpoints": sorted(found.routes.endpoints(name)),
        "deployments": list(dict.fromkeys(d.model_name for d in deployments)),
        "simulated": any(d.simulated for d in deployments),
    }


@router.get("/v1/templates")
async def templates(request: Request, _: Caller) -> dict[str, Any]:
    """Templates with their variables, and brand voices."""
    return services(request).library.describe()


@router.get("/v1/me", dependencies=PRIVATE)
async def me(request: Request, caller: Caller, actor: Acting) -> dict[str, Any]:
    """Who the key or session belongs to, what it may do, what it has spent and has left."""
    found = services(request)
    return {
        "object": "identity",
        **rights(caller),
        **await person(found, actor),
        "models": [name for name in found.routes.names if found.routes.allowed(caller, name)],
        "spend": await found.records.spend(caller),
        "simulated": found.simulated,
    }


async def person(found: Services, actor: Actor) -> dict[str, Any]:
    """The caller's user and its teams; of a user that is only a name, the name."""
    if actor.user is None:
        return {"account": None, "teams": []}
    try:
        user = await found.accounts.users.get(actor, actor.user)
        teams = await found.accounts.users.memberships(actor, actor.user)
    except NotFound:
        return {"account": {"id": actor.user, "name": None, "email": None}, "teams": []}
    return {
        "account": {"id": user.id, "name": user.name, "email": user.email},
        "teams": [{"team": team, "role": role} for team, role in teams],
    }


def rights(caller: Identity) -> dict[str, Any]:
    return {
        "key_id": caller.key_id,
        "name": caller.name,
        "user": caller.user,
        "team": caller.team,
        "role": caller.role,
        "session_id": caller.session_id,
        "tenant": caller.tenant,
        "default_brand": caller.default_brand,
        "brands": sorted(caller.brands) if caller.brands is not None else None,
        "rpm": caller.rpm,
        "max_parallel": caller.max_parallel,
        "tags": list(caller.tags),
        "expires_at": caller.expires_at,
    }
