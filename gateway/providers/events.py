"""Server-sent events out of a provider's bytes, by the WHATWG's rules: only CR, LF and CRLF end a line.

However the bytes are cut, the events are the same. A line beyond `LONGEST_LINE` fails with a ProviderError, before it
is kept any longer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.errors import Fault, ProviderError

START, END = b"data: ", b"\n\n"
BETWEEN = END + START
LONGEST_LINE = 2**20  # bytes


class EventReader:
    """Feed it bytes; it gives the `data` of each event that is complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    @property
    def idle(self) -> bool:
        """No part of an event is waiting for its rest."""
        return not (self._rest or self._data)

    def feed(self, part: bytes) -> list[bytes]:
        """The events that `part` completes. Raises ProviderError for an endless line."""
        if part.startswith(START) and part.endswith(END) and self.idle:
            events = part[len(START) : -len(END)].split(BETWEEN)
            if part.count(b"\n") == len(END) * len(events) and b"\r" not in part:
                return events  # in the plainest framing
        lines = (self._rest + part).splitlines(keepends=True)
        # A last line without its end waits for it, as does a CR that may be the first half of CRLF.
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        if len(self._rest) > LONGEST_LINE:
            raise ProviderError(Fault.MALFORMED, f"a line of the answer is longer than {LONGEST_LINE} bytes")
        return [event for line in lines if (event := self._line(line.rstrip(b"\r\n"))) is not None]

    def flush(self) -> list[bytes]:
        """The event that the end of the bytes completes, if there is one."""
        rest, self._rest = self._rest.rstrip(b"\r\n"), b""
        ended = [self._line(rest), self._line(b"")]
        return [event for event in ended if event is not None]

    def _line(self, line: bytes) -> bytes | None:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
            return None
        if not self._data:
            return None
        event, self._data = b"\n".join(self._data), []
        return event


async def events(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event in a stream of bytes."""
    reader = EventReader()
    async for part in parts:
        for event in reader.feed(part):
            yield event
    for event in reader.flush():
        yield event
