"""Sign-in by an identity provider: an OpenID Connect ID token is checked against the configured issuer's public keys.

Asked are only the configured issuer and the key address that its own discovery document names; nothing in a token is
ever an address. With the issuer away, keys fetched within the hour go on; without them it is a 503, never a 401.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import msgspec

from gateway.errors import Unauthenticated, Unavailable
from gateway.ports import Clock

if TYPE_CHECKING:
    from jwt.types import Options

KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}  # every algorithm there is here
CURVES = {"ES256": "P-256", "EdDSA": "Ed25519"}
DISCOVERY = "/.well-known/openid-configuration"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MOST_BYTES = 262_144
PATIENCE = 5.0  # seconds for one answer of the issuer
FRESH = 3_600.0  # seconds that fetched keys are good
ASK_AGAIN = 60.0  # seconds between two fetches for keys that are not among the fetched ones
AFTER_FAILURE = 5.0  # seconds before an issuer that was away is asked again
LEEWAY = 60.0  # seconds that the issuer's clock may be off
LONGEST_SUBJECT = 255  # characters, by the standard
CHECKED: Options = {
    "require": ["iss", "aud", "sub", "exp", "iat"],
    "enforce_minimum_key_length": True,
    "verify_exp": False,  # the times are checked with the gateway's own clock
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """`issuer` as the provider writes it in its tokens; `client_id` is what the provider calls this gateway."""

    issuer: str
    client_id: str


@dataclass(frozen=True, slots=True)
class Claims:
    """Who signed in. `subject` is the issuer and the provider's id of the person, which never changes."""

    subject: str
    email: str | None
    email_verified: bool


class Oidc:
    """Checks ID tokens. `transport` replaces the network in tests. Raises ValueError for an address without TLS."""

    def __init__(self, settings: OidcSettings, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        import jwt  # noqa: PLC0415 - it brings cryptography, 9 MB that nothing else needs

        self._jwt = jwt
        self._settings = settings
        self._clock = clock
        self._keys = IssuerKeys(settings.issuer, clock, transport)

    async def verify(self, id_token: str, nonce: str) -> Claims:
        """Raise Unauthenticated for a token that is not this issuer's, for this client, of now, with this nonce."""
        jwt = self._jwt
        try:
            header = jwt.get_unverified_header(id_token)
            algorithm = header.get("alg")
            if not isinstance(algorithm, str) or algorithm not in KEY_TYPES:
                refuse("it is signed in a way that is not accepted")
            key = await self._keys.find(header.get("kid"), algorithm)
            claims = jwt.decode(
                id_token,
                jwt.PyJWK(key, algorithm),
                algorithms=[algorithm],
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                options=CHECKED,
            )
            return self._claims(claims, nonce)
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
            refuse("it is not a valid token of the identity provider for this gateway")

    def _claims(self, claims: dict[str, Any], nonce: str) -> Claims:
        now = self._clock.now()
        if not now < number(claims["exp"]) + LEEWAY:
            refuse("it has expired")
        if not max(number(claims["iat"]), number(claims.get("nbf", 0))) <= now + LEEWAY:
            refuse("it is of a later time than now")
        audience, party = claims["aud"], claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if party != self._settings.client_id and (party is not None or several):
            refuse("it was issued to another client")
        given = claims.get("nonce")
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            refuse("its nonce is not the one of this sign-in")
        subject, email = claims["sub"], claims.get("email")
        if not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isascii():
            refuse("its subject is not 1 to 255 ASCII characters")
        return Claims(
            subject=f"{self._settings.issuer} {subject}",
            email=email.lower() if isinstance(email, str) and email.isprintable() else None,
            email_verified=claims.get("email_verified") is True,
        )


class IssuerKeys:
    """The issuer's signing keys, fetched when they are needed, remembered for an hour."""

    def __init__(self, issuer: str, clock: Clock, transport: httpx.AsyncBaseTransport | None) -> None:
        self._issuer = issuer
        self._clock = clock
        self._transport = transport
        self._loopback = httpx.URL(issuer).host in LOOPBACK
        self._check(issuer)
        self._fetching = asyncio.Lock()
        self._keys: list[dict[str, Any]] = []
        self._fetched = -FRESH
        self._failed = -FRESH

    async def find(self, kid: str | None, algorithm: str) -> dict[str, Any]:
        """The one key with this id for this algorithm. Raises Unauthenticated, or Unavailable with the issuer away."""
        await self._fetch(FRESH)
        found = self._fitting(kid, algorithm)
        if not found:
            await self._fetch(ASK_AGAIN)
            found = self._fitting(kid, algorithm)
        if len(found) != 1:
            refuse("it is signed with a key that the identity provider does not publish")
        return found[0]

    def _fitting(self, kid: str | None, algorithm: str) -> list[dict[str, Any]]:
        return [
            key
            for key in self._keys
            if key.get("kty") == KEY_TYPES[algorithm]
            and key.get("crv") == CURVES.get(algorithm)
            and key.get("use", "sig") == "sig"
            and key.get("alg", algorithm) == algorithm
            and (kid is None or key.get("kid") == kid)
        ]

    async def _fetch(self, age: float) -> None:
        """Fetch the keys when those at hand are older than `age` seconds; one at a time."""
        async with self._fetching:
            now = self._clock.monotonic()
            if now - self._fetched < age:
                return
            if now - self._failed < AFTER_FAILURE:
                raise away()
            try:
                async with httpx.AsyncClient(transport=self._transport, timeout=PATIENCE) as client:
                    self._keys = await self._published(client)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError, msgspec.MsgspecError, RecursionError):
                self._failed = self._clock.monotonic()
                raise away() from None
            self._fetched = now

    async def _published(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        about = await read(client, self._issuer.rstrip("/") + DISCOVERY)
        if about.get("issuer") != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        address = str(about.get("jwks_uri"))
        self._check(address)
        keys = (await read(client, address)).get("keys")
        if not isinstance(keys, list):
            raise ValueError("there are no keys")  # noqa: TRY004 - what the issuer sent is no type of ours
        return [key for key in keys if isinstance(key, dict)]

    def _check(self, address: str) -> None:
        url = httpx.URL(address)
        if url.scheme != "https" and not (self._loopback and url.host in LOOPBACK):
            raise ValueError("an issuer is asked over https only")


async def read(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    """A JSON object of bounded size in bounded time. Raises httpx.HTTPError, TimeoutError, ValueError."""
    data = bytearray()
    async with (
        asyncio.timeout(PATIENCE),
        client.stream("GET", address, headers={"accept": "application/json", "accept-encoding": "identity"}) as answer,
    ):
        if answer.status_code != httpx.codes.OK or "content-encoding" in answer.headers:
            raise ValueError("the issuer answered with an error, a redirect, or something packed")
        async for piece in answer.aiter_bytes():
            data += piece
            if len(data) > MOST_BYTES:
                raise ValueError("the issuer's answer is too large")
    return msgspec.json.decode(data, type=dict[str, Any])


def number(value: object) -> float:
    """A NumericDate. Raises Unauthenticated."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse("its times are no numbers")
    return value


def refuse(why: str) -> NoReturn:
    raise Unauthenticated(f"The ID token is refused: {why}. Please sign in again.", code="invalid_id_token")


def away() -> Unavailable:
    return Unavailable(
        "The identity provider does not answer. Try again in a moment, or sign in with a password.",
        code="identity_provider_unavailable",
        retry_after=AFTER_FAILURE,
    )
