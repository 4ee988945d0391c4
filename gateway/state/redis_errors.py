"""What an error of Redis means: it is away, it refuses one write, or the command was wrong (a bug of ours).

Redis answers many conditions of its own with an error reply, and 6.2 wraps those that a script meets in another text.
"""

from __future__ import annotations

import re

from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from gateway.errors import Unavailable

RETRY_AFTER = 1.0  # seconds
# It answers, and takes no write: still loading, no disk, a replica, a script that does not end, a cluster in pieces.
_AWAY = re.compile(r"(?:^|: -)(?:LOADING|MISCONF|READONLY|BUSY|UNKILLABLE|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|TRYAGAIN) ")
_FULL = re.compile(r"(?:^|: -)OOM ")


def is_full(error: Exception) -> bool:
    """Its memory is used up: this write was refused, but reads and deletions go on."""
    return isinstance(error, OutOfMemoryError) or (isinstance(error, ResponseError) and bool(_FULL.search(str(error))))


def is_bug(error: Exception) -> bool:
    """A reply that says the command or the script is wrong, which no waiting mends."""
    if not isinstance(error, ResponseError) or is_full(error):
        return False
    word = getattr(error, "status_code", None)  # taken off the text where redis-py knows it
    return not (isinstance(error, ReadOnlyError) or _AWAY.search(f"{word} {error}" if word else str(error)))


def unavailable() -> Unavailable:
    """What a caller sees, whatever the cause."""
    return Unavailable(
        "The gateway's shared state does not answer at the moment; try again shortly.",
        code="state_unavailable",
        retry_after=RETRY_AFTER,
    )
