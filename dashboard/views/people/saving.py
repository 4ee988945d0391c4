"""Sends what was changed in a form, and shows the object as it is afterwards. A refusal leaves the form as it is."""

from __future__ import annotations

from dashboard.client import JsonObject
from dashboard.views.people import fields
from dashboard.views.people.place import attempt, here

ONCE = frozenset({"key", "token"})  # told once, by no answer but the first


def again(done: str | None = None) -> None:
    """Open the same object as it is now."""
    place = here()
    row = attempt(lambda client: client.get(place.address), done)
    if row is not None:
        opened(row)


def opened(row: JsonObject) -> None:
    """Show an object as the gateway has just given it, and keep what is to be said."""
    place = here()
    done = place.done
    place.go("one", row)
    place.done = done


def create(address: str, values: JsonObject, done: str | None, needed: str | None = None) -> JsonObject | None:
    """Make an object of what was filled in, and open it; None when it was refused. `needed` is what its name is asked for."""
    place = here()
    try:
        body = fields.changes({}, values, needed)
    except fields.Invalid as invalid:
        place.problem, place.done = str(invalid), None
        return None
    answer = attempt(lambda client: client.post(address, body), done)
    if answer is not None:
        opened({name: value for name, value in answer.items() if name not in ONCE})
    return answer


def save(values: JsonObject, needed: str | None = None) -> None:
    """Send what differs from the object as it was opened."""
    place = here()
    try:
        changed = fields.changes(place.row, values, needed)
    except fields.Invalid as invalid:
        place.problem, place.done = str(invalid), None
        return
    if not changed:
        place.problem, place.done = None, "There was nothing to change."
        return
    address, version = place.address, place.row.get("version")
    row = attempt(lambda client: client.patch(address, changed, version), "Saved.")
    if row is not None:
        opened(row)
