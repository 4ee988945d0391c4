"""An address as it is asked: where the connection goes to, perhaps through a proxy, and what begins each request there.

What cannot be sent (an address without a host, a header that would begin another) raises ValueError.
"""

from __future__ import annotations

import base64
import os
import re
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

import certifi

from gateway.providers.origin import Origin, Tunnel

ALWAYS = {"accept": "*/*", "accept-encoding": "gzip", "content-type": "application/json", "user-agent": "atelier"}
PORTS = {"http": 80, "https": 443}
NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
IN_TARGETS = "!#$%&'()*+,/:;=?@[]~|"  # left as they are; the address was written by who knows what it means


@dataclass(frozen=True, slots=True)
class Address:
    """`start`: the request's first line. `headers` give way to those of a request, `credentials` do not."""

    origin: Origin
    start: str
    headers: dict[str, str] = field(repr=False)
    credentials: dict[str, str] = field(repr=False)

    def opening(self, headers: Mapping[str, str]) -> Opening:
        """What begins all requests that have these headers in common. Raises ValueError."""
        sent = self.headers | {field_name(name): value for name, value in headers.items()} | self.credentials
        return Opening(self.origin, ended([self.start, *[f"{name}: {value}" for name, value in sent.items()]]))

    def head(self, headers: Mapping[str, str], length: int) -> bytes:
        """A POST request's head, for a body of `length` bytes. Raises ValueError."""
        return self.opening(headers).head({}, length)


@dataclass(frozen=True, slots=True)
class Opening:
    """`text`: the first lines of each request of a kind, all that do not depend on the request."""

    origin: Origin
    text: str = field(repr=False)

    def head(self, headers: Mapping[str, str], length: int) -> bytes:
        """The same, with further `headers`, whose names are none of those before. Raises ValueError."""
        own = ended([f"{field_name(name)}: {value}" for name, value in headers.items()])
        return f"{self.text}{own}content-length: {length}\r\n\r\n".encode()


def ended(lines: list[str]) -> str:
    """Lines as they are sent. Raises ValueError where they would be more, or others."""
    text = "\r\n".join([*lines, ""])
    if text.count("\r") != len(lines) or text.count("\n") != len(lines) or "\0" in text:
        raise ValueError("a header's value has an end of line")
    return text


@lru_cache(4096)
def field_name(name: str) -> str:
    """A header's name in lower case. Raises ValueError for what is none, and for those that frame the body."""
    lower = name.lower()
    if not NAME.fullmatch(lower) or lower in {"content-length", "transfer-encoding"}:
        raise ValueError("this is no name for a header")
    return lower


def address_of(text: str) -> Address:
    """`text` parsed, and the proxy that the environment names for it, as LiteLLM does. Raises ValueError."""
    url = urlsplit(text)
    origin = origin_of(url)
    target = quote(url.path or "/", IN_TARGETS) + (f"?{quote(url.query, IN_TARGETS)}" if url.query else "")
    named = f"[{origin.host}]" if ":" in origin.host else origin.host
    host = named if origin.port == PORTS[url.scheme] else f"{named}:{origin.port}"
    credentials = {"authorization": basic(url)} if url.username is not None else {}
    proxy = proxy_for(url)
    if proxy is not None:
        at, authorization = origin_of(urlsplit(proxy)), basic(urlsplit(proxy))
        if origin.tls:
            origin = origin._replace(tunnel=Tunnel(at.tls, at.host, at.port, authorization))
        else:
            origin, target = at, f"http://{host}{target}"
            credentials |= {"proxy-authorization": authorization} if authorization else {}
    return Address(origin, f"POST {target} HTTP/1.1", {"host": host, **ALWAYS}, credentials)


def origin_of(url: SplitResult) -> Origin:
    if url.scheme not in PORTS or not url.hostname:
        raise ValueError("an address needs a scheme and a host")
    host = url.hostname if url.hostname.isascii() else url.hostname.encode("idna").decode()
    return Origin(url.scheme == "https", host, url.port or PORTS[url.scheme])


def basic(url: SplitResult) -> str:
    """The Authorization that an address holds; empty where it holds none."""
    if url.username is None:
        return ""
    told = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return f"Basic {base64.b64encode(told.encode()).decode()}"


def proxy_for(url: SplitResult) -> str | None:
    """The proxy that HTTPS_PROXY and its kin name; None where there is none, or NO_PROXY names the host."""
    proxies = urllib.request.getproxies()
    if not proxies or urllib.request.proxy_bypass(url.hostname or ""):
        return None
    found = proxies.get(url.scheme) or proxies.get("all")
    return (found if "://" in found else f"http://{found}") if found else None


def trusted_authorities() -> ssl.SSLContext:
    """Whose certificates are believed, by the variables that LiteLLM reads: SSL_VERIFY, SSL_CERT_FILE."""
    told = os.environ.get("SSL_VERIFY", "")
    files = (told, os.environ.get("SSL_CERT_FILE", ""))
    context = ssl.create_default_context(cafile=next((each for each in files if Path(each).is_file()), certifi.where()))
    if told.lower() == "false":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
