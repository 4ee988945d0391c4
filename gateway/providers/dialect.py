"""What the translate lane has to know of a provider that speaks a format of its own: how to ask, and how to read answers.

A dialect does no I/O and keeps nothing of a request. What it cannot carry exactly it leaves to the sdk lane; whatever it
raises while it prepares does the same, so that a refusal is in LiteLLM's words on either lane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gateway.ports import ProviderRequest
from gateway.providers.http import Sending
from gateway.types import Deployment, JsonObject

T = TypeVar("T")
MOST_KNOWN = 4096  # deployments; clients name models of wildcards
Parse = Callable[[JsonObject], JsonObject | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One attempt, ready to be sent, and how what comes back is read.

    `answer` turns a whole answer into a chat.completion, `reader` makes what turns each event of a stream into a
    chat.completion.chunk, or None where an event says nothing; both are given the answer's headers, and do as LiteLLM
    translates: `shapes` and `Reader` clean up behind them. `usage` is a member of the result only where the provider told it. They may raise anything for
    what they cannot read. `text`: the member of an event that holds a piece of text, where events that differ in nothing
    else mean the same, whatever came before them.
    """

    sending: Sending
    answer: Callable[[JsonObject, Mapping[str, str]], JsonObject]
    reader: Callable[[Mapping[str, str]], Parse]
    text: str | None = None


class Dialect(Protocol):
    """One provider's format."""

    def carries(self, request: ProviderRequest) -> bool: ...  # False: this request is the sdk lane's
    def prepare(self, request: ProviderRequest, *, stream: bool) -> Prepared: ...  # LiteLLM is loaded by then


class Once(Generic[T]):
    """What `find` finds out, once per deployment. One that a reload changed is another one, so nothing grows stale."""

    def __init__(self, find: Callable[[Deployment], T]) -> None:
        self._find = find
        self._known: dict[tuple[str, str], tuple[Deployment, T]] = {}

    def __call__(self, deployment: Deployment) -> T:
        key = deployment.id, deployment.model
        known = self._known.get(key)
        if known is not None and (known[0] is deployment or known[0] == deployment):  # wildcards make them anew
            return known[1]
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        found = self._find(deployment)
        self._known[key] = deployment, found
        return found
