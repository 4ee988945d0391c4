"""An OpenID Connect provider, as far as a sign-in needs it: where to send a browser, and what its code is worth.

Only the gateway decides what an ID token proves; here it is fetched. Whatever the provider does wrong, or not at all,
becomes a `Problem` with a sentence.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from dashboard.client import Problem

WELL_KNOWN = "/.well-known/openid-configuration"
NEEDED = ("authorization_endpoint", "token_endpoint")
KEPT = 3600.0  # seconds
NAMELESS = "your company's account"
TIMEOUT = httpx.Timeout(10.0)
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, slots=True)
class Settings:
    """As `accounts.oidc` of config.yaml names them."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    name: str = NAMELESS

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings | None:
        """None without an issuer. Raises ValueError for one that is not https."""
        issuer, client_id = env.get("ATELIER_OIDC_ISSUER"), env.get("ATELIER_OIDC_CLIENT_ID")
        if not issuer or not client_id:
            return None
        if not safe(issuer):
            raise ValueError("ATELIER_OIDC_ISSUER must begin with https://")
        return cls(
            issuer, client_id, env.get("ATELIER_OIDC_CLIENT_SECRET") or None, env.get("ATELIER_OIDC_NAME") or NAMELESS
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """The secrets of one sign-in, all made of what this browser's cookie holds and a secret of this process."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def of(cls, cookie: str, secret: bytes) -> Attempt:
        made = (hmac.digest(secret, f"{part} {cookie}".encode(), "sha256") for part in ("state", "nonce", "verifier"))
        return cls(*map(_text, made))

    @property
    def challenge(self) -> str:
        """What PKCE shows of the verifier."""
        return _text(hashlib.sha256(self.verifier.encode()).digest())


class Issuer:
    """One provider. `transport` replaces the network in tests."""

    def __init__(
        self,
        settings: Settings,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._found: tuple[float, dict[str, Any]] | None = None

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def address(self) -> str:
        return self._settings.issuer

    async def way(self, attempt: Attempt, back: str) -> str:
        """The address at which the provider asks the person; it sends the browser `back`. Raises Problem."""
        question = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": back,
            "scope": "openid email profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        endpoint: str = (await self._configuration())["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(question)}"

    async def id_token(self, code: str, attempt: Attempt, back: str) -> str:
        """Redeem a code. Raises Problem."""
        found = await self._configuration()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self._settings.client_id,
            "code_verifier": attempt.verifier,
        }
        headers = {"accept": "application/json"}
        secret = self._settings.client_secret
        if secret is not None and "client_secret_basic" in found.get(
            "token_endpoint_auth_methods_supported", ("client_secret_basic",)
        ):
            pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif secret is not None:
            form["client_secret"] = secret
        answer = await self._ask("POST", found["token_endpoint"], data=form, headers=headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise self._useless()
        return token

    async def _configuration(self) -> dict[str, Any]:
        now = self._clock()
        if self._found is None or now - self._found[0] > KEPT:
            found = await self._ask("GET", self._settings.issuer.rstrip("/") + WELL_KNOWN)
            if found.get("issuer") != self._settings.issuer or not all(safe(found.get(name)) for name in NEEDED):
                raise self._useless()
            self._found = now, found
        return self._found[1]

    async def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT) as http:
                response = await http.request(method, address, **more)
                response.raise_for_status()
                answer = response.json()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Problem(f"{self.name} does not answer as it should. Please try again in a moment.") from error
        except ValueError as error:
            raise self._useless() from error
        if not isinstance(answer, dict):
            raise self._useless()
        return answer

    def _useless(self) -> Problem:
        return Problem(f"{self.name} gave an answer that is no use here. Ask an admin to look at its settings.")


def safe(address: object) -> bool:
    """An address that nobody can listen in on: https, or this machine."""
    if not isinstance(address, str):
        return False
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
