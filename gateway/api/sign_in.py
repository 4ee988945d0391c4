"""`/auth`: how a person begins, looks after and ends its sessions. A session's token goes where a key goes.

The three routes of `public` ask for no key, so their bodies are small and their tries are counted by `accounts`. The
store away: 503, and nobody signs in; the identity provider away: 503 for those who come from there.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field, SecretStr, StringConstraints

from gateway.accounts import Actor
from gateway.api.admin.access_shapes import NewSessionShape, SessionShape
from gateway.api.admin.shapes import Ended, Listed
from gateway.api.asking import PRIVATE, Acting, Id
from gateway.api.bodies import Bounds, checked_body
from gateway.api.docs import document
from gateway.api.fields import Email, Form, Text
from gateway.api.state import services
from gateway.errors import Forbidden, NotFound

public = APIRouter(prefix="/auth", tags=["Sign-in"], dependencies=PRIVATE)
router = APIRouter(prefix="/auth", tags=["Sign-in"], dependencies=PRIVATE)

SMALL = Bounds(plain=4_096, media=4_096, depth=4)
TOKEN = Bounds(plain=16_384, media=16_384, depth=4)  # ID tokens list groups, and grow
Password = Annotated[SecretStr, Field(min_length=1, max_length=1_000)]
Nonce = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class SignIn(Form):
    email: Email
    password: Password


class Acceptance(Form):
    """What an invited person says of itself. For a new password, the name stays as it is."""

    token: Annotated[SecretStr, Field(min_length=1, max_length=200)]
    email: Email
    name: Text | None = None
    password: Password


class IdToken(Form):
    """What the identity provider gave the person, and the nonce that was sent there."""

    id_token: Annotated[SecretStr, Field(min_length=1, max_length=16_000)]
    nonce: Nonce


class NewPassword(Form):
    old: Password
    new: Password


class Turn(Form):
    """Another of the person's teams, or none."""

    team: Text | None


@public.post("/sign-in", openapi_extra=document(SignIn))
async def sign_in(request: Request) -> NewSessionShape:
    """Begin a session with e-mail and password."""
    form = await checked_body(request, SMALL, SignIn)
    session = await services(request).accounts.sign_ins.sign_in(
        form.email, form.password.get_secret_value(), address(request)
    )
    return NewSessionShape.of(session)


@public.post("/accept-invitation", openapi_extra=document(Acceptance))
async def accept_invitation(request: Request) -> NewSessionShape:
    """Make the account that an invitation stands for, and begin a session."""
    form = await checked_body(request, SMALL, Acceptance)
    session = await services(request).accounts.invitations.accept(
        form.token.get_secret_value(),
        email=form.email,
        name=form.name,
        password=form.password.get_secret_value(),
        address=address(request),
    )
    return NewSessionShape.of(session)


@public.post("/oidc", openapi_extra=document(IdToken))
async def oidc(request: Request) -> NewSessionShape:
    """Begin a session with an ID token of the configured identity provider. 404 where none is configured."""
    found = services(request)
    if found.oidc is None:
        raise NotFound("This gateway knows no identity provider. Sign in with your e-mail and password.")
    form = await checked_body(request, TOKEN, IdToken)
    claims = await found.oidc.verify(form.id_token.get_secret_value(), form.nonce)
    session = await found.accounts.sign_ins.sign_in_with(
        claims.subject, claims.email, email_verified=claims.email_verified
    )
    return NewSessionShape.of(session)


@router.post("/sign-out")
async def sign_out(request: Request, actor: Acting) -> Ended:
    """End the session that asks."""
    session_id = calling_session(actor)
    await services(request).accounts.sign_ins.end(actor, session_id)
    return Ended(object="session.ended", id=session_id)


@router.get("/sessions")
async def sessions(request: Request, actor: Acting) -> Listed[SessionShape]:
    """Where the caller's person is signed in."""
    running = await services(request).accounts.sign_ins.list(actor)
    return Listed.whole([SessionShape.of(each) for each in running])


@router.delete("/sessions/{session_id}")
async def end_session(request: Request, actor: Acting, session_id: Id) -> Ended:
    """End one session; ending it twice changes nothing."""
    await services(request).accounts.sign_ins.end(actor, session_id)
    return Ended(object="session.ended", id=session_id)


@router.post("/password", openapi_extra=document(NewPassword))
async def password(request: Request, actor: Acting) -> Ended:
    """Change the caller's password; its other sessions end."""
    session_id = calling_session(actor)
    form = await checked_body(request, SMALL, NewPassword)
    old, new = form.old.get_secret_value(), form.new.get_secret_value()
    await services(request).accounts.sign_ins.change_password(actor, old, new)
    return Ended(object="password.changed", id=session_id)


@router.patch("/session", openapi_extra=document(Turn))
async def turn(request: Request, actor: Acting) -> SessionShape:
    """Work for another of one's teams from now on."""
    calling_session(actor)
    form = await checked_body(request, SMALL, Turn)
    return SessionShape.of(await services(request).accounts.sign_ins.work_for(actor, form.team))


def calling_session(actor: Actor) -> str:
    """Raises Forbidden for a key."""
    if actor.session is None:
        raise Forbidden("This is for people who have signed in, not for keys.")
    return actor.session


def address(request: Request) -> str | None:
    """The other end of the connection. A header may say anything, so none is asked."""
    return request.client.host if request.client is not None else None
