"""`/v1/generations/{id}`: how a request ended, what it cost, which way it went; and a way to stop one that runs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from gateway.api.auth import Caller
from gateway.api.state import services
from gateway.errors import Conflict, NotFound, Reason
from gateway.types import Call, Identity

router = APIRouter(tags=["Generations"])


@router.get("/v1/generations/{generation_id}")
async def generation(request: Request, generation_id: str, caller: Caller) -> dict[str, Any]:
    """The record of a generation of the caller's tenant; another tenant's is as unknown as one that never was."""
    found = await services(request).records.generation(generation_id, caller)
    if found is None:
        raise missing(generation_id)
    return found


@router.post("/v1/generations/{generation_id}/cancel")
async def cancel(request: Request, generation_id: str, caller: Caller) -> dict[str, Any]:
    """Stop a running generation: the provider's connection is closed, what was used is charged."""
    found = services(request)
    running = found.generations.get(generation_id)
    if running is not None and visible(running.call, caller):
        running.call.interruption.request(Reason.CANCELLED)
        await running.task
        record = await found.records.generation(generation_id, caller)
        return record or {"id": generation_id, "object": "generation", "status": "cancelled"}
    record = await found.records.generation(generation_id, caller)
    if record is None:
        raise missing(generation_id)
    if record.get("status") == "cancelled":
        return record
    raise Conflict(f"The generation '{generation_id}' has ended already.", code="already_finished")


def visible(call: Call, viewer: Identity) -> bool:
    return viewer.role == "admin" or (call.identity is not None and call.identity.tenant == viewer.tenant)


def missing(generation_id: str) -> NotFound:
    return NotFound(f"No generation found with id '{generation_id[:100]}'.")
