"""A transport to nowhere: it remembers what was done to it."""

from __future__ import annotations

import asyncio


class Unwired(asyncio.Transport):
    """`waiting`: bytes that it pretends not to have sent yet."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.paused = False
        self.aborted = False
        self.waiting = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.aborted = True
