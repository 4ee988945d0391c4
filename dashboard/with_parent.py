"""Ends this process when the one that started it is gone, however it went: a pipe closes even when its owner is killed."""

from __future__ import annotations

import os
import signal
import sys
import threading

ASKED_FOR = "ATELIER_UNTIL_STDIN_CLOSES"


def watch() -> None:
    """Watch standard input where `make run` asked for it; started by hand, the dashboard stays until it is stopped."""
    if os.environ.get(ASKED_FOR):
        threading.Thread(target=_end_with_parent, name="with-parent", daemon=True).start()


def _end_with_parent() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
