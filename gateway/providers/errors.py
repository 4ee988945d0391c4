"""What a provider's failure was: read off the HTTP exchange where there was one, off the causes of the exception else.

What LiteLLM says of itself is left out of the message. A request that LiteLLM cannot put into the provider's form was
never sent, so nothing is owed: it is the caller's. Whatever else cannot be recognised counts as the provider's failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import aiohttp
import httpx

from gateway.errors import Fault, ProviderError
from gateway.providers.params import CHAT, EMBEDDINGS
from gateway.providers.refusals import callers, error_object, fault_of, message_of, retry_after, text
from gateway.providers.runtime import load
from gateway.providers.transport import Exchange

Redact = Callable[[str], str]
MOST_TEXT, MOST_NAME = 2_000, 200  # characters
WORD = re.compile(r"[a-z_]+")
OF_THE_REQUEST = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
ENDS = ("\n\nThis looks like a bug in LiteLLM", "\n\n\nreceived_args=", " To drop")
BEGINS = ("Exception - ", "Error: ")


def provider_error(error: BaseException, redact: Redact, sent: Exchange | None = None) -> ProviderError:
    """Turn anything a lane raised into a ProviderError; `redact` takes secrets out of its text."""
    if isinstance(error, ProviderError):
        return error
    chain = [*causes(error), *causes(sent.broken if sent is not None else None)]
    response = sent.response if sent is not None else None
    if response is None:
        response = next((each.response for each in chain if isinstance(each, httpx.HTTPStatusError)), None)
    if response is not None and not response.is_success:
        return refused(response.status_code, response.headers, content(response), redact)
    fault = transport_fault(chain)
    if fault is None and sent is not None and not sent.sent:
        return never_sent(error, chain, redact)
    if fault is Fault.MALFORMED or response is not None or any(isinstance(each, OF_THE_REQUEST) for each in chain):
        # Not in LiteLLM's words, which quote the answer: nobody's text goes into logs.
        return ProviderError(fault or Fault.MALFORMED, f"the answer cannot be read ({type(chain[-1]).__name__})")
    return ProviderError(fault or Fault.IN_BAND, clean(plain(error), redact))


def refused(status: int, headers: Mapping[str, str], data: bytes, redact: Redact) -> ProviderError:
    """An HTTP error answer, in the provider's own words. Names of `headers` are found in any case."""
    found = error_object(data)
    return ProviderError(
        fault_of(status, found),
        clean(message_of(found) or f"the provider answered with status {status}", redact),
        status=status,
        code=named(found, "code", redact),
        param=named(found, "param", redact),
        retry_after=retry_after(headers, found),
    )


def content(response: httpx.Response) -> bytes:
    """What was read of an answer; nothing where that failed."""
    try:
        return response.content
    except httpx.StreamError:
        return b""


def in_band(found: Any, redact: Redact) -> ProviderError:
    """An error object within an answer that began well. Its status is no HTTP status: only "too many" is told apart."""
    error: Mapping[str, Any] = found if isinstance(found, dict) else {"message": str(found)}
    limited = error.get("code") in (429, "429", "rate_limit_exceeded") or error.get("type") == "rate_limit_error"
    return ProviderError(
        Fault.RATE_LIMITED if limited else Fault.IN_BAND,
        clean(message_of(error) or "the provider failed within its answer", redact),
        code=named(error, "code", redact) or named(error, "type", redact),
        param=named(error, "param", redact),
    )


def named(found: Mapping[str, Any], name: str, redact: Redact) -> str | None:
    """A short member of an error object, as clean as the message."""
    told = text(found, name)
    return None if told is None else clean(told, redact, MOST_NAME)


def clean(words: str, redact: Redact, most: int = MOST_TEXT) -> str:
    """Without secrets, and short. Cut last: half a secret would not be known for one."""
    return redact(words[: 2 * most])[:most]


def never_sent(error: BaseException, chain: list[BaseException], redact: Redact) -> ProviderError:
    """LiteLLM refused before a byte went out: a member that it cannot translate, a missing credential, or its own bug."""
    message = plain(error)
    if is_a(error, "UnsupportedParamsError"):
        named = next((word for word in WORD.findall(message) if word in CHAT | EMBEDDINGS), None)
        return ProviderError(
            Fault.CALLER, clean(message, redact), status=400, code="unsupported_parameter", param=named
        )
    status = getattr(error, "status_code", None)
    if is_a(error, "ImageFetchError"):
        message = "This provider does not fetch images. Please send the image inline, as a data URI."
        return ProviderError(Fault.CALLER, message, status=400, code="unsupported_image_url", param="messages")
    if isinstance(chain[-1], OF_THE_REQUEST) or (isinstance(status, int) and 400 <= status < 500):
        fault = fault_of(status, {}) if status in {401, 403, 404} else callers({"message": message})
        return ProviderError(fault, clean(message, redact), status=400 if fault is Fault.CALLER else None)
    return ProviderError(Fault.SERVER, clean(message, redact))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what caused it, outermost first; cycles end it."""
    seen: set[int] = set()
    current = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def transport_fault(chain: list[BaseException]) -> Fault | None:
    """The fault of a connection that gave no HTTP answer, or broke within one; the innermost cause knows best."""
    if any(isinstance(error, aiohttp.ConnectionTimeoutError) for error in chain):
        return Fault.CONNECT  # what timed out within is no matter: nothing was sent
    for error in reversed(chain):
        match error:
            case aiohttp.ClientConnectorError() | ConnectionRefusedError():
                return Fault.CONNECT
            case aiohttp.ClientOSError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
                return Fault.RESET
            case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
                return Fault.CONNECT
            case httpx.TimeoutException() | TimeoutError():
                return Fault.TIMEOUT
            case httpx.ReadError() | httpx.WriteError() | httpx.RemoteProtocolError() | httpx.StreamError():
                return Fault.RESET
            case json.JSONDecodeError() | UnicodeDecodeError() | httpx.DecodingError():
                return Fault.MALFORMED
    return None


def is_a(error: BaseException, name: str) -> bool:
    return isinstance(error, getattr(load(), name, ()))


def plain(error: BaseException) -> str:
    """The exception's text without what LiteLLM says of itself."""
    found = str(getattr(error, "message", "") or error)
    for mark in ENDS:
        found = found.partition(mark)[0]
    for mark in BEGINS:
        if mark in found[:120]:
            found = found.rpartition(mark)[2] if mark == "Error: " else found.partition(mark)[2]
    return found.removeprefix("litellm.").strip() or "the provider failed"
