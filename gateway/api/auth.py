"""Every route but the health checks and the ways to sign in asks for a key, before the body is looked at.

`PUBLIC` is the whole list of exceptions; a test walks the routes and compares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from gateway.api.head import Asking, head_of
from gateway.ports import Identities
from gateway.types import Identity

PUBLIC = frozenset(
    {
        *("/health/live", "/health/ready", "/health/liveliness", "/health/readiness"),
        *("/auth/sign-in", "/auth/accept-invitation", "/auth/oidc"),
    }
)


def credential(head: Asking, own: str | None = None) -> str | None:
    """The key from the admin's `own` header, `Authorization: Bearer`, `x-api-key` (Anthropic's clients), `api-key` (Azure's)."""
    given = head.get(own.lower().encode()) if own else None
    if given is not None:
        return given.removeprefix(b"Bearer ").decode("latin-1").strip()
    header = head.get(b"authorization")
    if header is not None:
        scheme, _, value = header.partition(b" ")
        return value.decode("latin-1").strip() if scheme.lower() == b"bearer" else None
    key = head.get(b"x-api-key") or head.get(b"api-key")
    return None if key is None else key.decode("latin-1")


async def authenticated(request: Request) -> Identity:
    found = request.app.state.services
    identities: Identities = found.identities
    identity = await identities.identify(credential(head_of(request.scope), found.serving.config.keys.header))
    request.state.identity = identity
    return identity


Caller = Annotated[Identity, Depends(authenticated)]


def on_port(port: int) -> Callable[[Request], None]:
    """A dependency: what came in on another port finds nothing. 0: every port will do."""

    def check(request: Request) -> None:
        if port and (request.scope.get("server") or ("", 0))[1] != port:
            raise HTTPException(404)

    return check
