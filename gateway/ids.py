"""Names of requests and generations: no two alike among workers and restarts, and no secret.

Made without the system call that secrets are made with: it costs more, and lets another thread have the turn.
"""

from __future__ import annotations

import random

_random = random.Random()  # noqa: S311 - seeded by the system; whoever knows a name has no right by it


def hexadecimal(digits: int) -> str:
    """So many random digits, an even number, in lower case."""
    return _random.getrandbits(4 * digits).to_bytes(digits // 2, "big").hex()
