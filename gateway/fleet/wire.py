"""The seam between the fleet and a wire format: four methods that parse, refuse, answer and stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.fleet.shapes import Generation, Head, ModelRequest, Refusal, Tally


@dataclass(frozen=True, slots=True)
class Told:
    """The usage that a streamed answer tells (None: none at all), and how many times."""

    usage: Tally | None
    times: int = 1


class Frames(Protocol):
    """The bytes of one streamed answer, in order: opening, tokens, finish, end. A frame may be empty.

    `tells_usage`: this stream tells its usage unless it is kept from it.
    """

    content_type: str
    tells_usage: bool

    def opening(self) -> bytes: ...
    def token(self, choice: int, part: int, place: int, /) -> bytes: ...
    def finish(self) -> bytes:
        """Tell finish reasons and usage."""
        ...

    def end(self) -> bytes: ...
    def error(self) -> bytes:
        """Say inside the stream that something went wrong."""
        ...

    def malformed(self) -> bytes:
        """Write a line that no client can read."""
        ...

    def filler(self) -> bytes:
        """Write one more token of an endless answer."""
        ...


class Wire(Protocol):
    """A provider's format."""

    name: str

    def authorise(self, head: Head) -> None:
        """Raise `Refusal` when the key is missing or begins with "bad" (after "sk-" or the like)."""
        ...

    def read(self, head: Head, body: bytes) -> ModelRequest:
        """Read what is asked. Raises `Refusal` for what the provider would refuse."""
        ...

    def headers(self, request_id: str) -> dict[str, str]: ...
    def refuse(self, refusal: Refusal, request_id: str, /) -> bytes: ...
    def answer(self, request: ModelRequest, generation: Generation, usage: Tally | None) -> bytes: ...
    def frames(self, request: ModelRequest, generation: Generation, told: Told) -> Frames: ...
    def listing(self, models: tuple[str, ...]) -> bytes: ...
    def counted(self, request: ModelRequest, /) -> bytes: ...
    def embedded(self, request: ModelRequest, usage: Tally | None) -> bytes: ...
