"""Brings a database to this version's schema, once, whoever comes first.

At head this is one SELECT; Alembic is imported only when there is something to do. Two processes that start on an
empty database wait for each other, and the second one finds the work done. A failure leaves the schema as it was.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, MetaData, String, Table, column, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

HEAD = "0004"
MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_ID = 0x41_54_45_4C  # any number that no other user of the database takes an advisory lock on


class NewerSchema(Exception):
    """The database was written by a later version of Atelier."""


async def upgrade(engine: AsyncEngine) -> bool:
    """Migrate to HEAD; True if there was anything to do. Raises NewerSchema and SQLAlchemy's own errors."""
    async with engine.connect() as connection:
        if await connection.run_sync(_version) == HEAD:
            return False
    async with engine.connect() as connection:
        await _wait_for_turn(connection)
        if await connection.run_sync(_version) == HEAD:
            return False
        await connection.run_sync(_migrate)
        await connection.commit()
    return True


async def _wait_for_turn(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_ID})")


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version = column("version_num", String)
    return connection.execute(select(version).select_from(Table("alembic_version", MetaData()))).scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, and needed on the first start of a version only
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    version = _version(connection)
    if version is not None and version not in known:
        raise NewerSchema(version)
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
