"""The HTTP application: every route with its documentation, the errors' answers, browsers' rules.

It answers once `gateway.app` has put the services behind it.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from gateway import __version__
from gateway.api import problem
from gateway.api.auth import on_port
from gateway.api.chat import Hot
from gateway.api.ops import with_version
from gateway.api.outermost import Outermost
from gateway.api.routers import admin_routers, public_routers
from gateway.api.state import Services
from gateway.config.config import Config


def create_api(config: Config) -> FastAPI:
    """The routes with their documentation; `Gateway.start` puts the services behind them."""
    api = FastAPI(
        title="Atelier",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would be built from the Host header, before anybody asks for a key (S3)
    )
    problem.install(api)
    for router in public_routers:
        api.include_router(router)
    for router in admin_routers:
        api.include_router(router, dependencies=[Depends(on_port(config.admin.port)), Depends(with_version)])
    return api


def in_front(api: FastAPI, config: Config, direct: str) -> ASGIApp:
    """The whole application: what is asked most goes past the framework. `direct`: see `chat.Hot`."""

    def services() -> Services:
        found: Services = api.state.services
        return found

    cors = config.server.cors
    if not cors.allow_origins:
        return Outermost(Hot(api, services, direct), config.server.trusted_hosts)
    browsers = CORSMiddleware(
        Hot(api, services, None),  # its answers have to pass the middleware
        allow_origins=list(cors.allow_origins),
        allow_credentials=cors.allow_credentials,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["*"],
    )
    return Outermost(browsers, config.server.trusted_hosts)
