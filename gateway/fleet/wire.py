"""The seam between the fleet and a wire format: four methods that parse, refuse, answer and stream."""

from __future__ import annotations

from typing import Protocol

from gateway.fleet.shapes import Generation, Head, ModelRequest, Refusal, Tally


class Frames(Protocol):
    """The bytes of one streamed answer, in order: opening, tokens, finish, end. A frame may be empty."""

    content_type: str
    tells_usage: bool

    def opening(self) -> bytes: ...
    def token(self, choice: int, part: int, place: int) -> bytes: ...
    def finish(self, usage: Tally | None, times: int = 1) -> bytes:
        """Finish reasons and usage (None: it is left out; `times` 2: it is told twice)."""
        ...

    def end(self) -> bytes: ...
    def error(self) -> bytes:
        """An error inside the stream."""
        ...

    def malformed(self) -> bytes:
        """A line that no client can read."""
        ...

    def filler(self) -> bytes:
        """One more token of an endless answer."""
        ...


class Wire(Protocol):
    """A provider's format."""

    name: str

    def authorise(self, head: Head) -> None:
        """Raises `Refusal` when the key is missing or begins with "bad" (after "sk-" or the like)."""
        ...

    def read(self, head: Head, body: bytes) -> ModelRequest:
        """Raises `Refusal` for what the provider would refuse."""
        ...

    def headers(self, request_id: str) -> dict[str, str]: ...
    def refuse(self, refusal: Refusal, request_id: str) -> bytes: ...
    def answer(self, request: ModelRequest, generation: Generation, usage: Tally | None) -> bytes: ...
    def frames(self, request: ModelRequest, generation: Generation) -> Frames: ...
    def listing(self, models: tuple[str, ...], request: ModelRequest) -> bytes: ...
    def counted(self, request: ModelRequest) -> bytes: ...
    def embedded(self, request: ModelRequest, usage: Tally | None) -> bytes: ...
