"""The real clock. Everything that needs time takes a `ports.Clock`, so that tests bring their own."""

from __future__ import annotations

import time


class SystemClock:
    """Wall clock for what is written down, monotonic for what is measured; both in seconds."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
