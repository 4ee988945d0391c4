"""What the routes for people and keys have in common: who acts, at which version, and no caching."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request, Response
from pydantic import AfterValidator

from gateway.accounts import Actor
from gateway.api.auth import Caller
from gateway.errors import InvalidRequest

ANY_VERSION = "*"
MOST_DIGITS = 9


async def acting(request: Request, caller: Caller) -> Actor:
    return Actor.of(caller, request.state.request_id)


async def expected_version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    """The version that the caller has read; None: whatever is there now. Raises InvalidRequest for a missing one."""
    if if_match is None:
        raise version_required()
    if if_match.strip() == ANY_VERSION:
        return None
    digits = if_match.strip().removeprefix('"').removesuffix('"')
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS):
        raise InvalidRequest('If-Match is written like "3", or *.', param="If-Match")
    return int(digits)


def version_required() -> InvalidRequest:
    return InvalidRequest(
        "Say which version you change: If-Match with the ETag of your last GET, or * for any.",
        code="version_required",
        param="If-Match",
    )


def without_nul(text: str) -> str:
    """A text that any store can look for; with a NUL in it, one that is nowhere."""
    return text.replace("\x00", "\ufffd")


def tag(response: Response, version: int) -> None:
    """What If-Match asks for."""
    response.headers["etag"] = f'"{version}"'


async def uncached(response: Response) -> None:
    """Answers with personal data or a secret are kept by nobody on the way."""
    response.headers["cache-control"] = "no-store"


Acting = Annotated[Actor, Depends(acting)]
Expected = Annotated[int | None, Depends(expected_version)]
Id = Annotated[str, AfterValidator(without_nul)]
PRIVATE = [Depends(uncached)]
