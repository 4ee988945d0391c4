"""Reads a request's JSON once, within bounds: size, media, depth, gzip. Whatever is wrong is a 400 or 413, never more.

A body is refused as soon as it is known to be too large, not after it was read.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Request

from gateway.errors import InvalidRequest, TooLarge
from gateway.types import JsonObject

MEGABYTE = 1_000_000
MEDIA_MARKS = (b";base64,", b'"input_audio"', b'"file_data"')
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes for JSON without and with media inside; levels of nesting."""

    plain: int = 2 * MEGABYTE
    media: int = 32 * MEGABYTE
    depth: int = 32


async def json_body(request: Request, bounds: Bounds) -> JsonObject:
    """The body as a dictionary. Raises InvalidRequest or TooLarge."""
    data = await read(request, bounds.media)
    if len(data) > bounds.plain and not any(mark in data for mark in MEDIA_MARKS):
        raise too_large(bounds.plain)
    if not data:
        raise InvalidRequest("The request has no body; a JSON object is expected.", code="invalid_json")
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The request's body is not valid JSON: {error}", code="invalid_json") from None
    except RecursionError:
        raise too_deep(bounds.depth) from None
    if deeper_than(body, bounds.depth):
        raise too_deep(bounds.depth)
    if not isinstance(body, dict):
        raise InvalidRequest("The request's body must be a JSON object.", code="invalid_json")
    return body


async def read(request: Request, most: int) -> bytes:
    """The body's bytes, unpacked when it is gzip; at most `most` of them."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large(most)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise InvalidRequest(f"The content encoding '{encoding[:20]}' is not supported; use gzip or none.")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
    parts: list[bytes] = []
    total = 0
    async for piece in request.stream():
        data = piece
        if unpack is not None:
            try:
                data = unpack.decompress(piece, most - total + 1)
            except zlib.error:
                raise InvalidRequest("The request's body is not valid gzip.") from None
        total += len(data)
        if total > most or (unpack is not None and unpack.unconsumed_tail):
            raise too_large(most)
        parts.append(data)
    return b"".join(parts)


def deeper_than(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in more than `levels` levels."""
    layer = [value]
    for _ in range(levels + 1):
        inner: list[Any] = []
        for item in layer:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        layer = [item for item in inner if isinstance(item, dict | list)]
        if not layer:
            return False
    return True


def too_deep(levels: int) -> InvalidRequest:
    return InvalidRequest(f"The JSON body is nested deeper than {levels} levels.", code="invalid_json")


def too_large(most: int) -> TooLarge:
    return TooLarge(f"The request's body is larger than the {most / MEGABYTE:g} MB that are allowed.")
