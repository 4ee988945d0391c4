"""`atelier invite`: a link that lets one person make an account, once. The token stands after "#", so that no log has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from gateway.accounts import CLI, InvitationInfo
from gateway.commands.acting import opened
from gateway.commands.fields import moment
from gateway.commands.output import CONFIG, plainly, say, tell
from gateway.commands.setting import read_setting
from gateway.config.config import Config
from gateway.config.models import Dashboard
from gateway.errors import Unprocessable

DAY = 86_400.0


@click.command()
@click.option("--email", help="Only this address may use it.")
@click.option("--team", help="The team they join.")
@click.option("--role", type=click.Choice(["lead", "member", "viewer"]), help="Their role in it. Default: member.")
@click.option("--admin", is_flag=True, help="An admin of the gateway.")
@click.option("--user", help="A new password for this user instead.")
@click.option("--days", type=click.FloatRange(0.001, 90), default=7, show_default=True, help="How long it works.")
@click.option("--url", help="Where people reach the dashboard. Default: dashboard.url of the configuration.")
@CONFIG
@plainly
def invite(*, config_file: Path | None, admin: bool, days: float, url: str | None, **whom: Any) -> None:
    """Print a one-time link, alone on stdout."""
    if admin and whom["role"] is not None:
        raise Unprocessable("Give either --admin or --role: an admin has every right anyway.")
    whom["role"] = "admin" if admin else whom["role"] or "member"
    base = url or _dashboard(read_setting(config_file).config)
    made, token = asyncio.run(_create(config_file, expires_in=days * DAY, **whom))
    page = "join" if whom["user"] is None else "new-password"
    tell(f"Created the invitation {made.id}; its link works once, until {moment(made.expires_at)}:")
    say(f"{base.rstrip('/')}/{page}#{token}")


async def _create(config_file: Path | None, **whom: Any) -> tuple[InvitationInfo, str]:
    async with opened(config_file) as accounts:
        return await accounts.invitations.create(CLI, **whom)


def _dashboard(config: Config | None) -> str:
    settings = config.dashboard if config is not None else Dashboard()
    return str(settings.url or f"http://127.0.0.1:{settings.port}")
