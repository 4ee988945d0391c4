"""Places held against a model of a dozen lines, over any sequence of acts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.clock import SystemClock
from gateway.queue.places import Places, QueueClass

LIMITS = {"a": 1, "b": 2, "c": 3}


@dataclass
class Model:
    """Who holds a place on what, and who waits, in order."""

    holds: dict[int, str] = field(default_factory=dict)
    waits: list[tuple[QueueClass, int, tuple[str, ...]]] = field(default_factory=list)

    def free(self, key: str) -> bool:
        return list(self.holds.values()).count(key) < LIMITS[key]

    def acquire(self, who: int, wanted: tuple[str, ...], queue_class: QueueClass) -> None:
        self.waits.append((queue_class, who, wanted))
        self.serve()

    def leave(self, who: int) -> None:
        self.holds.pop(who, None)
        self.waits = [waiter for waiter in self.waits if waiter[1] != who]
        self.serve()

    def serve(self) -> None:
        for waiter in sorted(self.waits):
            place = next((key for key in waiter[2] if self.free(key)), None)
            if place is not None:
                self.holds[waiter[1]] = place
                self.waits.remove(waiter)


ACT = st.one_of(
    st.tuples(
        st.just("acquire"),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True).map(tuple),
        st.sampled_from(list(QueueClass)),
    ),
    st.tuples(st.just("leave"), st.integers(0, 30), st.none()),
)


async def settled() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


@settings(max_examples=150, deadline=None)
@given(acts=st.lists(ACT, max_size=40))
async def test_places_and_the_model_agree_after_every_act(acts):
    places, model = Places(SystemClock()), Model()
    tasks: dict[int, asyncio.Task[str]] = {}
    for number, (act, value, queue_class) in enumerate(acts):
        if act == "acquire":
            wanted = [(key, LIMITS[key]) for key in value]
            tasks[number] = asyncio.create_task(places.acquire(wanted, 1000, queue_class=queue_class))
            model.acquire(number, value, queue_class)
        elif tasks:
            who = sorted(tasks)[value % len(tasks)]
            task = tasks.pop(who)
            if task.done():
                places.release(task.result())
            else:
                task.cancel()
            model.leave(who)
        await settled()
        assert {who: task.result() for who, task in tasks.items() if task.done()} == model.holds
        assert places.snapshot().waiting == len(model.waits)
        in_order = sorted(model.waits)
        for position, waiter in enumerate(in_order):
            assert waiter[2] == tuple(places._waiters[position].spots)
            ahead = sum(1 for other in in_order[:position] if set(other[2]) & set(waiter[2]))
            assert places._waiters[position].position == ahead + 1
    for task in tasks.values():
        task.cancel()
    await settled()
