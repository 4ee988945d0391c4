"""Lists in pages, newest first. A page begins after the last row of the one before, so that new rows shift nothing."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import and_, or_

from gateway.accounts.values import Page
from gateway.errors import Unprocessable

LONGEST_PAGE = 200
LONGEST_CURSOR = 1_000
Row = TypeVar("Row")
Value = TypeVar("Value")


def newest_first(query: Any, created_at: Any, row_id: Any, after: str | None, limit: int) -> Any:
    """The query with order, bound and beginning; it reads one row more than the page has."""
    if not 1 <= limit <= LONGEST_PAGE:
        raise Unprocessable(f"'limit' is 1 to {LONGEST_PAGE}.", param="limit")
    if after is not None:
        at, last = parse(after)
        query = query.where(or_(created_at < at, and_(created_at == at, row_id < last)))
    return query.order_by(created_at.desc(), row_id.desc()).limit(limit + 1)


def page(
    rows: Sequence[Row], limit: int, value: Callable[[Row], Value], place: Callable[[Row], tuple[float, str]]
) -> Page[Value]:
    """A page of what was read; `place`: creation time and id of a row."""
    shown = rows[:limit]
    more = len(rows) > limit
    return Page(tuple(value(row) for row in shown), cursor(*place(shown[-1])) if more else None)


def cursor(at: float, last: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([at, last]).encode()).rstrip(b"=").decode()


def parse(after: str) -> tuple[float, str]:
    """Raises Unprocessable for anything that `cursor` did not write."""
    try:
        padded = after[:LONGEST_CURSOR] + "=" * (-len(after) % 4)
        match json.loads(base64.b64decode(padded, altchars="-_", validate=True)):
            case [float(at), str(last)] if math.isfinite(at) and "\0" not in last and last.encode():
                return at, last
    except (ValueError, RecursionError):
        pass
    raise Unprocessable("'after' is no cursor; take it from 'next' of a list.", param="after")
