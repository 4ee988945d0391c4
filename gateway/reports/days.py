"""Which time a report is about: whole days of the viewer's own calendar. Pure.

The roll-up knows half-hours, so an offset of a quarter of an hour (Nepal) is cut to the half-hour before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from gateway.ledger.sums import BUCKETS_A_DAY as BUCKETS
from gateway.ledger.sums import HALF_HOUR

DAY = 86_400
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Days:
    """The last `count` calendar days, today included, as they are `offset` seconds east of UTC. `now` is Unix time."""

    now: float
    offset: int = 0
    count: int = 30

    @classmethod
    def between(cls, first: date, last: date, offset: int = 0) -> Days:
        """The days from `first` to `last`, both included."""
        number = (last - EPOCH).days
        return cls(number * DAY + DAY / 2 - offset, offset, (last - first).days + 1)

    @property
    def today(self) -> int:
        """The last day's number, counted from 1 January 1970."""
        return int(self.now + self._half_hours * HALF_HOUR) // DAY

    @property
    def first(self) -> int:
        """The number of the oldest day."""
        return self.today - self.count + 1

    @property
    def since(self) -> float:
        """When the first of the days began, Unix time."""
        return float(self.first_bucket * HALF_HOUR)

    @property
    def first_bucket(self) -> int:
        """The half-hour since 1970 with which the first day begins."""
        return self.first * BUCKETS - self._half_hours

    @property
    def end_bucket(self) -> int:
        """The half-hour that comes after the last day."""
        return (self.today + 1) * BUCKETS - self._half_hours

    @property
    def in_utc(self) -> bool:
        """Whether they begin when days begin in UTC."""
        return self._half_hours % BUCKETS == 0

    def day_of(self, bucket: int) -> int:
        """The number of the day that a half-hour is in."""
        return (bucket + self._half_hours) // BUCKETS

    @property
    def _half_hours(self) -> int:
        return self.offset // HALF_HOUR


def named(day: int) -> date:
    """The date of the day with this number."""
    return EPOCH + timedelta(day)
