"""What a scrape shows of plain numbers is, to the byte, what prometheus_client's own metrics would have shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.telemetry.tallies import Tallies

BOUNDS = (0.0005, 0.5, 1, 2.5, 300)
WHAT = "A text with \\ and\na second line"
names = st.sampled_from(["fast", "openai/*", 'odd "name" \\ \n é', "other"])
amounts = st.sampled_from(BOUNDS) | st.floats(0, 1_000) | st.integers(0, 10**12)


class WithoutCreated(CollectorRegistry):
    """As /metrics leaves them out."""

    def collect(self) -> Iterator[Metric]:
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


@given(
    st.lists(st.tuples(names, names, st.integers(0, 10**15))),
    st.lists(st.tuples(names, amounts)),
    st.lists(amounts),
)
def test_a_scrape_shows_what_prometheus_clients_own_would(
    counted: list[tuple[str, str, int]], observed: list[tuple[str, float]], plain: list[float]
) -> None:
    theirs, ours = WithoutCreated(), CollectorRegistry()
    counter = Counter("a_counter", WHAT, ["group", "class"], registry=theirs)
    labelled = Histogram("some_seconds", WHAT, ["group"], buckets=BOUNDS, registry=theirs)
    bare = Histogram("bare_seconds", WHAT, buckets=BOUNDS, registry=theirs)
    tallies = Tallies(ours, together=False)
    own_counter = tallies.counter("a_counter", WHAT, ["group", "class"])
    own_labelled = tallies.histogram("some_seconds", WHAT, BOUNDS, ["group"])
    own_bare = tallies.histogram("bare_seconds", WHAT, BOUNDS)
    for group, kind, number in counted:
        counter.labels(group, kind).inc(number)
        own_counter.add(number, group, kind)
    for group, amount in observed:
        labelled.labels(group).observe(amount)
        own_labelled.observe(amount, group)
    for amount in plain:
        bare.observe(amount)
        own_bare.observe(amount)
    assert generate_latest(ours).decode() == generate_latest(theirs).decode()


@pytest.mark.parametrize("lives", [1, 3])
def test_files_show_what_one_process_would_also_after_a_restart(tmp_path, monkeypatch, lives):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    alone, shown = CollectorRegistry(), CollectorRegistry()
    one = Tallies(alone, together=False)
    counted(one, times=lives)
    for _ in range(lives):
        monkeypatch.setattr(values, "ValueClass", values.MultiProcessValue(lambda: 1))
        again = Tallies(CollectorRegistry(), together=True)
        counted(again, times=1)
        for _ in range(2):
            again.publish()
    MultiProcessCollector(shown, str(tmp_path))
    assert samples(shown) == samples(alone)


def test_what_is_not_published_is_not_in_the_files_and_one_process_writes_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.MultiProcessValue(lambda: 1))
    one, several = Tallies(CollectorRegistry(), together=False), Tallies(CollectorRegistry(), together=True)
    counted(one, times=1)
    one.publish()
    counted(several, times=1)
    assert list(tmp_path.iterdir()) == []
    several.publish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_1.db", "histogram_1.db"]


def counted(tallies: Tallies, *, times: int) -> None:
    """Something of every kind; a series that has begun and counted nothing too."""
    requests = tallies.counter("requests", WHAT, ["group"])
    seconds = tallies.histogram("some_seconds", WHAT, BOUNDS, ["group"])
    bare = tallies.histogram("bare_seconds", WHAT, BOUNDS)
    requests.add(0, "never")
    for _ in range(times):
        requests.add(3, "fast")
        seconds.observe(0.5, "fast")
        seconds.observe(400.0, "fast")
        bare.observe(0.25)


def samples(registry: CollectorRegistry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
