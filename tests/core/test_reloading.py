"""The reloader: what changed on disk is served when it is valid as a whole; anything else is told and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import reloading
from gateway.config.config import Config
from gateway.config.deployments import Facts, resolve
from gateway.config.diff import Difference
from gateway.config.loader import load
from gateway.config.problems import ConfigError
from gateway.pipeline import Pipeline
from gateway.prompts.library import Library
from gateway.reloading import Rejection, Reloader
from gateway.routing import Routes
from gateway.serving import Serving
from tests.core.fakes import FakeClock

GOOD = "model_list:\n  - {model_name: fast, litellm_params: {model: openai/fast, api_key: none-of-yours}}\n"
OTHER = GOOD + "limits: {rpm: 7}\n"
BROKEN = GOOD + "limits: {rpn: 7}\n"


class World:
    """A file, what is served from it, and everything that was told."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.path = folder / "config.yaml"
        self.path.write_text(GOOD)
        self.clock = clock
        self.served: list[Serving] = []
        self.told: list[tuple[str, str]] = []
        self.reads = 0
        self.heard = asyncio.Event()
        first = self.made(load(self.path, {}))
        self.reloader = Reloader(first, self.prepare, self.adopt, self, clock)

    def made(self, config: Config) -> Serving:
        resolved = resolve(config, {}, lambda *_, **__: Facts("openai"), None)
        return Serving(config, resolved, Routes(config, resolved), Library.load([]), Pipeline(()), self.clock.now())

    async def prepare(self, texts: Mapping[Path, str]) -> Serving:
        self.reads += 1
        return self.made(load(self.path, {}, texts))

    async def adopt(self, serving: Serving) -> None:
        self.served.append(serving)

    async def adopted(self, serving: Serving, by: str, changes: Sequence[Difference]) -> None:
        self.tell("adopted", by)

    def rejected(self, rejection: Rejection, serving: Serving, by: str) -> None:
        self.tell("rejected", by)

    def tell(self, what: str, by: str) -> None:
        self.told.append((what, by))
        self.heard.set()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.reloader.watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, told: int) -> None:
        async with asyncio.timeout(30):
            while len(self.told) < told:
                self.heard.clear()
                await self.heard.wait()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, FakeClock())


async def test_a_valid_file_is_served(world: World) -> None:
    before = world.reloader.serving
    world.path.write_text(OTHER)
    now = await world.reloader.reload("ada")
    assert world.reloader.serving is now is world.served[-1]
    assert now.config.limits.rpm == 7
    assert now.version != before.version
    assert world.told == [("adopted", "ada")]


async def test_a_broken_file_changes_nothing_and_is_told(world: World) -> None:
    before = world.reloader.serving
    world.path.write_text(BROKEN)
    with pytest.raises(ConfigError) as raised:
        await world.reloader.reload("ada")
    assert world.reloader.serving is before
    assert world.served == []
    assert world.told == [("rejected", "ada")]
    rejection = world.reloader.rejected
    assert rejection is not None
    assert rejection.problems == raised.value.problems
    assert "rpn" in str(rejection.problems[0])


async def test_the_old_text_put_back_takes_the_rejection_back(world: World) -> None:
    world.path.write_text(BROKEN)
    with pytest.raises(ConfigError):
        await world.reloader.reload("ada")
    world.path.write_text(GOOD)
    await world.reloader.reload("ada")
    assert world.reloader.rejected is None
    assert world.told == [("rejected", "ada"), ("adopted", "ada")]


async def test_what_is_served_already_is_not_served_again(world: World) -> None:
    serving = world.reloader.serving
    world.path.touch()
    assert await world.reloader.reload("ada") is serving
    assert world.told == []


async def test_a_change_on_disk_is_noticed_once_it_stands_still(world: World) -> None:
    async with world.watching():
        world.path.write_text(OTHER)
        await world.until(1)
        assert world.told == [("adopted", "file")]
        world.path.write_text(BROKEN)
        await world.until(2)
        assert world.told[1:] == [("rejected", "file")]
        replacement = world.path.with_name("other.yaml")
        replacement.write_text(GOOD)
        replacement.rename(world.path)
        await world.until(3)
    assert world.reloader.serving.config.limits.rpm is None


async def test_a_file_that_nobody_changes_is_read_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "LOOK_EVERY", 0.001)
    looked = iter(range(20))
    enough = asyncio.Event()
    loop, look = asyncio.get_running_loop(), world.reloader._look

    def counted() -> object:  # in a thread
        if next(looked, None) is None:
            loop.call_soon_threadsafe(enough.set)
        return look()

    monkeypatch.setattr(world.reloader, "_look", counted)
    async with world.watching(), asyncio.timeout(30):
        await enough.wait()
    assert world.reads == 1  # the file may have changed since the process began


async def test_an_included_file_and_a_secret_are_watched_too(tmp_path: Path) -> None:
    world = World(tmp_path, FakeClock())
    world.path.write_text(GOOD + "include: more.yaml\n")
    more = tmp_path / "more.yaml"
    with pytest.raises(ConfigError):
        await world.reloader.reload("ada")
    async with world.watching():
        more.write_text("limits: {rpm: 3}\n")  # the file that was missing
        await world.until(2)
        assert world.reloader.serving.config.limits.rpm == 3
        more.write_text("limits: {rpm: 4}\n")
        await world.until(3)
    assert world.reloader.serving.config.limits.rpm == 4


async def test_a_trial_changes_nothing(world: World) -> None:
    before = world.reloader.serving
    trial = await world.reloader.try_texts({world.path: OTHER})
    assert trial.config.limits.rpm == 7
    with pytest.raises(ConfigError):
        await world.reloader.try_texts({world.path: BROKEN})
    assert world.reloader.serving is before
    assert world.reloader.rejected is None
    assert world.told == []
    assert world.path.read_text() == GOOD


async def test_two_at_once_are_one_after_the_other(world: World) -> None:
    world.path.write_text(OTHER)
    first, second = await asyncio.gather(world.reloader.reload("ada"), world.reloader.reload("bo"))
    assert first is second
    assert world.told == [("adopted", "ada")]


async def test_a_setting_that_waits_for_a_restart_is_named_until_it_is_as_it_was(world: World) -> None:
    world.path.write_text(GOOD + "server: {port: 4001}\n")
    await world.reloader.reload("ada")
    assert world.reloader.restart == ("server.port",)
    world.path.write_text(GOOD)
    await world.reloader.reload("ada")
    assert world.reloader.restart == ()


async def test_a_change_between_the_start_and_the_first_look_is_not_missed(world: World) -> None:
    world.path.write_text(OTHER)
    async with world.watching():
        await world.until(1)
    assert world.reloader.serving.config.limits.rpm == 7


@pytest.mark.parametrize("first", [OTHER, BROKEN], ids=["after a good file", "after a broken one"])
async def test_a_change_while_the_file_is_read_is_not_missed(world: World, first: str) -> None:
    prepare = world.prepare

    async def prepared(texts: Mapping[Path, str]) -> Serving:
        try:
            return await prepare(texts)
        finally:
            if world.path.read_text() == first:
                world.path.write_text(GOOD + "limits: {rpm: 8}\n")

    world.reloader._prepare = prepared
    world.path.write_text(first)
    async with world.watching():
        await world.until(2)
    assert world.reloader.serving.config.limits.rpm == 8
