"""Requests with what they cost, in LiteLLM's field names: what its clients read as `/spend/logs`.

The viewer is part of the query, so another's row never leaves the store. While the store is away: `errors.Unavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement
from sqlmodel import col

from gateway import errors
from gateway.ledger.prices import NANO_PER_USD
from gateway.store.tables import LedgerLine, Request
from gateway.types import Identity, JsonObject, Status

GOOD = frozenset({Status.COMPLETED, Status.INCOMPLETE})
LENGTH_OF_DATE = len("2026-01-31")


@dataclass(frozen=True, slots=True)
class LogFilter:
    """None: whatever. Times are Unix seconds, `until` is not in it any more."""

    key_id: str | None = None
    user: str | None = None
    request_id: str | None = None
    since: float | None = None
    until: float | None = None

    @classmethod
    def of(
        cls, key_id: str | None, user: str | None, request_id: str | None, start: str | None, end: str | None
    ) -> Self:
        """`start` and `end` are dates or times, UTC where they do not say; a date ends with its day.

        Raises InvalidRequest.
        """
        since = None if start is None else moment(start, "start_date")
        until = None if end is None else moment(end, "end_date")
        if until is not None and end is not None and len(end) == LENGTH_OF_DATE:
            until += timedelta(days=1).total_seconds()
        return cls(key_id, user, request_id, since, until)

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[Any] = []
        for column, value in ((Request.key_id, self.key_id), (Request.user, self.user), (Request.id, self.request_id)):
            if value is not None:
                found.append(col(column) == value)
        if self.since is not None:
            found.append(col(Request.created_at) >= self.since)
        if self.until is not None:
            found.append(col(Request.created_at) < self.until)
        return found


def moment(text: str, param: str) -> float:
    """Unix seconds. Raises InvalidRequest."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise errors.InvalidRequest(
            f"'{param}' is a date like 2026-01-31, or a time of ISO 8601.", param=param
        ) from None


def visible(viewer: Identity) -> list[ColumnElement[bool]]:
    """The conditions that keep what the viewer may not read in the store: a lead reads its team's, others their own."""
    if viewer.role == "admin":
        return []
    if viewer.role == "lead" and viewer.team is not None:
        return [col(Request.team) == viewer.team]
    own = Request.user if viewer.user is not None else Request.key_id
    return [col(own) == (viewer.user if viewer.user is not None else viewer.key_id)]


def log_row(request: Request, lines: Sequence[LedgerLine]) -> JsonObject:
    """One row. `lines` are the request's attempts, in their order."""
    served = next((line for line in reversed(lines) if line.deployment_id == request.deployment_id), None)
    taken, given = request.input_tokens or 0, request.output_tokens or 0
    return {
        "request_id": request.id,
        "call_type": request.endpoint,
        "api_key": request.key_id,
        "model": served.model if served is not None else request.model_requested,
        "model_group": request.model_requested,
        "custom_llm_provider": served.provider if served is not None else None,
        "spend": request.cost_nano / NANO_PER_USD,
        "total_tokens": taken + given,
        "prompt_tokens": taken,
        "completion_tokens": given,
        "startTime": iso(request.created_at),
        "endTime": None if request.ended_at is None else iso(request.ended_at),
        "user": request.user,
        "team_id": request.team,
        "team": request.team,
        "request_tags": request.tags,
        "cache_hit": request.cache == "hit",
        "status": None if request.status is None else "success" if request.status in GOOD else "failure",
    }


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
