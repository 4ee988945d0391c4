"""ID tokens: the standard's checks one by one, the forgeries known from other gateways, and an issuer that is away."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.errors import Unauthenticated, Unavailable
from gateway.oidc import AFTER_FAILURE, ASK_AGAIN, FRESH, MOST_BYTES, Oidc, OidcSettings
from tests.core.fakes import FakeClock

ISSUER = "https://id.example.com/tenant"
CLIENT = "atelier"
RSA = rsa.generate_private_key(65_537, 2_048)
OTHER_RSA = rsa.generate_private_key(65_537, 2_048)
SMALL_RSA = rsa.generate_private_key(65_537, 1_024)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
KEYS: dict[str, tuple[Any, str]] = {
    "RS256": (RSA, "rsa"),
    "PS256": (RSA, "rsa"),
    "ES256": (EC, "ec"),
    "EdDSA": (ED, "ed"),
}
ALGORITHMS = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA", "small": "RS256", "other": "RS256"}


def public(key: Any, kid: str, **members: Any) -> dict[str, Any]:
    made = jwt.get_algorithm_by_name(ALGORITHMS[kid]).to_jwk(key.public_key())  # type: ignore[attr-defined]
    return {**(json.loads(made) if isinstance(made, str) else made), "kid": kid, **members}


@dataclass
class Issuer:
    """An identity provider on httpx's own fake network."""

    keys: list[dict[str, Any]]
    asked: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=lambda: {"issuer": ISSUER, "jwks_uri": "https://keys.example.com/1"})
    answer: Callable[[httpx.Request], httpx.Response] | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.answer is not None:
            return self.answer(request)
        if request.url.path.endswith("/openid-configuration"):
            return httpx.Response(200, json=self.about)
        return httpx.Response(200, json={"keys": self.keys})


@dataclass
class World:
    issuer: Issuer
    clock: FakeClock
    oidc: Oidc

    def claims(self, **members: Any) -> dict[str, Any]:
        now = self.clock.now()
        made = {"iss": ISSUER, "aud": CLIENT, "sub": "p-1", "iat": now, "exp": now + 300, "nonce": "n", **members}
        return {name: value for name, value in made.items() if value is not None}

    def token(self, algorithm: str = "RS256", key: Any = None, kid: str | None = None, **members: Any) -> str:
        own, own_kid = KEYS[algorithm]
        headers = {"kid": kid or own_kid}
        return jwt.encode(self.claims(**members), key or own, algorithm=algorithm, headers=headers)

    async def refused(self, token: str, nonce: str = "n") -> str:
        with pytest.raises(Unauthenticated) as caught:
            await self.oidc.verify(token, nonce)
        assert caught.value.code == "invalid_id_token"
        return caught.value.message


@pytest.fixture
def world() -> World:
    issuer, clock = Issuer([public(RSA, "rsa"), public(EC, "ec"), public(ED, "ed")]), FakeClock()
    return World(issuer, clock, Oidc(OidcSettings(ISSUER, CLIENT), clock, httpx.MockTransport(issuer)))


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_good_token_says_who_it_is(world: World, algorithm: str) -> None:
    token = world.token(algorithm, email="Ada@Example.com", email_verified=True)
    claims = await world.oidc.verify(token, "n")
    assert (claims.subject, claims.email, claims.email_verified) == (f"{ISSUER} p-1", "ada@example.com", True)


@pytest.mark.parametrize("verified", [None, False, "true", 1])
async def test_only_true_is_a_verified_address(world: World, verified: Any) -> None:
    claims = await world.oidc.verify(world.token(email="a@b.c", email_verified=verified), "n")
    assert claims.email_verified is False


@pytest.mark.parametrize(
    "members",
    [
        {"iss": "https://evil.example.com"},
        {"iss": f"{ISSUER}/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "ä"},
        {"nonce": None},
        {"nonce": "other"},
        {"nonce": 1},
        {"nonce": ""},
        {"exp": None},
        {"exp": 1},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"iat": None},
        {"iat": 3_000_000_000},
        {"nbf": 3_000_000_000},
        {"nbf": "now"},
        {"exp": 10**400},
    ],
    ids=str,
)
async def test_a_claim_that_does_not_fit_is_refused(world: World, members: dict[str, Any]) -> None:
    # Written without PyJWT, which does not encode all of these.
    header = segment({"alg": "RS256", "kid": "rsa"})
    signed = f"{header}.{segment(world.claims(**members))}".encode()
    signature = jwt.get_algorithm_by_name("RS256").sign(signed, RSA)
    await world.refused(f"{signed.decode()}.{encoded(signature)}")


