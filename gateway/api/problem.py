"""Errors as OpenAI's clients read them, on every route and status; never a traceback, never an HTML page."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from gateway.api.pointers import pointer
from gateway.errors import GatewayError, InternalError, InvalidRequest, MethodNotAllowed, NotFound, Unprocessable

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def response_of(error: GatewayError) -> JSONResponse:
    return JSONResponse(error.body(), error.status, headers=error.headers())


def methods(request: Request) -> list[str]:
    """Those that this address has, whichever routes they belong to."""
    return [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    ]


def install(app: FastAPI) -> None:
    """Give every exception that can leave a route its answer."""

    async def ours(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, Unprocessable):
            error.extra.setdefault("details", [{"where": error.param or "", "what": error.message}])
        return response_of(error if isinstance(error, GatewayError) else InternalError("Something went wrong."))

    async def http(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        where = f"{request.method} {request.url.path}"[:200]
        if status == 404:
            advice = pointer(request.url.path) or " Please check the URL for typos."
            return response_of(NotFound(f"Unknown request URL: {where}.{advice}", code="unknown_url"))
        if status == 405:
            answer = response_of(MethodNotAllowed(f"Not allowed: {where}. Please check the method."))
            answer.headers["allow"] = ", ".join(methods(request))
            return answer
        return response_of(InvalidRequest(str(getattr(error, "detail", "The request could not be read."))))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        details = [
            {"where": ".".join(str(part) for part in item["loc"]), "what": item["msg"]}
            for item in (error.errors() if isinstance(error, RequestValidationError) else ())
        ]
        return response_of(Unprocessable("The request does not fit: see 'details'.", details=details))

    app.add_exception_handler(GatewayError, ours)
    app.add_exception_handler(Exception, ours)  # a bug: logged by the outermost layer, which gets it afterwards
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
