"""`atelier users`: people, and programs that clients call users. Works beside running gateways, on their store."""

from __future__ import annotations

import sys
from typing import Any

import click

from gateway.accounts import CLI, Accounts
from gateway.commands.acting import acting, everything
from gateway.commands.fields import BUDGET, BUDGET_DAYS, Columns, amount, clearing, given, say_list, say_record
from gateway.commands.output import JSON, fail, say, tell
from gateway.ports import UserInfo

ROLE = click.option(
    "--role", type=click.Choice(["admin", "member", "viewer"]), help="In a team, the membership counts."
)


@click.group()
def users() -> None:
    """List, make, change, block, export and erase users."""


def state(user: UserInfo) -> str:
    return "blocked" if user.blocked_at is not None else "signs in" if user.can_sign_in else "no sign-in"


COLUMNS: Columns = {
    "ID": lambda user: user.id,
    "E-MAIL": lambda user: user.email or "-",
    "NAME": lambda user: user.name or "-",
    "ROLE": lambda user: user.role,
    "STATE": state,
    "BUDGET": amount,
}


@users.command("list")
@click.option("--team", help="Only this team's.")
@JSON
@acting
async def list_users(accounts: Accounts, *, team: str | None, as_json: bool) -> None:
    """List the users."""
    found = await everything(accounts.users.list, team=team)
    say_list(found, COLUMNS, as_json=as_json)


@users.command("show")
@click.argument("user_id")
@JSON
@acting
async def show_user(accounts: Accounts, *, user_id: str, as_json: bool) -> None:
    """Show a user with its teams."""
    user = await accounts.users.get(CLI, user_id)
    teams = await accounts.users.memberships(CLI, user_id)
    shown = [{"team": team, "role": role} for team, role in teams] if as_json else [f"{t} ({r})" for t, r in teams]
    say_record(user, as_json=as_json, teams=shown)


@users.command("create")
@click.option("--id", help="Chosen for good, and kept in the audit log: no name or e-mail. Default: made.")
@click.option("--email", help="To sign in with; `atelier invite --user` then lets them set a password.")
@click.option("--name", help="What people call them.")
@ROLE
@BUDGET
@BUDGET_DAYS
@acting
async def create_user(accounts: Accounts, **options: Any) -> None:
    """Make a user and print its id."""
    user = await accounts.users.create(CLI, **given(options))
    tell(f"Created the user {user.id}.")
    say(user.id)


@users.command("edit")
@click.argument("user_id")
@click.option("--email", help="To sign in with.")
@click.option("--name", help="What people call them.")
@ROLE
@BUDGET
@BUDGET_DAYS
@clearing("email", "name", "budget", "budget_window")
@acting
async def edit_user(accounts: Accounts, *, user_id: str, **options: Any) -> None:
    """Change a user; what is not named stays."""
    user = await accounts.users.edit(CLI, user_id, given(options), None)
    tell(f"Changed the user {user.id}.")


@users.command("block")
@click.argument("user_id")
@acting
async def block_user(accounts: Accounts, *, user_id: str) -> None:
    """Refuse the user's keys and sessions from now on, within two seconds."""
    user = await accounts.users.edit(CLI, user_id, {"blocked": True}, None)
    tell(f"Blocked the user {user.id}.")


@users.command("unblock")
@click.argument("user_id")
@acting
async def unblock_user(accounts: Accounts, *, user_id: str) -> None:
    """Let the user's keys and sessions work again."""
    user = await accounts.users.edit(CLI, user_id, {"blocked": False}, None)
    tell(f"Unblocked the user {user.id}.")


@users.command("export")
@click.argument("user_id")
@acting
async def export_user(accounts: Accounts, *, user_id: str) -> None:
    """Print everything that is held about a person, as JSON."""
    async for piece in await accounts.users.export(CLI, user_id):
        sys.stdout.write(piece.decode())
    sys.stdout.write("\n")


@users.command("erase")
@click.argument("user_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
@acting
async def erase_user(accounts: Accounts, *, user_id: str, yes: bool) -> None:
    """Forget a person for good: account, sessions and content go; money rows stay, without the person."""
    if not yes and click.prompt(f"This cannot be undone. Type {user_id} to erase that user", err=True) != user_id:
        fail("That is another id; nothing was erased.")
    shown = await accounts.users.erase(CLI, user_id)
    tell(f"Erased the user {user_id}; what they spent is kept under {shown}.")
