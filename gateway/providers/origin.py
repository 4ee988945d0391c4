"""Where connections go to. Nothing here can fail."""

from __future__ import annotations

from typing import NamedTuple


class Tunnel(NamedTuple):
    """A proxy that is asked to pass a connection through. `authorization`: the header's value, or empty."""

    tls: bool
    host: str
    port: int
    authorization: str


class Origin(NamedTuple):
    """Where connections go to; those to an equal one are exchangeable."""

    tls: bool
    host: str
    port: int
    tunnel: Tunnel | None = None
