"""For operators: is the process alive, will it take requests, how is it doing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from gateway.api.auth import Caller
from gateway.api.budgets import budgets
from gateway.api.state import Services, services
from gateway.telemetry.metrics import CONTENT_TYPE

router = APIRouter(tags=["Operations"])
public = APIRouter(tags=["Operations"])


@public.get("/health/live")
@public.get("/health/liveliness", include_in_schema=False)
async def live() -> dict[str, str]:
    """200 as long as the process can answer at all."""
    return {"status": "alive"}


@public.get("/health/ready")
@public.get("/health/readiness", include_in_schema=False)
async def ready(request: Request) -> JSONResponse:
    """200 when requests are welcome, 503 with the reasons when they are not; `degraded`: what works less well."""
    found = services(request)
    reasons = [*found.unready, *(["draining"] if found.generations.draining else [])]
    body = {
        "status": "not ready" if reasons else "ready",
        "reasons": reasons,
        "degraded": found.dependencies.degraded(),
        "simulated": found.simulated,
        "config": {
            "version": found.serving.version,
            "loaded_at": found.serving.loaded_at,
            "rejected": found.reloader.rejected is not None,
        },
    }
    return JSONResponse(body, 503 if reasons else 200)


@router.get("/metrics")
async def metrics(request: Request, _: Caller) -> Response:
    """Prometheus text format."""
    found = services(request)
    read_gauges(found)
    return Response(found.metrics.render(), media_type=CONTENT_TYPE)


async def with_version(request: Request, response: Response) -> None:
    """Say which version of the configuration answers."""
    response.headers["x-atelier-config-version"] = services(request).serving.version


def read_gauges(found: Services) -> None:
    """Set what is not counted but read, the line and the breakers of this process; publish what was counted."""
    found.more_gauges(found.metrics)
    found.metrics.queue_waiting(found.places.snapshot().waiting)
    for deployment in found.deployments:
        found.metrics.breaker_state(deployment.id, found.health.state(deployment.id))
    found.metrics.publish()


def at_work(found: Services) -> dict[str, int | str]:
    """What this process does at the moment, and by which version of the configuration."""
    return {
        "running": len(found.generations),
        "waiting": found.places.snapshot().waiting,
        "config": found.serving.version,
    }


@router.get("/v1/status")
async def status(request: Request, caller: Caller) -> dict[str, Any]:
    """Every deployment with its state: what a member of the team may see of the gateway's health. Admins see alerts and budgets."""
    found = services(request)
    body = {"object": "status", "simulated": found.simulated, "deployments": deployments(found)}
    if caller.role == "admin":
        body["budgets"] = await budgets(found)
        if found.alerts is not None:
            body["alerts"] = [asdict(alert) for alert in found.alerts.active()]
    return body


def deployments(found: Services) -> list[dict[str, Any]]:
    """Names and states; no address, no credential."""
    latencies = found.health.latencies([d.id for d in found.deployments])
    ready = [
        {
            "id": d.id,
            "group": d.group,
            "provider": d.provider,
            "model": d.model_name,
            "state": "simulated" if d.simulated and found.health.usable(d.id) else state_of(found, d.id),
            "breaker": found.health.state(d.id),
            "ttft_seconds": latencies.get(d.id),
        }
        for d in found.deployments
    ]
    missing = [
        {
            "id": each.deployment.id,
            "group": each.deployment.group,
            "provider": each.deployment.provider,
            "model": each.deployment.model_name,
            "state": "no key",
            "breaker": None,
            "ttft_seconds": None,
        }
        for each in found.no_key
    ]
    return ready + missing


def state_of(found: Services, deployment_id: str) -> str:
    if found.health.state(deployment_id) == "open":
        return "out"
    return "ready" if found.health.usable(deployment_id) else "cooling down"
