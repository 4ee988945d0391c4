"""The sign-in page itself: e-mail and password, an API key instead, and the identity provider where there is one."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from dashboard import door, wiring

WITH_PROVIDER = "/sign-in/oidc"


def form(message: str = "", status: int = 200, email: str = "", *, with_key: bool = False) -> HTMLResponse:
    """The page, with what went wrong and the e-mail that was typed."""
    issuer = wiring.issuer()
    button = f'<a class="button quiet" href="{WITH_PROVIDER}">Continue with {escape(issuer.name)}</a>' if issuer else ""
    return door.page(
        "sign_in",
        "Sign in",
        status,
        alert=message,
        email=email,
        focus_email="" if email else "autofocus",
        focus_password="autofocus" if email else "",
        open="open" if with_key else "",
        provider_html=f'{button}<div class="or">or</div>' if button else "",
    )
