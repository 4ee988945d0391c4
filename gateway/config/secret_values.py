"""Which values of a configuration are secrets, found by the names of their keys and in the addresses themselves.

Better one value too many than one too few: what is found here is blotted out of every log line and error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.config.positions import Items, Section

SHORTEST = 6  # shorter texts are placeholders such as "none"; blotting them out would garble every line
_SECRET_NAME = re.compile(
    r"(key|key_id|secret|token|password|passwd|credentials?|authorization|dsn|webhook)$", re.IGNORECASE
)
_PUBLIC = frozenset({"groups", "litellm_key_header_name", "pipeline", "routing"})  # "key" is a name there
_ALL_OF = frozenset(
    {"default_headers", "extra_headers", "headers", "redact", "vertex_credentials", "vertex_ai_credentials"}
)
_SECRET_VARIABLES = ("_API_KEY", "_ACCESS_KEY", "_ACCESS_KEY_ID", "_TOKEN", "_SECRET", "_PASSWORD")
_HEADERS = ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_HEADERS")  # name=value,name=value
_OWN_VARIABLES = (
    "ATELIER_SECRET",
    "ATELIER_MASTER_KEY",
    "ATELIER_DATABASE_URL",
    "ATELIER_REDIS_URL",
    "ATELIER_DASHBOARD_DATABASE_URL",
    "ATELIER_DASHBOARD_REDIS_URL",
)


def secret_values(root: Section, env: Mapping[str, str]) -> frozenset[str]:
    """All secrets of the file (references resolved) and of the environment's provider keys."""
    found = set(_in_file(root, secret=False))
    for name, value in env.items():
        if name in _OWN_VARIABLES or name.endswith(_SECRET_VARIABLES):
            found |= set(_in_text(value, secret="URL" not in name))
        elif name.endswith("WEBHOOK_URL"):  # the whole address is one
            found |= set(_in_text(value, secret=True))
        elif name in _HEADERS:
            for header in value.split(","):
                found |= set(_in_text(header.partition("=")[2].strip(), secret=True))
    return frozenset(value for value in found if len(value) >= SHORTEST)


def _in_file(here: Section | Items, *, secret: bool, webhook: bool = False) -> Iterator[str]:
    """`webhook`: below `webhooks`, where an address is a secret itself."""
    entries = here.items() if isinstance(here, Section) else enumerate(here)
    for name, value in entries:
        if name in _PUBLIC:
            continue
        if isinstance(value, Section | Items):
            yield from _in_file(value, secret=secret or name in _ALL_OF, webhook=webhook or name == "webhooks")
        elif isinstance(value, str):
            yield from _in_text(value, secret=secret or _is_secret_name(name) or (webhook and name == "url"))


def _is_secret_name(name: str | int) -> bool:
    return isinstance(name, str) and _SECRET_NAME.search(name) is not None


def _in_text(text: str, *, secret: bool) -> Iterator[str]:
    if secret:
        yield text
        if text.lower().startswith("bearer "):
            yield text[7:].strip()
    if "://" not in text:
        return
    try:
        address = urlsplit(text)
    except ValueError:
        yield text
        return
    if address.password:
        yield from (address.password, unquote(address.password))
    for name, value in parse_qsl(address.query):
        if _is_secret_name(name):
            yield value
