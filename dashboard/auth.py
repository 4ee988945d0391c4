"""The door: a sign-in page of plain HTML, and a guard that lets nobody past it without a session.

The cookie holds a random id, is out of reach of scripts and is not sent by other sites. With the gateway away the page
says so. Streamlit's own connection passes the guard, because its script turns strangers away by itself: an open tab
then finds back to this page after a restart.
"""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import wiring
from dashboard.client import Problem
from dashboard.sessions import LIFE

SIGN_IN = "/sign-in"
PUBLIC = frozenset({SIGN_IN, "/_stcore/health", "/_stcore/host-config"})
LONGEST_BODY = 4_096  # bytes
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
NOT_A_KEY = "This does not look like a key. Keys begin with “sk-” and have no blanks."
_page = Template(Path(__file__).with_name("sign_in.html").read_text(encoding="utf-8"))


class Guard:
    """Sends every request without a living session to the sign-in page. Plain ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PUBLIC and not signed_in(HTTPConnection(scope)):
            await away(scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def away(scope: Scope) -> Response:
    if scope["method"] == "GET":
        return RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
    return Response(status_code=401)


def session_id(connection: HTTPConnection) -> str | None:
    return connection.cookies.get(wiring.cookie_name())


def signed_in(connection: HTTPConnection) -> bool:
    return wiring.sessions().get(session_id(connection)) is not None


async def show_sign_in(request: Request) -> Response:
    """GET /sign-in."""
    if signed_in(request):
        return RedirectResponse("/", 303)
    page = form()
    if session_id(request) is not None:
        page.delete_cookie(wiring.cookie_name())
    return page


async def sign_in(request: Request) -> Response:
    """POST /sign-in with `key` in a form: a session for a key that the gateway knows."""
    if foreign(request):
        return form("Please sign in on this page.", 403)
    key = await key_in(request)
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        return form(NOT_A_KEY, 400)
    try:
        new = await asyncio.to_thread(wiring.sessions().open, key)
    except Problem as problem:
        return form(problem.message, 401 if problem.signed_out else 502)
    wiring.sessions().end(session_id(request))
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        wiring.cookie_name(), new, int(LIFE), httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return answer


async def key_in(request: Request) -> str:
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > LONGEST_BODY:
            return ""
    return parse_qs(data.decode("ascii", "replace")).get("key", [""])[0].strip()


def foreign(request: Request) -> bool:
    """Whether another site's page sends the form."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def form(message: str = "", status: int = 200) -> HTMLResponse:
    """The page, with what went wrong."""
    alert = f'<p class="alert" role="alert">{escape(message)}</p>' if message else ""
    return HTMLResponse(_page.substitute(alert=alert), status, HEADERS)


ROUTES = (
    Route(SIGN_IN, show_sign_in, methods=["GET"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
)