async def test_two_audiences_need_this_client_as_the_party(world: World) -> None:
    await world.oidc.verify(world.token(aud=[CLIENT, "another"], azp=CLIENT), "n")


async def test_a_token_ends_by_the_gateways_clock(world: World) -> None:
    token = world.token()
    world.clock.advance(300 + 59)
    await world.oidc.verify(token, "n")
    world.clock.advance(1)
    assert "expired" in await world.refused(token)


async def test_the_nonce_is_compared_whole(world: World) -> None:
    for wrong in ("", "nn", "N", "n "):
        await world.refused(world.token(), wrong)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def segment(members: dict[str, Any]) -> str:
    return encoded(json.dumps(members).encode())


def test_the_encoder_of_these_tests_is_right() -> None:
    assert json.loads(base64.urlsafe_b64decode(segment({"a": 1}) + "==")) == {"a": 1}


@pytest.mark.parametrize("name", ["none", "None", "NONE", "HS256", "HS512", "RS384", "ES384", "", None, 5, ["RS256"]])
async def test_other_algorithms_are_refused_whoever_signed(world: World, name: Any) -> None:
    await world.refused(f"{segment({'alg': name, 'kid': 'rsa'})}.{segment(world.claims())}.")
    await world.refused(f"{segment({'alg': name, 'kid': 'rsa'})}.{segment(world.claims())}.AAAA")


async def test_the_public_key_is_no_shared_secret(world: World) -> None:
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{segment({'alg': 'HS256', 'kid': 'rsa'})}.{segment(world.claims())}"
    signature = hmac.digest(pem, signed.encode(), hashlib.sha256)
    await world.refused(f"{signed}.{encoded(signature)}")


async def test_a_key_inside_the_token_is_not_used(world: World) -> None:
    for header in (
        {"jwk": public(OTHER_RSA, "other")},
        {"jku": "https://evil.example.com/keys"},
        {"x5u": "https://e.x"},
    ):
        token = jwt.encode(world.claims(), OTHER_RSA, algorithm="RS256", headers={"kid": "rsa", **header})
        await world.refused(token)
    assert all("evil" not in address and "e.x" not in address for address in world.issuer.asked)


async def test_another_key_under_a_known_name_is_refused(world: World) -> None:
    await world.refused(world.token(key=OTHER_RSA))


async def test_an_algorithm_takes_its_own_kind_of_key_only(world: World) -> None:
    await world.refused(world.token("RS256", kid="ec"))
    await world.refused(world.token("ES256", kid="rsa"))
    await world.refused(world.token("EdDSA", kid="ec"))


async def test_a_key_for_encryption_or_for_another_algorithm_is_not_used(world: World) -> None:
    world.issuer.keys = [public(RSA, "rsa", use="enc")]
    await world.refused(world.token())
    world.clock.advance(FRESH)
    world.issuer.keys = [public(RSA, "rsa", alg="PS256")]
    await world.refused(world.token("RS256"))
    await world.oidc.verify(world.token("PS256"), "n")


async def test_a_short_key_is_refused(world: World) -> None:
    world.issuer.keys = [public(SMALL_RSA, "small")]
    signed = f"{segment({'alg': 'RS256', 'kid': 'small'})}.{segment(world.claims())}"
    signature = jwt.get_algorithm_by_name("RS256").sign(signed.encode(), SMALL_RSA)
    await world.refused(f"{signed}.{encoded(signature)}")


async def test_a_token_without_a_key_id_needs_a_single_fitting_key(world: World) -> None:
    token = jwt.encode(world.claims(), RSA, algorithm="RS256")
    await world.oidc.verify(token, "n")
    world.clock.advance(FRESH)
    world.issuer.keys.append(public(OTHER_RSA, "other"))
    await world.refused(jwt.encode(world.claims(), RSA, algorithm="RS256"))


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "x" * 4_000, "ä.b.c", "\ud800.b.c", "eyJ.eyJ.", "null.null.null", "[].[].x"],
    ids=repr,
)
async def test_what_is_no_token_is_refused(world: World, token: str) -> None:
    await world.refused(token)


