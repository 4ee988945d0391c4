"""The HTTP application: every route with its documentation, the errors' answers, browsers' rules.

It answers once `gateway.app` has put the services behind it.
"""

from __future__ import annotations

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from gateway import __version__
from gateway.api import problem
from gateway.api.auth import on_port
from gateway.api.ops import with_version
from gateway.api.routers import admin_routers, public_routers
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
    if config.server.cors.allow_origins:
        api.add_middleware(
            CORSMiddleware,
            allow_origins=list(config.server.cors.allow_origins),
            allow_credentials=config.server.cors.allow_credentials,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    return api
