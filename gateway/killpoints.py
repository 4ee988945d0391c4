"""Named places where a test has this process killed, to prove that money survives it. Costs nothing otherwise.

`ATELIER_KILL_AT="after_hold:3"` ends the process by SIGKILL at its third pass of "after_hold"; without a number, at
the first. Nothing can fail here: a name that is never reached kills nothing.
"""

from __future__ import annotations

import os
import signal
from itertools import count

NAMES = (
    "before_hold",
    "after_hold",
    "before_dispatch",
    "after_dispatch",
    "first_byte",
    "before_capture",
    "after_capture",
    "before_commit",
    "after_commit",
    "before_ack",
    "after_ack",
    "before_last_byte",
)
_NAME, _, _TIMES = os.environ.get("ATELIER_KILL_AT", "").partition(":")
_passes = count(1)


def reached(name: str) -> None:
    """Die here if this is the place and the time."""
    if name == _NAME and next(_passes) == int(_TIMES or 1):
        os.kill(os.getpid(), signal.SIGKILL)
