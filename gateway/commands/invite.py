"""`atelier invite`: a link that lets one person make an account, once. The token stands after "#", so that no log has it."""

from __future__ import annotations

from typing import Any

import click

from gateway.accounts import CLI, Accounts
from gateway.commands.acting import acting
from gateway.commands.fields import moment
from gateway.commands.output import say, tell
from gateway.errors import Unprocessable

DAY = 86_400.0
DASHBOARD = "http://127.0.0.1:8501"


@click.command()
@click.option("--email", help="Only this address may use it.")
@click.option("--team", help="The team they join.")
@click.option("--role", type=click.Choice(["lead", "member", "viewer"]), help="Their role in it. Default: member.")
@click.option("--admin", is_flag=True, help="An admin of the gateway.")
@click.option("--user", help="A new password for this user instead.")
@click.option("--days", type=click.FloatRange(0.001, 90), default=7, show_default=True, help="How long it works.")
@click.option("--url", default=DASHBOARD, show_default=True, help="Where people reach the dashboard.")
@acting
async def invite(accounts: Accounts, *, admin: bool, days: float, url: str, **whom: Any) -> None:
    """Print a one-time link, alone on stdout."""
    if admin and whom["role"] is not None:
        raise Unprocessable("Give either --admin or --role: an admin has every right anyway.")
    whom["role"] = "admin" if admin else whom["role"] or "member"
    made, token = await accounts.invitations.create(CLI, expires_in=days * DAY, **whom)
    page = "join" if whom["user"] is None else "new-password"
    tell(f"Created the invitation {made.id}; its link works once, until {moment(made.expires_at)}:")
    say(f"{url.rstrip('/')}/{page}#{token}")
