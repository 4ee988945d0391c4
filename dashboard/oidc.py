"""Sign-in with an identity provider: authorization code, PKCE, state and nonce. Off unless one is configured.

A cookie of ten minutes ties the way there to the way back; what it holds is random, and state, nonce and verifier are
made of it with a secret of this process. Whatever goes wrong leads to the sign-in page with a sentence.
"""

from __future__ import annotations

import hmac
import secrets
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboard import door, wiring
from dashboard.client import Problem
from dashboard.issuer import Attempt, Issuer
from dashboard.sign_in import WITH_PROVIDER, form

BACK = f"{WITH_PROVIDER}/callback"
COOKIE = "atelier_oidc"
LIFE = 600  # seconds
STRANGE = "This sign-in was not begun in this browser, or took too long. Please try again."
CANCELLED = "The sign-in was cancelled. You can try again, or sign in another way."
REFUSED = "{name} did not sign you in. Please try again, or ask an admin."
OFF = "There is no such way to sign in here."
_SECRET = secrets.token_bytes(32)


async def begin(request: Request) -> Response:
    """GET /sign-in/oidc: send the browser to the provider."""
    issuer = wiring.issuer()
    if issuer is None:
        return form(OFF, 404)
    cookie = secrets.token_urlsafe(32)
    try:
        way = await issuer.way(Attempt.of(cookie, _SECRET), back(request))
    except Problem as problem:
        return form(problem.message, door.AWAY)
    answer = RedirectResponse(way, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"})
    answer.set_cookie(
        COOKIE, cookie, LIFE, path=WITH_PROVIDER, httponly=True, samesite="lax", secure=door.secure(request)
    )
    return answer


async def come_back(request: Request) -> Response:
    """GET /sign-in/oidc/callback: the provider's answer, in the address."""
    issuer = wiring.issuer()
    answer = form(OFF, 404) if issuer is None else await _answered(request, issuer)
    answer.delete_cookie(COOKIE, path=WITH_PROVIDER)
    return answer


async def _answered(request: Request, issuer: Issuer) -> Response:
    told, cookie = request.query_params, request.cookies.get(COOKIE, "")
    attempt = Attempt.of(cookie, _SECRET)
    ours = hmac.compare_digest(told.get("state", "").encode(), attempt.state.encode())
    if not cookie or not ours or told.get("iss", issuer.address) != issuer.address:
        return form(STRANGE, 400)
    if "code" not in told:
        denied = told.get("error") == "access_denied"
        return form(CANCELLED if denied else REFUSED.format(name=issuer.name), 403)
    try:
        token = await issuer.id_token(told["code"], attempt, back(request))
        proof = {"id_token": token, "nonce": attempt.nonce}
        return await door.let_in(request, partial(wiring.sessions().enter, "/auth/oidc", proof))
    except Problem as problem:
        return form(door.sentence(problem), door.status_of(problem))


def back(request: Request) -> str:
    """Where the provider sends the browser to; the provider must know this address."""
    return (wiring.public_url() or str(request.base_url).rstrip("/")) + BACK


ROUTES = (
    Route(WITH_PROVIDER, begin, methods=["GET"]),
    Route(BACK, come_back, methods=["GET"]),
)
