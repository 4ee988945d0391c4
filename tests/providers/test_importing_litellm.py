"""LiteLLM is imported once, in a thread, for whoever waits; nobody else waits."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from gateway.errors import ProviderError
from gateway.providers import runtime


class Work:
    """An import that ends when the test lets it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at_it, self.go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None

    def __call__(self) -> Any:
        self.begun.append(threading.current_thread().name)
        self.at_it.set()
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return "the module"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    made = Work()
    monkeypatch.setattr(runtime, "_litellm", runtime._Import(made))
    return made


async def waiters(count: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(runtime.loaded()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_everybody_waits_for_the_same_import(work: Work) -> None:
    tasks = await waiters(3)
    assert runtime.state() == "loading"
    assert not any(task.done() for task in tasks), "the loop goes on meanwhile"
    work.go_on.set()
    assert await asyncio.gather(*tasks) == ["the module"] * 3
    assert work.begun == ["litellm"]
    assert runtime.state() == "loaded"
    assert await runtime.loaded() == runtime.load() == "the module"


async def test_nothing_is_imported_before_somebody_asks(work: Work) -> None:
    assert runtime.state() == "absent"
    await runtime.close()
    assert work.begun == []


async def test_who_waits_no_more_leaves_the_import_to_the_others(work: Work) -> None:
    gone, staying = await waiters(2)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    work.go_on.set()
    assert await staying == "the module"


async def test_a_failure_is_told_to_all_who_wait_and_who_asks_later_tries_again(work: Work) -> None:
    work.error = ImportError("broken")
    tasks = await waiters(2)
    work.go_on.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(type(each), str(each.__cause__)) for each in found] == [(ProviderError, "broken")] * 2
    assert runtime.state() == "failed"
    work.error = None
    assert await runtime.loaded() == "the module"


def test_threads_that_load_at_once_import_once(work: Work) -> None:
    everybody = threading.Barrier(4)

    def meet(then: Callable[[], Any]) -> Any:
        everybody.wait(10)
        return then()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(meet, runtime.load) for _ in range(4)]
        work.go_on.set()
        assert [each.result(10) for each in asked] == ["the module"] * 4
    assert len(work.begun) == 1


def test_the_log_is_ours_again_before_anybody_sees_litellm(work: Work) -> None:
    seen: list[str] = []
    runtime.afterwards(lambda: seen.append(runtime.state()))
    work.go_on.set()
    runtime.load()
    assert seen == ["absent"]


async def test_no_garbage_is_collected_meanwhile(work: Work) -> None:
    waiting, *_ = await waiters(1)
    await asyncio.to_thread(work.at_it.wait, 10)
    assert not gc.isenabled()
    work.go_on.set()
    await waiting
    assert gc.isenabled()
