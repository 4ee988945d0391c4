"""`atelier keys`: virtual keys. Works beside running gateways, on their store; what it changes acts within two seconds."""

from __future__ import annotations

import time
from typing import Any

import click

from gateway.accounts import CLI, Accounts
from gateway.commands.acting import acting, everything
from gateway.commands.fields import BUDGET, BUDGET_DAYS, Columns, amount, clearing, given, moment, say_list, say_record
from gateway.commands.output import JSON, say, tell
from gateway.errors import NotFound
from gateway.ports import KeyInfo

DAY = 86_400.0
HOUR = 3_600.0
ROLES = ["admin", "lead", "member", "viewer"]
_SHARED = (
    click.option("--user", help="Whose it is."),
    click.option("--team", help="Whose team's."),
    click.option("--role", type=click.Choice(ROLES), help="The most it may do. Default: member."),
    BUDGET,
    BUDGET_DAYS,
    click.option("--model", "models", multiple=True, help="A model it may use; repeat. Default: all."),
    click.option("--brand", "brands", multiple=True, help="A brand it may write for; repeat. Default: all."),
    click.option("--default-brand", help="The brand of requests that name none."),
    click.option("--rpm", type=click.IntRange(min=1), help="Requests a minute."),
    click.option("--parallel", "max_parallel", type=click.IntRange(min=1), help="Requests at once."),
    click.option("--tag", "tags", multiple=True, help="Put on all its requests; repeat."),
    click.option(
        "--on-disconnect", type=click.Choice(["cancel", "continue"]), help="What becomes of work whose client has left."
    ),
    click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Days from now until it expires."),
)


def shared(command: Any) -> Any:
    """The options that making and changing have in common, in that order."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.group()
def keys() -> None:
    """Make, list, change, rotate, block and revoke virtual keys."""


def state(key: KeyInfo) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= time.time():
        return "expired"
    return "blocked" if key.blocked_at is not None else "active"


COLUMNS: Columns = {
    "ID": lambda key: key.id,
    "KEY": lambda key: f"{key.prefix}…",
    "NAME": lambda key: key.name,
    "USER": lambda key: key.user or "-",
    "TEAM": lambda key: key.team or "-",
    "ROLE": lambda key: key.role,
    "STATE": state,
    "BUDGET": amount,
}


@keys.command("create")
@click.option("--name", required=True, help="What people call it.")
@click.option("--admin", is_flag=True, help="An admin's key: --role admin.")
@shared
@acting
async def create_key(accounts: Accounts, *, admin: bool, **options: Any) -> None:
    """Make a key and print it alone on stdout: it is shown this once."""
    fields = _fields(options)
    if admin:
        fields["role"] = "admin"
    await _make_owners(accounts, fields)
    info, key = await accounts.keys.create(CLI, **fields)
    tell(f"Created {info.id} ({info.name}). The key is shown this once:")
    say(key)


@keys.command("list")
@click.option("--all", "include_revoked", is_flag=True, help="Revoked ones too.")
@click.option("--user", help="Only this user's.")
@click.option("--team", help="Only this team's.")
@JSON
@acting
async def list_keys(accounts: Accounts, *, as_json: bool, **filters: Any) -> None:
    """List the keys."""
    found = await everything(accounts.keys.list, **filters)
    say_list(found, COLUMNS, as_json=as_json)


@keys.command("show")
@click.argument("key_id")
@JSON
@acting
async def show_key(accounts: Accounts, *, key_id: str, as_json: bool) -> None:
    """Show everything but the key itself, which is kept nowhere."""
    say_record(await accounts.keys.get(CLI, key_id), as_json=as_json)


@keys.command("edit")
@click.argument("key_id")
@click.option("--name", help="What people call it.")
@shared
@clearing(
    "budget", "budget_window", "models", "brands", "default_brand", "rpm", "max_parallel", "tags", "expires_at"
)  # fmt: skip
@acting
async def edit_key(accounts: Accounts, *, key_id: str, **options: Any) -> None:
    """Change a key; what is not named stays."""
    info = await accounts.keys.edit(CLI, key_id, _fields(options), None)
    tell(f"Changed {info.id} ({info.name}).")


@keys.command("rotate")
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(0, 720),
    default=24,
    show_default=True,
    help="How long the old one goes on.",
)
@acting
async def rotate_key(accounts: Accounts, *, key_id: str, overlap_hours: float) -> None:
    """Print a new secret for a key, once; its id, its limits and what it spent stay."""
    info, key = await accounts.keys.rotate(CLI, key_id, overlap_hours * HOUR)
    tell(f"Rotated {info.id} ({info.name}); the old key works until {moment(info.previous_until)}. The new one:")
    say(key)


@keys.command("block")
@click.argument("key_id")
@acting
async def block_key(accounts: Accounts, *, key_id: str) -> None:
    """Refuse a key from now on, until it is unblocked."""
    info = await accounts.keys.edit(CLI, key_id, {"blocked": True}, None)
    tell(f"Blocked {info.id} ({info.name}).")


@keys.command("unblock")
@click.argument("key_id")
@acting
async def unblock_key(accounts: Accounts, *, key_id: str) -> None:
    """Let a blocked key work again."""
    info = await accounts.keys.edit(CLI, key_id, {"blocked": False}, None)
    tell(f"Unblocked {info.id} ({info.name}).")


@keys.command("revoke")
@click.argument("key_id")
@acting
async def revoke_key(accounts: Accounts, *, key_id: str) -> None:
    """Revoke a key for good, and every key made with it; it is refused within two seconds."""
    info = await accounts.keys.revoke(CLI, key_id)
    say(f"Revoked {info.id} ({info.name}).")


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    fields = given(options)
    if "days" in fields:
        fields["expires_at"] = time.time() + fields.pop("days") * DAY
    return fields


async def _make_owners(accounts: Accounts, fields: dict[str, Any]) -> None:
    """A script may name users and teams that nobody has made yet: they are made, and that is told."""
    if (team := fields.get("team")) is not None:
        try:
            await accounts.teams.get(CLI, team)
        except NotFound:
            fields["team"] = (await accounts.teams.ensure(CLI, team)).id
            tell(f"Made the team {fields['team']}, which was not known.")
    if (user := fields.get("user")) is not None:
        try:
            await accounts.users.get(CLI, user)
        except NotFound:
            fields["user"] = (await accounts.users.ensure(CLI, user, fields.get("team"))).id
            tell(f"Made the user {fields['user']}, who was not known.")
