"""Requests and tokens of each deployment in the last 60 seconds, in memory: there is nothing that could be away.

Of several workers each counts its own and has its share of a limit. A request counts from its dispatch on, its tokens as
they were estimated until it has ended, then as they were. Where a limit asks, each request counts for exactly a minute;
elsewhere those of one second are counted together and leave together, so that a busy minute takes no memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from gateway.ports import Clock

WINDOW = 60.0  # seconds
MOST_IDLE = 5_000  # deployments; from so many on, those without a request in their window are forgotten


class Demand(msgspec.Struct, frozen=True):
    """What a request brings to its deployment: `tokens` are an estimate, `owner` is who tells the true number later."""

    owner: str = ""
    tokens: int = 0


@dataclass(slots=True, eq=False)
class _Sent:
    """A request, or several of one second; they leave the window a minute after the last of them."""

    where: str
    at: float
    requests: int
    tokens: int
    gone: bool = False  # out of its window


@dataclass(slots=True)
class _Window:
    sent: deque[_Sent] = field(default_factory=deque)
    requests: int = 0
    tokens: int = 0


class Rates:
    """Sliding windows. What slides out of them tells nobody: ask `wait` when to look again."""

    def __init__(self, clock: Clock, workers: Callable[[], int]) -> None:
        self._clock = clock
        self._workers = workers
        self._windows: dict[str, _Window] = {}
        self._open: dict[str, list[tuple[_Sent, int]]] = {}  # by owner: what was sent, and its estimate
        self._most = MOST_IDLE

    def wait(self, where: str, rpm: int | None, tpm: int | None, tokens: int) -> float:
        """Seconds until one more request with so many tokens fits; 0: now.

        What is larger than the whole limit fits when nothing else is in the window.
        """
        if rpm is None and tpm is None:
            return 0.0
        now = self._clock.monotonic()
        window = self._current(where, now)
        first = 0
        if rpm is not None:
            over = window.requests + 1 - self._share(rpm)
            first = _oldest(over, (sent.requests for sent in window.sent))
        if tpm is not None:
            over = window.tokens + tokens - self._share(tpm)
            first = max(first, _oldest(over, (sent.tokens for sent in window.sent)))
        return window.sent[first - 1].at + WINDOW - now if first else 0.0

    def take(self, where: str, demand: Demand, *, limited: bool = True) -> None:
        """A request is about to be sent there. Without a limit there, it is counted with the others of its second."""
        now = self._clock.monotonic()
        window = self._current(where, now)
        last = window.sent[-1] if window.sent and not limited else None
        if last is not None and int(last.at) == int(now):
            last.at = now
            last.requests += 1
            last.tokens += demand.tokens
        else:
            last = _Sent(where, now, 1, demand.tokens)
            window.sent.append(last)
        window.requests += 1
        window.tokens += demand.tokens
        if demand.owner:
            self._open.setdefault(demand.owner, []).append((last, demand.tokens))

    def settle(self, owner: str, used: Iterable[tuple[str, int]]) -> bool:
        """The owner's attempts as they were: where, and tokens in and out. What was never sent does not count.

        Says whether anything has more room than before.
        """
        opened = self._open.pop(owner, None)
        if opened is None:
            return False
        left, freed = list(used), False
        for sent, estimate in opened:
            tokens = _taken_from(left, sent.where)
            if sent.gone:
                continue
            freed = freed or tokens is None or tokens < estimate
            self._correct(sent, estimate, tokens)
        return freed

    def used(self, places: Mapping[str, str]) -> tuple[dict[str, int], dict[str, int]]:
        """Requests and tokens in the last minute, of this worker, by the names of the places; none where there are none."""
        now = self._clock.monotonic()
        requests, tokens = {}, {}
        for name, where in places.items():
            if where in self._windows and (window := self._current(where, now)).sent:
                requests[name], tokens[name] = window.requests, window.tokens
        return requests, tokens

    def _correct(self, sent: _Sent, estimate: int, tokens: int | None) -> None:
        """What one of them brought was estimated, and turns out to have been so many tokens; None: it never went."""
        window = self._windows[sent.where]
        more = (tokens or 0) - estimate
        sent.tokens += more
        window.tokens += more
        if tokens is None:
            sent.requests -= 1
            window.requests -= 1
            if not sent.requests:
                window.sent.remove(sent)

    def _current(self, where: str, now: float) -> _Window:
        """The window without what is too old for it."""
        window = self._windows.get(where)
        if window is None:
            self._forget_idle(now)
            window = self._windows[where] = _Window()
        while window.sent and window.sent[0].at <= now - WINDOW:
            old = window.sent.popleft()
            window.requests -= old.requests
            window.tokens -= old.tokens
            old.gone = True
        return window

    def _forget_idle(self, now: float) -> None:
        if len(self._windows) < self._most:
            return
        for where, window in tuple(self._windows.items()):
            if not window.sent or window.sent[-1].at <= now - WINDOW:
                for sent in window.sent:
                    sent.gone = True
                del self._windows[where]
        self._most = max(MOST_IDLE, 2 * len(self._windows))

    def _share(self, limit: int) -> int:
        return max(1, limit // self._workers())


def _oldest(over: int, amounts: Iterable[int]) -> int:
    """How many of the oldest have to slide out to make room for so much; all of them where that is not enough."""
    count = 0
    for amount in amounts:
        if over <= 0:
            break
        over -= amount
        count += 1
    return count


def _taken_from(used: list[tuple[str, int]], where: str) -> int | None:
    """The tokens of the first that went there, which is taken out of the list; None: none did."""
    for place, (went, tokens) in enumerate(used):
        if went == where:
            del used[place]
            return tokens
    return None
