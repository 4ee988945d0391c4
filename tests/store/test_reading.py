"""A look at the store leaves nothing behind and cannot write; a store that is away is one sentence."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.store.database import DATABASE_FILE, open_database
from gateway.store.directory import Team
from gateway.store.failures import StoreUnavailable
from gateway.store.reading import only_reading


def red() -> Team:
    return Team(id="red", name="Red", created_at=0.0)


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_a_folder_without_a_store_stays_empty(tmp_path: Path) -> None:
    async with only_reading(tmp_path, None) as session:
        assert session is None

    assert left(tmp_path) == []


async def test_a_store_that_nobody_serves_from_is_read_and_gets_no_files(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=False)
    async with database.session() as writing:
        writing.add(red())
        await writing.commit()
    await database.close()
    before = left(tmp_path)

    async with only_reading(tmp_path, None) as session:
        assert session is not None
        assert [team.id for team in await session.exec(select(Team))] == ["red"]

    assert DATABASE_FILE in before
    assert left(tmp_path) == before


async def test_beside_a_gateway_what_it_wrote_last_is_read(tmp_path: Path) -> None:
    database = await open_database(tmp_path, exclusive=True)
    async with database.session() as writing:
        writing.add(red())
        await writing.commit()
        async with only_reading(tmp_path, None) as session:
            assert session is not None
            assert [team.id for team in await session.exec(select(Team))] == ["red"]
    await database.close()


async def test_nothing_can_be_written(tmp_path: Path) -> None:
    await (await open_database(tmp_path, exclusive=False)).close()

    with pytest.raises(StoreUnavailable, match="readonly"):
        async with only_reading(tmp_path, None) as session:
            assert session is not None
            session.add(red())
            await session.commit()


async def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / DATABASE_FILE).write_text("not a database at all")

    with pytest.raises(StoreUnavailable, match="the store cannot be read"):
        async with only_reading(tmp_path, None) as session:
            assert session is not None
            await session.exec(select(Team))


async def test_a_server_that_says_nothing_is_given_up_and_its_password_not_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ada:secret-word@127.0.0.1:{silent.getsockname()[1]}/books"
        with pytest.raises(StoreUnavailable, match="does not answer") as caught:
            async with only_reading(tmp_path, url, patience=0.1) as session:
                assert session is not None
                await session.exec(select(Team))

    assert "secret-word" not in str(caught.value)
