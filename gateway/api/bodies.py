"""Reads a request's JSON once, within bounds: size, media, depth, gzip. Whatever is wrong is a 400 or 413, never more.

A body is refused as soon as it is known to be too large, not after it was read.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from gateway.errors import GatewayError, InvalidRequest, TooLarge
from gateway.types import JsonObject

MEGABYTE = 1_000_000
STEP = 1 << 20  # bytes that are unpacked between two looks at the other requests
PATIENCE = 60.0  # seconds for a whole body to arrive
MEDIA_MARKS = (b";base64,", b'"input_audio"', b'"file_data"')
Form = TypeVar("Form", bound=BaseModel)
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes for JSON without and with media inside; levels of nesting."""

    plain: int = 2 * MEGABYTE
    media: int = 32 * MEGABYTE
    depth: int = 32


async def json_body(
    headers: Mapping[str, str], receive: Receive, bounds: Bounds, *, arrived: bool = False
) -> JsonObject:
    """The body as a dictionary. `arrived`: nothing of it has to be waited for.

    Raises InvalidRequest or TooLarge, ClientDisconnect for a client that has gone.
    """
    data = bytearray()
    try:
        async with contextlib.nullcontext() if arrived else in_time():
            await read(headers, receive, bounds.media, data)
        return decoded(data, bounds)
    except GatewayError:
        data.clear()  # or the exception's traceback would keep it until the next sweep
        raise


def decoded(data: bytearray, bounds: Bounds) -> JsonObject:
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


async def checked_body(request: Request, bounds: Bounds, model: type[Form]) -> Form:
    """The body as an admin route's own model. Raises RequestValidationError (422) with every mistake.

    Called in the route and not declared as its parameter, because FastAPI reads such bodies before it asks for the key.
    """
    return checked(await json_body(request.headers, request.receive, bounds), model)


async def optional_body(request: Request, bounds: Bounds, model: type[Form]) -> Form:
    """The same for a body that may be left out."""
    data = bytearray()
    async with in_time():
        await read(request.headers, request.receive, bounds.media, data)
    return checked(decoded(data, bounds) if data else {}, model)


def checked(body: JsonObject, model: type[Form]) -> Form:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_input=False, include_url=False)) from None


async def read(headers: Mapping[str, str], receive: Receive, most: int, data: bytearray) -> None:
    """Put the body's bytes into `data`, unpacked when it is gzip; at most `most`, on the wire and unpacked."""
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large(most)
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise InvalidRequest(
            f"The content encoding '{encoding[:20]}' is not supported; use gzip or none.", code="invalid_encoding"
        )
    unzip = Unzip(most) if encoding == "gzip" else None
    received, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece, more = message.get("body", b""), message.get("more_body", False)
        received += len(piece)
        if received > most:
            raise too_large(most)
        if unzip is None:
            data += piece
            continue
        async for part in unzip.feed(piece):
            data += part
    if unzip is not None:
        unzip.end()


@contextlib.asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """A body has so much time to arrive, and no more."""
    try:
        async with asyncio.timeout(PATIENCE):
            yield
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


def deeper_than(value: Any, levels: int) -> bool:
    """Whether lists and objects are nested in more than `levels` levels."""
    layer = [value]
    for _ in range(levels):
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


def bad_gzip() -> InvalidRequest:
    return InvalidRequest("The request's body is not valid gzip.", code="invalid_encoding")


def too_slow() -> InvalidRequest:
    error = InvalidRequest(f"The request's body did not arrive within {PATIENCE:g} seconds.", code="request_timeout")
    error.status = 408
    return error


def too_large(most: int) -> TooLarge:
    return TooLarge(f"The request's body is larger than the {most / MEGABYTE:g} MB that are allowed.")
