"""How a row is changed: which version the editor saw, what differs, and what that means for its budget account.

Steps of an act; a store that is away raises through it, and the act is undone as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError

from gateway import errors
from gateway.accounts.transaction import Act
from gateway.store import windows
from gateway.store.tables import Account

_COLUMNS = {"budget": "budget_nano", "metadata": "extra"}
_SWITCHES = {"blocked": "blocked_at", "archived": "archived_at"}


def check_version(row: Any, version: int | None) -> None:
    """Raises Conflict when the row is not the one that the editor saw. None: whatever is there."""
    if version is not None and version != row.version:
        raise errors.Conflict(
            f"It was changed meanwhile (version {row.version}, yours was {version}). Read it again, then repeat the edit.",
            code="version_conflict",
        )


def current(row: Any, field: str) -> Any:
    """A field's value as it stands, by its public name."""
    if field in _SWITCHES:
        return getattr(row, _SWITCHES[field]) is not None
    return getattr(row, _COLUMNS.get(field, field))


def apply(row: Any, changes: Mapping[str, Any], now: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Set what differs, and count the edit when anything does. Returns those fields before and after."""
    before = {field: current(row, field) for field in changes}
    after = {field: value for field, value in changes.items() if before[field] != value}
    for field, value in after.items():
        if field in _SWITCHES:
            setattr(row, _SWITCHES[field], now if value else None)
        else:
            setattr(row, _COLUMNS.get(field, field), value)
    if after:
        row.version += 1
    return {field: before[field] for field in after}, after


def action(kind: str, after: Mapping[str, Any]) -> str:
    """What the audit log calls an edit: blocking has a name of its own, since other processes act on it at once."""
    return f"{kind}.{'edit' if 'blocked' not in after else 'block' if after['blocked'] else 'unblock'}"


def columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a new row by their columns' names."""
    return {_COLUMNS.get(field, field): value for field, value in fields.items()}


def shown(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log says of a new row: the fields that say something."""
    return {field: value for field, value in fields.items() if value is not None and field != "id"}


async def keep_budget(act: Act, scope: str, row: Any, changed: Sequence[str] | Mapping[str, Any]) -> None:
    """Give the account of `scope` the row's limit and window, when one of them was changed. What is spent stays."""
    if "budget" not in changed and "budget_window" not in changed:
        return
    account = await act.session.get(Account, scope, with_for_update=True)
    if account is None:
        if row.budget_nano is None:
            return
        account = await _new_account(act, scope)
    account.limit_nano = row.budget_nano
    if account.budget_window != row.budget_window:
        length = windows.seconds(row.budget_window)
        account.budget_window = row.budget_window
        account.resets_at = None if length is None else account.window_started_at + length
    act.scopes.append(scope)


async def _new_account(act: Act, scope: str) -> Account:
    """An empty account; the one that a settlement has just made, when it came first."""
    try:
        async with act.session.begin_nested():
            account = Account(scope=scope, window_started_at=act.now)
            act.session.add(account)
    except IntegrityError:
        return await act.session.get_one(Account, scope, with_for_update=True)
    return account
