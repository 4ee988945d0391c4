"""Reads a request's JSON once, within bounds: size, media, depth, gzip. Whatever is wrong is a 400 or 413, never more.

A body is refused as soon as it is known to be too large, not after it was read.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.api.head import Asking, head_of
from gateway.errors import GatewayError, InvalidRequest, TooLarge
from gateway.types import JsonObject

MEGABYTE = 1_000_000
STEP = 1 << 20  # bytes that are unpacked between two looks at the other requests
PATIENCE = 60.0  # seconds for a whole body to arrive
MEDIA_MARKS = (b";base64,", b'"input_audio"', b'"file_data"')
SHORT = 2_048  # bytes whose brackets are counted sooner than the levels
CONTAINERS = frozenset((dict, list))  # what JSON is decoded to
Bytes: TypeAlias = bytes | bytearray
Form = TypeVar("Form", bound=BaseModel)
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes for JSON without and with media inside; levels of nesting."""

    plain: int = 2 * MEGABYTE
    media: int = 32 * MEGABYTE
    depth: int = 32


async def json_body(head: Asking, receive: Receive, bounds: Bounds, *, arrived: bool = False) -> JsonObject:
    """The body as a dictionary. `arrived`: nothing of it has to be waited for.

    Raises InvalidRequest or TooLarge, ClientDisconnect for a client that has gone.
    """
    reading = read(head, receive, bounds.media)
    try:
        return decoded(await (reading if arrived else in_time(reading)), bounds)
    except GatewayError as error:
        error.__context__ = None  # what it came from, and the frames below, would keep the body as long as it lives
        raise error.with_traceback(None) from None


def decoded(data: Bytes, bounds: Bounds) -> JsonObject:
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
    if not is_flat(data, bounds.depth) and deeper_than(body, bounds.depth):
        raise too_deep(bounds.depth)
    if not isinstance(body, dict):
        raise InvalidRequest("The request's body must be a JSON object.", code="invalid_json")
    return body


async def checked_body(request: Request, bounds: Bounds, model: type[Form]) -> Form:
    """The body as an admin route's own model. Raises RequestValidationError (422) with every mistake.

    Called in the route and not declared as its parameter, because FastAPI reads such bodies before it asks for the key.
    """
    return checked(await json_body(head_of(request.scope), request.receive, bounds), model)


async def optional_body(request: Request, bounds: Bounds, model: type[Form]) -> Form:
    """The same for a body that may be left out."""
    data = await in_time(read(head_of(request.scope), request.receive, bounds.media))
    return checked(decoded(data, bounds) if data else {}, model)


def checked(body: JsonObject, model: type[Form]) -> Form:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None


async def read(head: Asking, receive: Receive, most: int) -> Bytes:
    """The body's bytes, unpacked when they are gzip; at most `most`, on the wire and unpacked."""
    unzip = unpacking(head, most)
    data, received, more = bytearray(), 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        received += len(piece)
        if received > most:
            raise too_large(most)
        if unzip is not None:
            async for part in unzip.feed(piece):
                data += part
        elif more or data:
            data += piece
        else:
            return piece  # all of it at once: it need not be copied
    if unzip is not None:
        unzip.end()
    return data


def unpacking(head: Asking, most: int) -> Unzip | None:
    """What the headers say of the body: too long, packed in a way that is not known, or whether it is gzip."""
    length = head.get(b"content-length", b"")
    if length.isdigit() and int(length) > most:
        raise too_large(most)
    if b"content-encoding" not in head:
        return None
    encoding = head[b"content-encoding"].decode("latin-1").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise InvalidRequest(
            f"The content encoding '{encoding[:20]}' is not supported; use gzip or none.", code="invalid_encoding"
        )
    return Unzip(most) if encoding == "gzip" else None


async def in_time(reading: Coroutine[Any, Any, Bytes]) -> Bytes:
    """A body has so much time to arrive, and no more."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await reading
    except TimeoutError:
        raise too_slow() from None


class Unzip:
    """One gzip member, unpacked step by step so that a bomb neither fills the memory nor holds the others up."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 16)

    async def feed(self, piece: bytes) -> AsyncIterator[bytes]:
        """What `piece` unpacks to. Raises InvalidRequest or TooLarge."""
        while piece:
            try:
                part = self._stream.decompress(piece, STEP)
            except zlib.error:
                raise bad_gzip() from None
            self._total += len(part)
            if self._total > self._most:
                raise too_large(self._most)
            if self._stream.unused_data:
                raise bad_gzip()
            yield part
            piece = self._stream.unconsumed_tail
            await asyncio.sleep(0)

    def end(self) -> None:
        """Raises InvalidRequest when the member is not whole."""
        if not self._stream.eof and self._total:
            raise bad_gzip()


def is_flat(data: Bytes, levels: int) -> bool:
    """Whether it shows at once that nothing can be nested deeper: a short body with few brackets, in texts or not."""
    return len(data) <= SHORT and data.count(b"{") + data.count(b"[") <= levels


def deeper_than(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in more than `levels` levels."""
    layer = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        if not layer:
            return False
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if type(inner) in CONTAINERS
        ]
    return bool(layer)


def too_deep(levels: int) -> InvalidRequest:
    return InvalidRequest(f"The JSON body is nested deeper than {levels} levels.", code="invalid_json")


def bad_gzip() -> InvalidRequest:
    return InvalidRequest("The request's body is not valid gzip.", code="invalid_encoding")


def too_slow() -> InvalidRequest:
    error = InvalidRequest(f"The request's body did not arrive within {PATIENCE:g} seconds.", code="request_timeout")
    error.status = 408
    return error


def too_large(most: int) -> TooLarge:
    return TooLarge(f"The request's body is larger than the {most / MEGABYTE:g} MB that are allowed.")
