"""A change of the configuration and its entry in the audit log: both, or neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.accounts import Actor
from gateway.accounts.config_acts import Passage
from gateway.errors import Forbidden, Unavailable
from tests.accounts.conftest import World

PASSAGE = Passage("config.edit", "a" * 12, "b" * 12, ["`limits.rpm` is 5 now."] * 50)


class File:
    """What was done to a file, in order."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done: list[str] = []
        self._error = error

    def write(self) -> None:
        self.done.append("write")
        if self._error is not None:
            raise self._error

    def put_back(self) -> None:
        self.done.append("put back")


async def entries(world: World) -> list[str]:
    page = await world.accounts.audit.list(world.admin, object_type="config")
    return [each.action for each in page.items]


async def test_the_file_is_written_and_the_act_recorded(world: World) -> None:
    file = File()
    await world.accounts.config.record(world.admin, PASSAGE, file.write, file.put_back)
    assert file.done == ["write"]
    [entry] = (await world.accounts.audit.list(world.admin, object_id="config")).items
    assert (entry.actor, entry.action, entry.before) == ("cli", "config.edit", {"version": "a" * 12})
    assert entry.after == {"version": "b" * 12, "changes": ["`limits.rpm` is 5 now."] * 30}


async def test_a_file_that_cannot_be_written_leaves_no_entry(world: World) -> None:
    file = File(ValueError("read-only"))
    with pytest.raises(ValueError, match="read-only"):
        await world.accounts.config.record(world.admin, PASSAGE, file.write, file.put_back)
    assert file.done == ["write", "put back"]
    assert await entries(world) == []


def broken(method: str) -> Callable[..., object]:
    async def fail(*_: object, **__: object) -> None:
        raise OperationalError(method, {}, Exception("the database is gone"))

    return fail


@pytest.mark.parametrize(("method", "done"), [("commit", ["write", "put back"]), ("flush", [])])
async def test_a_store_that_is_away_leaves_the_file_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str, done: list[str]
) -> None:
    file = File()
    with monkeypatch.context() as patch:
        patch.setattr(AsyncSession, method, broken(method))
        with pytest.raises(Unavailable):
            await world.accounts.config.record(world.admin, PASSAGE, file.write, file.put_back)
    assert file.done == done
    assert await entries(world) == []


@pytest.mark.parametrize("role", ["lead", "member", "viewer", "nobody"])
async def test_only_admins(world: World, role: str) -> None:
    file, actor = File(), Actor("user:max", role, team="blog")
    with pytest.raises(Forbidden):
        await world.accounts.config.record(actor, PASSAGE, file.write, file.put_back)
    with pytest.raises(Forbidden):
        world.accounts.config.may_read(actor)
    assert file.done == []