async def test_endless_nesting_is_refused(world: World) -> None:
    await world.refused(f"{encoded(b'[' * 9_000)}.{segment(world.claims())}.AAAA")


async def test_keys_are_fetched_once_an_hour(world: World) -> None:
    for _ in range(3):
        await world.oidc.verify(world.token(), "n")
    assert world.issuer.asked == [f"{ISSUER}/.well-known/openid-configuration", "https://keys.example.com/1"]
    world.clock.advance(FRESH)
    await world.oidc.verify(world.token(), "n")
    assert len(world.issuer.asked) == 4


async def test_a_new_key_of_the_issuer_is_found_and_unknown_ones_cost_one_fetch_a_minute(world: World) -> None:
    await world.oidc.verify(world.token(), "n")
    for _ in range(20):
        await world.refused(world.token(key=OTHER_RSA, kid="other"))
    assert len(world.issuer.asked) == 2
    world.issuer.keys.append(public(OTHER_RSA, "other"))
    world.clock.advance(ASK_AGAIN)
    await world.oidc.verify(world.token(key=OTHER_RSA, kid="other"), "n")
    assert len(world.issuer.asked) == 4


def broken(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route")


AWAY: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "no connection": broken,
    "an error": lambda _: httpx.Response(500),
    "a redirect": lambda _: httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
    "no json": lambda _: httpx.Response(200, text="<html>"),
    "no object": lambda _: httpx.Response(200, json=[]),
    "a bomb": lambda _: httpx.Response(
        200, content=gzip.compress(b" " * MOST_BYTES), headers={"content-encoding": "gzip"}
    ),
    "endless": lambda _: httpx.Response(200, content=b" " * (MOST_BYTES + 1)),
    "nested": lambda _: httpx.Response(200, content=b'{"keys":' + b"[" * 100_000),
    "another issuer": lambda _: httpx.Response(200, json={"issuer": "https://evil.example.com", "jwks_uri": "x"}),
    "keys without TLS": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "http://127.0.0.1/keys"}),
    "keys in a file": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}),
    "no address of keys": lambda _: httpx.Response(200, json={"issuer": ISSUER}),
    "no keys": lambda _: httpx.Response(200, json={"issuer": ISSUER, "jwks_uri": "https://a.b/", "keys": 1}),
}


@pytest.mark.parametrize("kind", AWAY)
async def test_an_issuer_that_is_away_is_a_503(world: World, kind: str) -> None:
    world.issuer.answer = AWAY[kind]
    with pytest.raises(Unavailable) as caught:
        await world.oidc.verify(world.token(), "n")
    assert caught.value.code == "identity_provider_unavailable"
    assert {httpx.URL(address).host for address in world.issuer.asked} <= {"id.example.com", "a.b"}


async def test_an_issuer_that_is_away_is_not_asked_all_the_time_and_is_found_again(world: World) -> None:
    world.issuer.answer = broken
    for _ in range(10):
        with pytest.raises(Unavailable):
            await world.oidc.verify(world.token(), "n")
    assert len(world.issuer.asked) == 1
    world.issuer.answer = None
    world.clock.advance(AFTER_FAILURE)
    await world.oidc.verify(world.token(), "n")


async def test_known_keys_go_on_while_the_issuer_is_away(world: World) -> None:
    await world.oidc.verify(world.token(), "n")
    world.issuer.answer = broken
    world.clock.advance(FRESH - 1)
    await world.oidc.verify(world.token(), "n")
    world.clock.advance(1)
    with pytest.raises(Unavailable):
        await world.oidc.verify(world.token(), "n")


@pytest.mark.parametrize("issuer", ["http://id.example.com", "ftp://id.example.com", "id.example.com", ""])
def test_an_issuer_without_tls_is_a_mistake_of_the_configuration(issuer: str) -> None:
    with pytest.raises(ValueError, match="https only"):
        Oidc(OidcSettings(issuer, CLIENT), FakeClock())


def test_an_issuer_on_this_machine_needs_no_tls() -> None:
    Oidc(OidcSettings("http://127.0.0.1:8080/realm", CLIENT), FakeClock())
