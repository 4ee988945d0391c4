"""The page behind an invitation link: a name, an e-mail and a password make an account, and open the door.

A link is `<dashboard>/join#<token>`, or `/new-password#<token>` for somebody who has an account: what stands after "#"
never reaches a server in an address. With the gateway away the page says so, and keeps what was typed.
"""

from __future__ import annotations

from functools import partial
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard import door, wiring
from dashboard.client import Problem

JOIN, NEW_PASSWORD = "/join", "/new-password"
FOREIGN = "Please open your link again and fill in the form there."
USED = "This link does not work any more: it was used, withdrawn or is too old. Ask who sent it for a new one."
INCOMPLETE = "Please fill in every field."
NAME_FIELD = (
    '<label for="name">Your name</label>'
    '<input id="name" name="name" autocomplete="name" maxlength="200" value="{}" required>'
)
WORDS = {
    JOIN: {
        "title": "Join",
        "lead": "You are invited. Say who you are and choose a password.",
        "password_label": "Password",
        "button": "Join",
    },
    NEW_PASSWORD: {
        "title": "New password",
        "lead": "Choose a new password for your account.",
        "password_label": "New password",
        "button": "Save and sign in",
    },
}


async def show(request: Request) -> Response:
    """GET /join, GET /new-password."""
    return form(request.url.path, {})


async def accept(request: Request) -> Response:
    """POST /join, POST /new-password: `token`, `name`, `email` and `password` in a form."""
    place = request.url.path
    if door.foreign(request):
        return form(place, {}, FOREIGN, 403)
    fields = await door.form_of(request)
    body = {name: fields.get(name, "").strip() for name in ("token", "email", "name")}
    body["password"] = fields.get("password", "")
    if place == NEW_PASSWORD:
        del body["name"]
    if not all(body.values()):
        return form(place, fields, INCOMPLETE, 400)
    try:
        return await door.let_in(request, partial(wiring.sessions().enter, "/auth/accept-invitation", body))
    except Problem as problem:
        gone = problem.status in {401, 404, 410}
        return form(place, fields, USED if gone else door.sentence(problem), door.status_of(problem))


def form(place: str, fields: dict[str, str], message: str = "", status: int = 200) -> Response:
    """The page with what was typed, but for the password."""
    words = dict(WORDS[place])
    name_field = NAME_FIELD.format(escape(fields.get("name", ""))) if place == JOIN else ""
    return door.page(
        "join",
        words.pop("title"),
        status,
        alert=message,
        action=place,
        token=fields.get("token", ""),
        email=fields.get("email", ""),
        name_field_html=name_field,
        **words,
    )


ROUTES = tuple(
    Route(place, endpoint, methods=[method])
    for place in WORDS
    for endpoint, method in ((show, "GET"), (accept, "POST"))
)
