"""The gateway over HTTP, with the viewer's own key. Whatever goes wrong becomes a `Problem` with a sentence to show.

The key goes into one header and nowhere else: not into an address, a message or a repr.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

JsonObject = dict[str, Any]
QUICK = httpx.Timeout(5.0)
STREAMING = httpx.Timeout(5.0, read=60.0)  # the gateway sends a sign of life every 10 s, and ends what stalls


class Problem(Exception):
    """Why something could not be had. `code` is the gateway's own, or "unreachable"."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code

    @property
    def signed_out(self) -> bool:
        """The key is not, or no longer, a key."""
        return self.status == httpx.codes.UNAUTHORIZED


class Client:
    """What the dashboard asks of the gateway. `transport` replaces the network in tests."""

    def __init__(self, url: str, key: str, transport: httpx.MockTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}"}
        self._transport = transport
        self._http = httpx.Client(
            base_url=self._url, headers=self._headers, timeout=QUICK, transport=transport, trust_env=False
        )

    def me(self) -> JsonObject:
        return self._ask("GET", "/v1/me")

    def models(self) -> list[JsonObject]:
        return list(self._ask("GET", "/v1/models").get("data", ()))

    def library(self) -> JsonObject:
        """Templates and brand voices."""
        return self._ask("GET", "/v1/templates")

    def status(self) -> JsonObject:
        return self._ask("GET", "/v1/status")

    def generation(self, generation_id: str) -> JsonObject:
        return self._ask("GET", f"/v1/generations/{generation_id}")

    def cancel(self, generation_id: str) -> JsonObject:
        return self._ask("POST", f"/v1/generations/{generation_id}/cancel")

    @asynccontextmanager
    async def stream(self, body: JsonObject, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """A streamed chat completion. Leaving the block closes the connection. Raises Problem for a refusal."""
        async with httpx.AsyncClient(
            base_url=self._url, headers=self._headers, timeout=STREAMING, transport=self._transport, trust_env=False
        ) as http:
            with problems(self._url):
                async with http.stream("POST", "/v1/chat/completions", json=body, headers=dict(headers)) as response:
                    if response.is_error:
                        await response.aread()
                        raise problem_of(response)
                    yield response

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str) -> JsonObject:
        with problems(self._url):
            response = self._http.request(method, path)
            if response.is_error:
                raise problem_of(response)
            answer: JsonObject = response.json()
            return answer


@contextmanager
def problems(url: str) -> Iterator[None]:
    """Turn what httpx and JSON raise into a Problem."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise Problem(f"The gateway at {url} does not answer. Is it running?", code="unreachable") from error
    except httpx.HTTPError as error:
        raise Problem("The connection to the gateway broke. Please try again.", code="unreachable") from error
    except ValueError as error:
        raise Problem("The gateway's answer cannot be read. Is this address really the gateway's?") from error


def problem_of(response: httpx.Response) -> Problem:
    """The sentence of an error object, or one about the status when there is none."""
    try:
        return problem_in(response.json(), response.status_code)
    except ValueError:
        return Problem(f"The gateway answered with status {response.status_code}.", status=response.status_code)


def problem_in(body: Any, status: int | None = None) -> Problem:
    """The sentence of `{"error": {"message", "code"}}`."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Problem(f"The gateway answered with status {status}.", status=status)
    message, code = error.get("message"), error.get("code")
    return Problem(str(message or "The gateway reports an error."), status=status, code=str(code) if code else None)
