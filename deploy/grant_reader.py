#!/opt/atelier/bin/python
"""`grant-reader OWNER READER`: give the dashboard's role its password and the rights that `atelier grants` prints.

Both arguments are files with a PostgreSQL URL. All of it or nothing happens; it may be run again, after an upgrade or with
a new password. With the database away it ends with a sentence and exit code 1.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from gateway.store.grants import postgresql_grants

EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)"


async def grant(owner_url: str, reader_url: str) -> None:
    """Make the reader's role or bring it up to date. Raises asyncpg's errors, OSError, ValueError."""
    reader = urlsplit(reader_url)
    name = reader.username or ""
    make, *rights = postgresql_grants(name, unquote(reader.password or "")).splitlines()
    connection = await asyncpg.connect(owner_url, timeout=30)
    try:
        async with connection.transaction():
            if await connection.fetchval(EXISTS, name):
                make = make.replace("CREATE", "ALTER", 1)
            await connection.execute("\n".join((make, *rights)))
    finally:
        await connection.close()


def main() -> None:
    """Read the two files, and do it."""
    try:
        owner, reader = (Path(name).read_text(encoding="utf-8").strip() for name in sys.argv[1:3])
        asyncio.run(grant(owner, reader))
    except (OSError, ValueError, asyncpg.PostgresError) as error:
        sys.exit(f"The dashboard's role could not be made: {error}.")


if __name__ == "__main__":
    main()
