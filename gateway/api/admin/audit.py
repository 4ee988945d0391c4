"""`/admin/audit`: who did what, before and after; nothing here changes anything. The store away: 503."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from gateway.api.admin.access_shapes import AuditShape
from gateway.api.admin.shapes import Listed
from gateway.api.asking import PRIVATE, Acting
from gateway.api.queries import AuditQuery
from gateway.api.state import services

router = APIRouter(prefix="/admin/audit", tags=["Audit"], dependencies=PRIVATE)


@router.get("")
async def audit(request: Request, actor: Acting, query: Annotated[AuditQuery, Query()]) -> Listed[AuditShape]:
    """Administrative acts, newest first; a lead sees its team's."""
    page = await services(request).accounts.audit.list(actor, **query.model_dump())
    return Listed.of(page, [AuditShape.of(each) for each in page.items])
