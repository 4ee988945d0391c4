"""The door: a sign-in page of plain HTML, and a guard that lets nobody past it without a session.

The cookie holds a random id, is out of reach of scripts and is not sent by other sites. With the gateway away the page
says so. Streamlit's own connection passes the guard, because its script turns strangers away by itself: an open tab
then finds back to this page after a restart.
"""

from __future__ import annotations

from functools import partial

from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dashboard import door, join, oidc, wiring
from dashboard.client import Problem
from dashboard.sign_in import form

SIGN_IN = "/sign-in"
PUBLIC = frozenset(
    {SIGN_IN, "/_stcore/health", "/_stcore/host-config", *(route.path for route in (*join.ROUTES, *oidc.ROUTES))}
)
FOREIGN = "Please sign in on this page."
NOT_A_KEY = "This does not look like a key. Keys begin with “sk-” and have no blanks."
WRONG_PAIR = "E-mail and password do not belong together. Please try again."
POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1
BOTH = "Please fill in your e-mail and your password."


class Guard:
    """Sends every request without a living session to the sign-in page. Plain ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and door.foreign(HTTPConnection(scope)):
            await send(
                {"type": "websocket.close", "code": POLICY_VIOLATION}
            )  # Streamlit would ask the internet who it is
            return
        if scope["type"] == "http" and scope["path"] not in PUBLIC and not door.signed_in(HTTPConnection(scope)):
            await away(scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def away(scope: Scope) -> Response:
    if scope["method"] == "GET":
        return RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
    return Response(status_code=401)


async def show_sign_in(request: Request) -> Response:
    """GET /sign-in."""
    if door.signed_in(request):
        return RedirectResponse("/", 303)
    page = form()
    if door.session_id(request) is not None:
        page.delete_cookie(wiring.cookie_name())
    return page


async def sign_in(request: Request) -> Response:
    """POST /sign-in with `email` and `password`, or with `key`, in a form."""
    if door.foreign(request):
        return form(FOREIGN, 403)
    fields = await door.form_of(request)
    if "key" in fields:
        return await with_key(request, fields["key"].strip())
    return await with_password(request, fields.get("email", "").strip(), fields.get("password", ""))


async def with_password(request: Request, email: str, password: str) -> Response:
    if not email or not password:
        return form(BOTH, 400, email)
    pair = {"email": email, "password": password}
    try:
        return await door.let_in(request, partial(wiring.sessions().enter, "/auth/sign-in", pair))
    except Problem as problem:
        message = WRONG_PAIR if problem.status == 401 else door.sentence(problem)
        return form(message, door.status_of(problem), email)


async def with_key(request: Request, key: str) -> Response:
    if not key.isascii() or not key.isprintable() or not key or " " in key:
        return form(NOT_A_KEY, 400, with_key=True)
    try:
        return await door.let_in(request, partial(wiring.sessions().open, key))
    except Problem as problem:
        return form(door.sentence(problem), door.status_of(problem), with_key=True)


ROUTES = (
    Route(SIGN_IN, show_sign_in, methods=["GET"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
    *join.ROUTES,
    *oidc.ROUTES,
)
