"""Places at deployments: take the first free one, or wait in line for any of several, for a bounded time.

A deployment with `max_parallel` has that many places, of which each of several workers has its share; one with `rpm` or
`tpm` has none while its last minute is full. Nothing polls: whoever frees a place hands it to the first waiter whom it
suits, and a timer goes off when a minute has slid on. Full queues and long waits end in `errors.RateLimited`; a waiter
that is cancelled leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from gateway.errors import RateLimited
from gateway.ports import Clock
from gateway.queue.rates import Demand, Rates
from gateway.types import Deployment


class Spot(NamedTuple):
    """Where a place may be taken, and within which limits."""

    deployment_id: str
    max_parallel: int | None = None
    rpm: int | None = None
    tpm: int | None = None

    @property
    def limited(self) -> bool:
        """Whether its last minute may be full."""
        return self.rpm is not None or self.tpm is not None

    @classmethod
    def of(cls, deployment: Deployment) -> Spot:
        """What the deployment offers."""
        return cls(place_of(deployment), deployment.max_parallel, deployment.rpm, deployment.tpm)


def place_of(deployment: Deployment) -> str:
    """Whose places and limits count: the deployment's own, or those that all models of a wildcard's entry share."""
    if "*" not in deployment.group:
        return deployment.id
    return f"{deployment.group}#{hash((deployment.api_base, deployment.api_key)):x}"


OnPosition = Callable[[int], None]
UNKNOWN_ETA = 1.0  # seconds for each one in line, before anything is known
NOTHING = Demand()
LONGEST_ETA = 60.0  # seconds; over two minutes the SDKs would not come back
SMOOTHING = 0.3  # weight of the newest interval


class QueueClass(IntEnum):
    """Who is served first; within a class, who came first."""

    PRIORITY = 0
    DEFAULT = 1
    FLEX = 2


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Places taken, by deployment id, and requests that wait."""

    in_flight: Mapping[str, int]
    waiting: int


@dataclass(order=True, slots=True)
class _Waiter:
    queue_class: QueueClass
    ticket: int
    spots: dict[str, Spot] = field(compare=False)
    demand: Demand = field(compare=False)
    place: asyncio.Future[str] = field(compare=False)
    on_position: OnPosition | None = field(compare=False)
    position: int = field(compare=False, default=0)

    def rivals(self, other: _Waiter) -> bool:
        """Whether both could take the same place."""
        return not self.spots.keys().isdisjoint(other.spots)

    def move(self, position: int) -> None:
        """Note the new position and tell it later, so that a listener's error hits nobody who frees a place."""
        self.position = position
        if self.on_position is not None and not self.place.done():
            asyncio.get_running_loop().call_soon(self.on_position, position)


