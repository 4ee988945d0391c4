"""The gateway over HTTP, with the viewer's own key or session. Whatever goes wrong becomes a `Problem` with a sentence.

The credential goes into one header and nowhere else: not into an address, a message or a repr.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

JsonObject = dict[str, Any]
QUICK = httpx.Timeout(5.0)
ACTING = httpx.Timeout(5.0, read=30.0)  # who gives up on a change does not know whether it was made
PAGE = 200  # objects in one answer to a list
STREAMING = httpx.Timeout(5.0, read=60.0)  # the gateway sends a sign of life every 10 s, and ends what stalls
UNREADABLE = "The gateway's answer cannot be read. Is this address really the gateway's?"


class Problem(Exception):
    """Why something could not be had. `code` is the gateway's own, or "unreachable"; `retry_after` is in seconds.

    `details`: the mistakes of what was sent, each as the gateway describes it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        details: Sequence[JsonObject] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.details = tuple(details)

    @property
    def signed_out(self) -> bool:
        """The key or session is none, or none any more; a wrong password says nothing of the session."""
        return self.status == httpx.codes.UNAUTHORIZED and self.code != "invalid_credentials"


@dataclass(frozen=True, slots=True)
class Listing:
    """Objects of a list, in the gateway's order. `more`: there are further ones."""

    items: tuple[JsonObject, ...]
    more: bool = False


class Client:
    """What the dashboard asks of the gateway. Without a key, as a visitor. `transport` replaces the network in tests."""

    def __init__(self, url: str, key: str | None, transport: httpx.MockTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._transport = transport
        self._http = httpx.Client(
            base_url=self._url, headers=self._headers, timeout=QUICK, transport=transport, trust_env=False
        )

    def me(self) -> JsonObject:
        return self.get("/v1/me")

    def models(self) -> list[JsonObject]:
        return list(self.get("/v1/models").get("data", ()))

    def library(self) -> JsonObject:
        """Templates and brand voices."""
        return self.get("/v1/templates")

    def status(self) -> JsonObject:
        return self.get("/v1/status")

    def generation(self, generation_id: str) -> JsonObject:
        return self.get(path("v1", "generations", generation_id))

    def cancel(self, generation_id: str) -> JsonObject:
        return self.post(path("v1", "generations", generation_id, "cancel"))

    def get(self, address: str, **params: str | int | None) -> JsonObject:
        """One object. Parameters that are None are left out."""
        return self._ask("GET", address, params={name: value for name, value in params.items() if value is not None})

    def every(self, address: str, most: int = 1000, **params: str | int | None) -> Listing:
        """The first objects of a list, page by page until there are `most`."""
        items: list[JsonObject] = []
        after: str | None = None
        while True:
            page = self.get(address, limit=min(PAGE, most - len(items)), after=after, **params)
            items += page.get("data", ())
            after = page.get("next") if page.get("has_more") else None
            if after is None or len(items) >= most:
                return Listing(tuple(items), after is not None)

    def post(self, address: str, body: JsonObject | None = None, version: int | str | None = None) -> JsonObject:
        return self._ask("POST", address, json=body, headers=only_at(version))

    def put(self, address: str, body: JsonObject) -> JsonObject:
        return self._ask("PUT", address, json=body)

    def patch(self, address: str, changes: JsonObject, version: int | str | None = None) -> JsonObject:
        """Change an object. Raises Problem with status 409 when it is not at `version` any more."""
        return self._ask("PATCH", address, json=changes, headers=only_at(version))

    def delete(self, address: str) -> JsonObject:
        return self._ask("DELETE", address)

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

    def _ask(self, method: str, address: str, **more: Any) -> JsonObject:
        with problems(self._url):
            response = self._http.request(method, address, timeout=QUICK if method == "GET" else ACTING, **more)
            if response.is_error:
                raise problem_of(response)
            answer = response.json() if response.content else {}
            if not isinstance(answer, dict):
                raise Problem(UNREADABLE)
            return answer


def only_at(version: int | str | None) -> dict[str, str]:
    """The header by which a change is made only while its object is at this version."""
    return {} if version is None else {"if-match": f'"{version}"'}


def path(*parts: str) -> str:
    """An address from its parts, of which any may be a person's own words."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


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
        raise Problem(UNREADABLE) from error


def problem_of(response: httpx.Response) -> Problem:
    """The sentence of an error object, or one about the status when there is none."""
    try:
        problem = problem_in(response.json(), response.status_code)
    except ValueError:
        problem = problem_in(None, response.status_code)
    wait = response.headers.get("retry-after", "")
    problem.retry_after = float(wait) if wait.isascii() and wait.isdigit() else None
    return problem


def problem_in(body: Any, status: int | None = None) -> Problem:
    """The sentence of `{"error": {"message", "code"}}`."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Problem(f"The gateway answered with status {status}.", status=status)
    details = error.get("details")
    mistakes = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    message, code = in_detail(mistakes, error) or error.get("message"), error.get("code")
    return Problem(
        str(message or "The gateway reports an error."),
        status=status,
        code=str(code) if code else None,
        details=mistakes,
    )


def in_detail(mistakes: Sequence[JsonObject], error: JsonObject) -> str | None:
    """The mistakes of a form, each with its field; None where there is just the one that the message tells."""
    if all(each.get("what") == error.get("message") for each in mistakes):
        return None
    return "; ".join(f"{each.get('where') or each.get('key')}: {each.get('what')}" for each in mistakes)
