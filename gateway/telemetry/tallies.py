"""Counters and histograms as plain numbers: a request adds to a dozen of them, and only a scrape reads them.

A series begins when it is first added to. Count on the event loop only. In one process a scrape sees the numbers as they
are; one of several workers has to `publish` them to the files that are added up (`worker_metrics`). What it has not
published yet is lost with a worker that is killed; nothing else can go wrong here.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

AnyFamily = TypeVar("AnyFamily", bound="_Family")
Labels = tuple[str, ...]  # the values of a series' labels, in the order of the family's


class _Published:
    """A series' numbers in this worker's files, where they go on from what its predecessor of the same number left."""

    def __init__(self, files: Sequence[Any]) -> None:
        self._files = files
        self._left: list[float] = [file.get() for file in files]
        self._now: list[float] = [0] * len(files)

    def now(self, numbers: list[float]) -> None:
        """They are these now."""
        if numbers == self._now:
            return
        for file, left, before, number in zip(self._files, self._left, self._now, numbers, strict=True):
            if number != before:
                file.set(left + number)
        self._now = numbers


class _Family(ABC):
    """Shows its series when it is asked; `kind` as prometheus_client calls it."""

    kind: str

    def __init__(self, name: str, what: str, labels: Sequence[str] = ()) -> None:
        self._name, self._what, self._labels = name, what, tuple(labels)
        self._published: dict[Labels, _Published] = {}

    @abstractmethod
    def collect(self) -> Iterator[Metric]:
        """The family for a scrape of this process."""

    @abstractmethod
    def _numbers(self) -> Iterator[tuple[Labels, list[float]]]:
        """All numbers of each series."""

    @abstractmethod
    def _samples(self, labels: Labels) -> Iterator[tuple[str, Labels, Labels]]:
        """What the files call each number of a series: a name, labels' names and values."""

    def publish(self) -> None:
        """Write what has changed to this worker's files."""
        for labels, numbers in self._numbers():
            if labels not in self._published:
                files = [
                    values.ValueClass(self.kind, self._name, name, names, its, self._what)
                    for name, names, its in self._samples(labels)
                ]
                self._published[labels] = _Published(files)
            self._published[labels].now(numbers)


class Counters(_Family):
    """A counter with labels."""

    kind = "counter"

    def __init__(self, name: str, what: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, what, labels)
        self._counts: defaultdict[Labels, int] = defaultdict(int)

    def add(self, number: int, *labels: str) -> None:
        """Not less than zero; zero begins the series."""
        self._counts[labels] += number

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._what, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family

    def _numbers(self) -> Iterator[tuple[Labels, list[float]]]:
        return ((labels, [count]) for labels, count in self._counts.items())

    def _samples(self, labels: Labels) -> Iterator[tuple[str, Labels, Labels]]:
        yield f"{self._name}_total", self._labels, labels


class _Spread:
    """One series of a histogram: how many were in each bucket, and the sum of all."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * buckets
        self.total = 0.0


class Histograms(_Family):
    """A histogram with labels; without, its one series is there from the start. `bounds` are the buckets' upper ends."""

    kind = "histogram"

    def __init__(self, name: str, what: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> None:
        super().__init__(name, what, labels)
        self._bounds = tuple(bounds)
        self._les = tuple(floatToGoString(bound) for bound in (*bounds, math.inf))  # type: ignore[no-untyped-call]
        self._series: dict[Labels, _Spread] = {}
        if not labels:
            self._begin(())

    def observe(self, amount: float, *labels: str) -> None:
        """One more, of this size."""
        spread = self._series.get(labels) or self._begin(labels)
        spread.counts[bisect_left(self._bounds, amount)] += 1
        spread.total += amount

    def _begin(self, labels: Labels) -> _Spread:
        self._series[labels] = spread = _Spread(len(self._les))
        return spread

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._what, labels=self._labels)
        for labels, spread in self._series.items():
            family.add_metric(labels, list(zip(self._les, accumulate(spread.counts), strict=True)), spread.total)
        yield family

    def _numbers(self) -> Iterator[tuple[Labels, list[float]]]:
        return ((labels, [spread.total, *spread.counts]) for labels, spread in self._series.items())

    def _samples(self, labels: Labels) -> Iterator[tuple[str, Labels, Labels]]:
        yield f"{self._name}_sum", self._labels, labels
        for le in self._les:
            yield f"{self._name}_bucket", (*self._labels, "le"), (*labels, le)


class Tallies:
    """All of them, in one registry. `together`: this process is one of several, which are added up from files."""

    def __init__(self, registry: CollectorRegistry, *, together: bool) -> None:
        self._registry = registry
        self._together = together
        self._families: list[_Family] = []

    def counter(self, name: str, what: str, labels: Sequence[str] = ()) -> Counters:
        """`name` without "_total"."""
        return self._with(Counters(name, what, labels))

    def histogram(self, name: str, what: str, bounds: Sequence[float], labels: Sequence[str] = ()) -> Histograms:
        """`bounds`: the upper ends of its buckets, rising, without the infinite one."""
        return self._with(Histograms(name, what, bounds, labels))

    def publish(self) -> None:
        """Let a scrape that another process answers see what was counted until now."""
        if self._together:
            for family in self._families:
                family.publish()

    def _with(self, family: AnyFamily) -> AnyFamily:
        self._families.append(family)
        self._registry.register(family)
        return family
