"""What the pages before sign-in have in common: plain HTML, the form that comes back, the cookie that lets a browser in.

The pages load nothing, run nothing but a script of ours that bears the page's nonce, and are kept by nobody. Whatever
is filled in is escaped.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dashboard import wiring
from dashboard.client import Problem
from dashboard.sessions import LIFE

PAGES = Path(__file__).with_name("html")  # Streamlit would take "pages" for pages of its own, and look there for ours
LONGEST_BODY = 8_192  # bytes
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"cache-control": "no-store", "referrer-policy": "same-origin", "x-content-type-options": "nosniff"}
AWAY = 502  # status: the gateway cannot be asked, or is not well


def session_id(connection: HTTPConnection) -> str | None:
    return connection.cookies.get(wiring.cookie_name())


def signed_in(connection: HTTPConnection) -> bool:
    return wiring.sessions().get(session_id(connection)) is not None


async def let_in(request: Request, enter: Callable[[], str]) -> Response:
    """Open a session with `enter` in place of the browser's old one, and lead to the first page. Raises Problem."""
    new = await asyncio.to_thread(enter)
    await asyncio.to_thread(wiring.sessions().end, session_id(request))
    answer = RedirectResponse("/", 303, {"cache-control": "no-store"})
    answer.set_cookie(wiring.cookie_name(), new, int(LIFE), httponly=True, samesite="lax", secure=secure(request))
    return answer


def secure(request: Request) -> bool:
    """Whether browsers reach the dashboard by https, be it through a proxy that ends it."""
    return request.url.scheme == "https" or wiring.public_url().startswith("https:")


def foreign(connection: HTTPConnection) -> bool:
    """Whether another site's page sends the form, or opens the connection."""
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != connection.headers.get("host")


async def form_of(request: Request) -> dict[str, str]:
    """The fields that were sent; none when they are too long."""
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > LONGEST_BODY:
            return {}
    return {name: values[0] for name, values in parse_qs(data.decode("ascii", "replace")).items()}


def page(name: str, title: str, status: int = 200, **values: str) -> HTMLResponse:
    """A page of `html/` in the common frame. `alert` among the values is what went wrong; `_html` endings are ours."""
    nonce = secrets.token_urlsafe(16)
    filled = {field.removesuffix("_html"): _safe(field, value) for field, value in values.items()}
    alert = f'<p class="alert" role="alert">{filled["alert"]}</p>' if filled.get("alert") else ""
    content = _template(name).substitute({**filled, "alert": alert, "nonce": nonce})
    headers = {**HEADERS, "content-security-policy": POLICY.format(nonce=nonce)}
    return HTMLResponse(_template("frame").substitute(title=escape(title), content=content), status, headers)


def sentence(problem: Problem) -> str:
    """What went wrong, and how long to wait where that helps."""
    if problem.status == 429 and problem.retry_after:
        minutes = max(1, -int(-problem.retry_after // 60))
        return f"Too many tries. Please wait {minutes} minute{'s' if minutes > 1 else ''}, then try again."
    return problem.message


def status_of(problem: Problem) -> int:
    """The gateway's refusals are the page's own; everything else is the gateway's trouble."""
    return problem.status if problem.status is not None and 400 <= problem.status < 500 else AWAY


@cache
def _template(name: str) -> Template:
    return Template((PAGES / f"{name}.html").read_text(encoding="utf-8"))


def _safe(field: str, value: str) -> str:
    return value if field.endswith("_html") else escape(value)
