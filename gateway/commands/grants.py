"""`atelier grants`: the statements that make accounts which can only read. It connects to nothing, and holds no password:
where one belongs, the text says so.
"""

from __future__ import annotations

import click

from gateway.commands.output import fail, say
from gateway.store.grants import postgresql_grants, redis_grants

READER = "atelier_reader"


@click.group()
def grants() -> None:
    """Print the statements that make read-only accounts for the dashboard."""


@grants.command()
@click.option("--role", default=READER, show_default=True, help="The role's name.")
def postgresql(role: str) -> None:
    """Print SQL for an administrator to run in the gateway's database."""
    try:
        say(postgresql_grants(role).rstrip("\n"))
    except ValueError as error:
        fail(str(error))


@grants.command()
@click.option("--user", default=READER, show_default=True, help="The user's name.")
def redis(user: str) -> None:
    """Print the Redis command that makes the user."""
    try:
        say(redis_grants(user).rstrip("\n"))
    except ValueError as error:
        fail(str(error))
