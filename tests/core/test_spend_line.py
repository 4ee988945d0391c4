"""The line for money that others hold: in order, one looks at a time, and whoever leaves makes room."""

from __future__ import annotations

import asyncio

import pytest

from gateway.stages.spend_line import Lines

LONG = 30.0  # seconds: only a failure waits for so long


async def looker(lines: Lines, name: str, looks: list[str], scope: str = "key:k", times: int = 1) -> None:
    with lines.place(scope) as place:
        for _ in range(times):
            await place.turn(LONG)
            looks.append(name)


async def standing(*tasks: asyncio.Task[None]) -> None:
    """Let everybody run until all wait."""
    for _ in range(10 * len(tasks)):
        await asyncio.sleep(0)


async def test_a_capture_lets_the_first_look_and_its_leaving_the_next() -> None:
    lines, looks = Lines(), list[str]()
    tasks = [asyncio.create_task(looker(lines, name, looks)) for name in "abc"]
    await standing(*tasks)
    lines.captured("key:k")
    await asyncio.gather(*tasks)
    assert looks == ["a", "b", "c"]


async def test_a_first_that_finds_nothing_keeps_the_others_from_asking() -> None:
    lines, looks = Lines(), list[str]()
    tasks = [asyncio.create_task(looker(lines, name, looks, times=3)) for name in "ab"]
    for _ in range(2):
        await standing(*tasks)
        lines.captured("key:k")
    await standing(*tasks)
    assert looks == ["a", "a"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_accounts_have_lines_of_their_own() -> None:
    lines, looks = Lines(), list[str]()
    first = asyncio.create_task(looker(lines, "first", looks))
    other = asyncio.create_task(looker(lines, "other", looks, scope="user:ann"))
    await standing(first, other)
    lines.captured("user:ann")
    await other
    assert looks == ["other"]
    lines.captured("key:k")
    await first


@pytest.mark.parametrize("leaver", [0, 1])
async def test_somebody_who_leaves_a_line_of_many_does_not_block_it(leaver: int) -> None:
    lines, looks = Lines(), list[str]()
    tasks = [asyncio.create_task(looker(lines, name, looks)) for name in "abc"]
    await standing(*tasks)
    tasks[leaver].cancel()
    await standing(*tasks)
    lines.captured("key:k")
    await asyncio.gather(*tasks, return_exceptions=True)
    assert looks == (["b", "c"] if leaver == 0 else ["a", "c"])
    lines.captured("key:k")  # nobody is left, and nobody is missed
