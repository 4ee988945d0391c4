"""What people type for an account's fields, and how its values are shown. Money is typed and shown in US dollars."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias, TypeVar

import click

from gateway.accounts import InvitationInfo
from gateway.commands.output import say, say_json, say_table
from gateway.ledger.prices import usd
from gateway.ports import BrandInfo, KeyInfo, TeamInfo, UserInfo

NANO = 10**9
Info: TypeAlias = UserInfo | TeamInfo | BrandInfo | KeyInfo | InvitationInfo
Columns: TypeAlias = Mapping[str, Callable[[Any], str]]
Command = TypeVar("Command", bound=Callable[..., Any])
_OBJECTS = {UserInfo: "user", TeamInfo: "team", BrandInfo: "brand", KeyInfo: "key", InvitationInfo: "invitation"}


def dollars(text: str) -> int:
    """US dollars as typed, in nano-dollars."""
    try:
        nano = Decimal(text) * NANO
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is not a number") from None
    if not nano.is_finite() or nano < 0 or nano != nano.to_integral_value():
        raise click.BadParameter(f"{text!r} is not an amount of at least 0 with at most nine decimals")
    return int(nano)


BUDGET = click.option("--budget", type=dollars, metavar="USD", help="USD it may spend.")
BUDGET_DAYS = click.option(
    "--budget-days", type=click.IntRange(1, 9999), help="Days after which the budget begins anew."
)


def clearing(*names: str) -> Callable[[Command], Command]:
    """--clear for an edit, since a limit that is not named stays as it is."""
    return click.option("--clear", multiple=True, type=click.Choice(names), help="Take this one away; repeat for more.")


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that were typed, by their names in `Accounts`; None for those to be cleared."""
    out = {name: value for name, value in options.items() if value not in (None, ()) and name != "clear"}
    if "budget_days" in out:
        out["budget_window"] = f"{out.pop('budget_days')}d"
    return out | dict.fromkeys(options.get("clear", ()))


def record(info: Info) -> dict[str, Any]:
    """A value as JSON: money as a decimal string besides its nano-dollars."""
    out: dict[str, Any] = {"object": _OBJECTS[type(info)]}
    for field in fields(info):
        value = getattr(info, field.name)
        if field.name == "budget":
            out["budget"], out["budget_nano"] = (None if value is None else usd(value)), value
        else:
            out[field.name] = list(value) if isinstance(value, tuple) else value
    return out


def say_record(info: Info, *, as_json: bool, **more: Any) -> None:
    """One value, all of it: a line a field, or JSON."""
    shown = record(info) | more
    if as_json:
        say_json(shown)
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        if value is not None and name not in {"object", "budget_nano"}:
            say(f"{name:<{width}}  {_text(name, value)}")


def say_list(found: Sequence[Info], columns: Columns, *, as_json: bool) -> None:
    """A table, or a JSON list."""
    if as_json:
        say_json([record(info) for info in found])
    else:
        say_table([*columns], [[show(info) for show in columns.values()] for info in found])


def amount(info: UserInfo | TeamInfo | BrandInfo | KeyInfo) -> str:
    """A budget with its window."""
    if info.budget is None:
        return "no limit"
    window = f" / {info.budget_window}" if info.budget_window else ""
    return f"{usd(info.budget)} USD{window}"


def moment(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def _text(name: str, value: Any) -> str:
    if name.endswith(("_at", "_until")):
        return moment(value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return f"{value} USD" if name == "budget" else str(value)
