"""A request's headers as bytes: names in lower case, as ASGI has them, and of those that came twice the first one.

They are decoded where they are used, because most of them never are. Nothing here can fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.types import Scope

Asking = Mapping[bytes, bytes]


def head_of(scope: Scope) -> Asking:
    headers: list[Any] = scope["headers"]
    return dict(reversed(headers))


def as_text(head: Asking) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in head.items()}


def lines(scope: Scope, wanted: bytes) -> list[str]:
    """The values of every header of that name, in their order."""
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for name, value in headers if name == wanted]