class Places:
    """The places of all deployments, and one line of waiters; those who want different deployments do not hinder."""

    def __init__(self, clock: Clock, *, max_waiting: int = 1000, workers: Callable[[], int] = lambda: 1) -> None:
        """`workers`: how many share the places at the moment. Each has one at least."""
        self._clock = clock
        self._max_waiting = max_waiting
        self._workers = workers
        self.rates = Rates(clock, workers)
        self._in_flight: dict[str, int] = {}
        self._waiters: list[_Waiter] = []  # in the order in which they are served
        self._tickets = 0
        self._freed_at: dict[str, float] = {}  # when a place was last handed on; only while somebody waits
        self._interval: dict[str, float] = {}  # smoothed seconds between two places that were handed on
        self._timer: asyncio.TimerHandle | None = None  # while somebody waits for a minute to slide on

    def configure(self, *, max_waiting: int) -> None:
        """How many may wait, from now on."""
        self._max_waiting = max_waiting

    async def acquire(
        self,
        candidates: Sequence[Spot | tuple[str, int | None]],
        timeout: float,
        on_position: OnPosition | None = None,
        queue_class: QueueClass = QueueClass.DEFAULT,
        demand: Demand = NOTHING,
    ) -> str:
        """The id of the deployment on which a place was taken, the first with room; give it back with `release`.

        Waits at most `timeout` seconds. `on_position` is told the place in line, 1 for the next, whenever it changes.
        Raises `RateLimited`: `queue_full` at once, `queue_timeout` after the wait, `rate_limit_exceeded` at once when
        no minute has room before the wait would be over.
        """
        if not candidates:
            raise ValueError("no candidate to take a place on")
        spots = {spot.deployment_id: spot for spot in (Spot(*candidate) for candidate in candidates)}
        for spot in spots.values():
            if self.take(spot, demand):
                return spot.deployment_id
        loop = asyncio.get_running_loop()
        self._tickets += 1
        waiter = _Waiter(queue_class, self._tickets, spots, demand, loop.create_future(), on_position)
        self._enter(waiter, timeout)
        timer = loop.call_later(max(timeout, 0), self._expire, waiter)
        try:
            return await waiter.place
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise
        finally:
            timer.cancel()

    def take(self, spot: Spot, demand: Demand = NOTHING) -> bool:
        """Take a place there if there is room at once; give it back with `release`."""
        if self._timer is not None and self._timer.when() <= asyncio.get_running_loop().time():
            self.wake()
        if not self._has_room(spot, demand):
            return False
        self._take(spot, demand)
        return True

    def settle(self, owner: str, used: Iterable[tuple[str, int]]) -> None:
        """A request has ended: its attempts' deployments and tokens, for `rates`. Never raises."""
        if self.rates.settle(owner, used) and self._timer is not None:
            self.wake()

    def wake(self) -> None:
        """Serve those in line for whom a minute has slid on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for waiter in tuple(self._waiters):
            found = next((spot for spot in waiter.spots.values() if self._has_room(spot, waiter.demand)), None)
            if found is not None and not waiter.place.done():
                self._serve(waiter, found)
        for waiter in self._waiters:
            self._look_again(waiter)

    def release(self, deployment_id: str) -> None:
        """Give a place back; the first waiter whom it suits has it at once. Raises `ValueError` when none is taken."""
        taken = self._in_flight.get(deployment_id, 0)
        if taken <= 0:
            raise ValueError(f"no place is taken on {deployment_id}")
        if taken > 1:
            self._in_flight[deployment_id] = taken - 1
        else:
            del self._in_flight[deployment_id]
        if self._waiters or self._freed_at:
            self._hand_on(deployment_id)

    def taken(self, places: Mapping[str, str]) -> dict[str, int]:
        """Places taken, by the names of `places`; nothing where there are none."""
        in_flight = self._in_flight
        return {name: in_flight[place] for name, place in places.items() if place in in_flight}

    def snapshot(self) -> Snapshot:
        """How it stands now."""
        return Snapshot(dict(self._in_flight), len(self._waiters))

    def _has_room(self, spot: Spot, demand: Demand) -> bool:
        limit = spot.max_parallel
        free = limit is None or self._in_flight.get(spot.deployment_id, 0) < max(1, limit // self._workers())
        return free and (not spot.limited or self._slides_in(spot, demand) <= 0)

    def _slides_in(self, spot: Spot, demand: Demand) -> float:
        """Seconds until the deployment's last minute has room."""
        return self.rates.wait(spot.deployment_id, spot.rpm, spot.tpm, demand.tokens)

    def _take(self, spot: Spot, demand: Demand) -> None:
        where = spot.deployment_id
        self._in_flight[where] = self._in_flight.get(where, 0) + 1
        self.rates.take(where, demand, limited=spot.limited)

    def _serve(self, waiter: _Waiter, spot: Spot) -> None:
        self._leave(waiter)
        self._take(spot, waiter.demand)
        waiter.place.set_result(spot.deployment_id)

    def _enter(self, waiter: _Waiter, timeout: float) -> None:
        slides_in = self._soonest(waiter)
        if slides_in > timeout:
            raise RateLimited(
                "The providers of this model have had their requests of this minute.", retry_after=slides_in
            )
        rivals = [other for other in self._waiters if waiter.rivals(other)]
        ahead = sum(1 for other in rivals if other < waiter)
        if len(rivals) >= self._max_waiting:
            message = "Too many requests wait for this model already. Please try again later."
            raise RateLimited(message, code="queue_full", retry_after=self._eta(waiter, len(rivals)))
        insort(self._waiters, waiter)
        waiter.move(ahead + 1)
        for behind in rivals[ahead:]:
            behind.move(behind.position + 1)
        self._look_again(waiter)

    def _soonest(self, waiter: _Waiter) -> float:
        """Seconds before which no minute has room for it; 0 when it waits for somebody's place only."""
        return min(self._slides_in(spot, waiter.demand) for spot in waiter.spots.values())

    def _look_again(self, waiter: _Waiter) -> None:
        """Have the timer go off when the next minute slides on that this one waits for."""
        waits = (self._slides_in(spot, waiter.demand) for spot in waiter.spots.values())
        soonest = min((wait for wait in waits if wait > 0), default=math.inf)
        loop = asyncio.get_running_loop()
        at = loop.time() + soonest
        if soonest < math.inf and (self._timer is None or at < self._timer.when()):
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(at, self.wake)

    def _leave(self, waiter: _Waiter) -> None:
        index = bisect_left(self._waiters, waiter)
        del self._waiters[index]
        for behind in self._waiters[index:]:
            if behind.rivals(waiter):
                behind.move(behind.position - 1)

    def _hand_on(self, deployment_id: str) -> None:
        wanting = [waiter for waiter in self._waiters if deployment_id in waiter.spots]
        self._note_interval(deployment_id, somebody_waits=bool(wanting))
        for waiter in wanting:
            spot = waiter.spots[deployment_id]
            if waiter.place.done():
                continue
            if self._has_room(spot, waiter.demand):
                self._serve(waiter, spot)
            elif spot.limited:
                self._look_again(waiter)  # the place is free, but its minute may be full by now

    def _withdraw(self, waiter: _Waiter) -> None:
        """The waiter's task was cancelled: in line still, or after it was given a place that it has not seen."""
        if waiter.place.cancelled():
            self._leave(waiter)
        elif waiter.place.exception() is None:
            self.release(waiter.place.result())

    def _expire(self, waiter: _Waiter) -> None:
        if waiter.place.done():
            return
        self._leave(waiter)
        message = "No provider had room for this request in time. Please try again."
        eta = self._soonest(waiter) or self._eta(waiter, waiter.position)
        waiter.place.set_exception(RateLimited(message, code="queue_timeout", retry_after=eta))

    def _eta(self, waiter: _Waiter, position: int) -> float:
        """Seconds until the one in this position is served, by how fast places were handed on of late."""
        rate = sum(1 / self._interval.get(deployment_id, UNKNOWN_ETA) for deployment_id in waiter.spots)
        return min(position / rate, LONGEST_ETA)

    def _note_interval(self, deployment_id: str, *, somebody_waits: bool) -> None:
        before = self._freed_at.pop(deployment_id, None)
        if not somebody_waits:
            return
        now = self._freed_at[deployment_id] = self._clock.monotonic()
        if before is not None:
            newest = max(now - before, 0.001)
            old = self._interval.get(deployment_id, newest)
            self._interval[deployment_id] = old + SMOOTHING * (newest - old)
