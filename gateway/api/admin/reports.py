"""`/admin/reports/spend`: what was spent, by person, team, brand, model, key or day; each caller sees its own part.

Reads sums that are kept beside the ledger, so a report costs the requests nothing. The store away: 503.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field, model_validator

from gateway.api.asking import PRIVATE
from gateway.api.auth import Caller
from gateway.api.queries import Value
from gateway.api.state import services
from gateway.reports import Days, Filters, Viewer

router = APIRouter(prefix="/admin/reports", tags=["Reports"], dependencies=PRIVATE)

NO_STORE = {"cache-control": "no-store"}
USUAL_DAYS = 30
MOST_DAYS = 3_660
FIRST, LAST = date(1970, 1, 1), date(2999, 12, 31)


class SpendQuery(BaseModel):
    """Whole days, UTC, both included; without them the last 30."""

    first: date | None = Field(None, alias="from", ge=FIRST, le=LAST)
    last: date | None = Field(None, alias="to", ge=FIRST, le=LAST)
    by: Literal["user", "team", "brand", "model", "key", "day"] = "day"
    format: Literal["json", "csv"] = "json"
    team: Value | None = None
    user: Value | None = None
    brand: Value | None = None
    model: Value | None = None
    key: Value | None = None

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.first is not None and self.last is not None and not 0 <= (self.last - self.first).days < MOST_DAYS:
            raise ValueError(f"'from' to 'to' are 1 to {MOST_DAYS} days")
        return self

    def days(self, now: float) -> Days:
        last = self.last or max(datetime.fromtimestamp(now, UTC).date(), self.first or FIRST)
        return Days.between(self.first or max(FIRST, last - timedelta(days=USUAL_DAYS - 1)), last)

    def filters(self) -> Filters:
        return Filters(self.team, self.user, self.brand, self.model, self.key)


@router.get("/spend")
async def spend(request: Request, caller: Caller, query: Annotated[SpendQuery, Query()]) -> Response:
    """One table, the dearest first (days: the oldest first), as JSON or CSV. `team=` with nothing: what has none."""
    found = services(request)
    days = query.days(found.clock.now())
    report = await found.spend_report(Viewer.of(caller), days, query.by, query.filters())
    if query.format == "json":
        return JSONResponse(report.body(), headers=NO_STORE)
    name = f"spend-by-{query.by}.csv"
    headers = {**NO_STORE, "content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(report.csv(), media_type="text/csv; charset=utf-8", headers=headers)
