"""`atelier teams`: people who share keys, spend and content. Works beside running gateways, on their store."""

from __future__ import annotations

from typing import Any

import click

from gateway.accounts import CLI, Accounts
from gateway.commands.acting import acting, everything
from gateway.commands.fields import BUDGET, BUDGET_DAYS, Columns, amount, clearing, given, say_list, say_record
from gateway.commands.output import JSON, say, tell

MODELS = click.option("--model", "models", multiple=True, help="A model its keys may use; repeat. Default: all.")
CONTENT = click.option(
    "--content", type=click.Choice(["off", "metadata", "full"]), help="What is kept of prompts and answers."
)
RETENTION = click.option("--retention-days", type=click.IntRange(min=1), help="How long content is kept.")


@click.group()
def teams() -> None:
    """List, make, change and block teams; add and remove people."""


COLUMNS: Columns = {
    "ID": lambda team: team.id,
    "NAME": lambda team: team.name,
    "STATE": lambda team: "blocked" if team.blocked_at is not None else "active",
    "CONTENT": lambda team: team.content,
    "MODELS": lambda team: "all" if team.models is None else ", ".join(team.models),
    "BUDGET": amount,
}


@teams.command("list")
@JSON
@acting
async def list_teams(accounts: Accounts, *, as_json: bool) -> None:
    """List the teams."""
    found = await everything(accounts.teams.list)
    say_list(found, COLUMNS, as_json=as_json)


@teams.command("show")
@click.argument("team_id")
@JSON
@acting
async def show_team(accounts: Accounts, *, team_id: str, as_json: bool) -> None:
    """Show a team with its people."""
    team = await accounts.teams.get(CLI, team_id)
    people = [(user.id, role) for user, role in await accounts.teams.members(CLI, team_id)]
    shown = [{"user": user, "role": role} for user, role in people] if as_json else [f"{u} ({r})" for u, r in people]
    say_record(team, as_json=as_json, members=shown)


@teams.command("create")
@click.option("--id", help="Chosen for good. Default: made.")
@click.option("--name", required=True, help="What people call it.")
@MODELS
@BUDGET
@BUDGET_DAYS
@CONTENT
@RETENTION
@acting
async def create_team(accounts: Accounts, **options: Any) -> None:
    """Make a team and print its id."""
    team = await accounts.teams.create(CLI, **given(options))
    tell(f"Created the team {team.id}.")
    say(team.id)


@teams.command("edit")
@click.argument("team_id")
@click.option("--name", help="What people call it.")
@MODELS
@BUDGET
@BUDGET_DAYS
@CONTENT
@RETENTION
@clearing("models", "budget", "budget_window", "retention_days")
@acting
async def edit_team(accounts: Accounts, *, team_id: str, **options: Any) -> None:
    """Change a team; what is not named stays."""
    team = await accounts.teams.edit(CLI, team_id, given(options), None)
    tell(f"Changed the team {team.id}.")


@teams.command("block")
@click.argument("team_id")
@acting
async def block_team(accounts: Accounts, *, team_id: str) -> None:
    """Refuse the team's keys from now on, within two seconds."""
    team = await accounts.teams.edit(CLI, team_id, {"blocked": True}, None)
    tell(f"Blocked the team {team.id}.")


@teams.command("unblock")
@click.argument("team_id")
@acting
async def unblock_team(accounts: Accounts, *, team_id: str) -> None:
    """Let the team's keys work again."""
    team = await accounts.teams.edit(CLI, team_id, {"blocked": False}, None)
    tell(f"Unblocked the team {team.id}.")


@teams.command("add")
@click.argument("team_id")
@click.argument("user_id")
@click.option("--role", type=click.Choice(["lead", "member", "viewer"]), default="member", show_default=True)
@acting
async def add_member(accounts: Accounts, *, team_id: str, user_id: str, role: str) -> None:
    """Add a user to a team, or change its role there."""
    user, role = await accounts.teams.set_member(CLI, team_id, user_id, role)
    tell(f"{user.id} is a {role} of {team_id}.")


@teams.command("remove")
@click.argument("team_id")
@click.argument("user_id")
@acting
async def remove_member(accounts: Accounts, *, team_id: str, user_id: str) -> None:
    """Take a user out of a team."""
    await accounts.teams.remove_member(CLI, team_id, user_id)
    tell(f"{user_id} is no longer in {team_id}.")
