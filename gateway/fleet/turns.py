"""Gathers what one message holds, for the wires whose messages mix text, images, calls and results of tools."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.fleet.shapes import Image, Turn


@dataclass(slots=True)
class Message:
    """The parts of one message, in order of their kind."""

    texts: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)  # tool name and JSON arguments
    results: list[Turn] = field(default_factory=list)

    def turns(self, role: str) -> list[Turn]:
        """The message as turns: the results of tools stand before what is said."""
        if self.results and not self.texts and not self.images:
            return self.results
        return [*self.results, Turn(role, "\n".join(self.texts), tuple(self.images), tuple(self.calls))]
