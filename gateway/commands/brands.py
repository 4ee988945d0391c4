"""`atelier brands`: whom texts are written for. Works beside running gateways, on their store."""

from __future__ import annotations

from typing import Any

import click

from gateway.accounts import CLI, Accounts
from gateway.commands.acting import acting, everything
from gateway.commands.fields import BUDGET, BUDGET_DAYS, Columns, amount, clearing, given, say_list, say_record
from gateway.commands.output import JSON, say, tell

CLIENT = click.option("--client", help="Whose brand it is.")
TEAM = click.option("--team", help="Only this team may write for it. Default: every team.")


@click.group()
def brands() -> None:
    """List, make, change and archive brands."""


COLUMNS: Columns = {
    "ID": lambda brand: brand.id,
    "NAME": lambda brand: brand.name,
    "CLIENT": lambda brand: brand.client or "-",
    "TEAM": lambda brand: brand.team or "all",
    "STATE": lambda brand: "archived" if brand.archived_at is not None else "active",
    "BUDGET": amount,
}


@brands.command("list")
@click.option("--all", "include_archived", is_flag=True, help="Archived ones too.")
@JSON
@acting
async def list_brands(accounts: Accounts, *, include_archived: bool, as_json: bool) -> None:
    """List the brands."""
    found = await everything(accounts.brands.list, include_archived=include_archived)
    say_list(found, COLUMNS, as_json=as_json)


@brands.command("show")
@click.argument("brand_id")
@JSON
@acting
async def show_brand(accounts: Accounts, *, brand_id: str, as_json: bool) -> None:
    """Show a brand."""
    say_record(await accounts.brands.get(CLI, brand_id), as_json=as_json)


@brands.command("create")
@click.option("--id", help="Chosen for good; that of a brand voice, to go with it. Default: made.")
@click.option("--name", required=True, help="What people call it.")
@CLIENT
@TEAM
@BUDGET
@BUDGET_DAYS
@acting
async def create_brand(accounts: Accounts, **options: Any) -> None:
    """Make a brand and print its id."""
    brand = await accounts.brands.create(CLI, **given(options))
    tell(f"Created the brand {brand.id}.")
    say(brand.id)


@brands.command("edit")
@click.argument("brand_id")
@click.option("--name", help="What people call it.")
@CLIENT
@TEAM
@BUDGET
@BUDGET_DAYS
@clearing("client", "team", "budget", "budget_window")
@acting
async def edit_brand(accounts: Accounts, *, brand_id: str, **options: Any) -> None:
    """Change a brand; what is not named stays."""
    brand = await accounts.brands.edit(CLI, brand_id, given(options), None)
    tell(f"Changed the brand {brand.id}.")


@brands.command("archive")
@click.argument("brand_id")
@click.option("--undo", is_flag=True, help="Take it back.")
@acting
async def archive_brand(accounts: Accounts, *, brand_id: str, undo: bool) -> None:
    """Refuse requests for a brand from now on; what it spent stays."""
    brand = await accounts.brands.edit(CLI, brand_id, {"archived": not undo}, None)
    tell(f"The brand {brand.id} is {'in use again' if undo else 'archived'}.")
