"""An identity provider with one person, in memory or on a port of this machine; it signs with a key of its own."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://id.example.org"
ADA = "ada@example.org"


class FakeIssuer:
    """Gives a code for its person, and an RS256 token for the code and the right verifier."""

    def __init__(self, address: str = ISSUER) -> None:
        self.address = address
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, dict[str, str]] = {}
        self.forms: list[tuple[dict[str, str], str | None]] = []
        self.configuration: dict[str, Any] = {
            "issuer": address,
            "authorization_endpoint": f"{address}/authorize?tenant=1",
            "token_endpoint": f"{address}/token",
            "jwks_uri": f"{address}/keys",
        }
        self.down = False
        self.nonce: str | None = None  # put into tokens instead of the one that was asked for
        self.transport = httpx.MockTransport(self.answer)

    def allow(self, address: str) -> dict[str, str]:
        """The person agrees; what the provider adds to the address of the way back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.address}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.configuration)
            case "/keys":
                key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
                return httpx.Response(200, json={"keys": [{**key, "kid": "1", "alg": "RS256", "use": "sig"}]})
            case "/authorize":
                back = f"{request.url.params['redirect_uri']}?{urlencode(self.allow(str(request.url)))}"
                return httpx.Response(303, headers={"location": back})
        return self._token(request)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.forms.append((form, request.headers.get("authorization")))
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        known = asked is not None and asked["code_challenge"] == challenge.decode()
        if not known or asked["redirect_uri"] != form["redirect_uri"]:
            return httpx.Response(400, json={"error": "invalid_grant"})
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": form["client_id"],
            "sub": "1",
            "email": ADA,
            "email_verified": True,
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce or asked["nonce"],
        }
        token = jwt.encode(claims, self.key, "RS256", headers={"kid": "1"})
        return httpx.Response(200, json={"id_token": token, "access_token": "a"})


@contextmanager
def served() -> Iterator[FakeIssuer]:
    """A provider on a free port."""

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(b"")

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["content-length"])))

        def reply(self, body: bytes) -> None:
            request = httpx.Request(self.command, issuer.address + self.path, headers=dict(self.headers), content=body)
            answer = issuer.answer(request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        issuer = FakeIssuer(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()
