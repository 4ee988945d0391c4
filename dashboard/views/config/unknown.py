"""Teams, brands, people and keys that a rule names and that are not there (any more): such a rule fits nobody.

Only what is known for certain is marked: nothing with the lists away or too long, and no pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dashboard import inert
from dashboard.accounts import called
from dashboard.client import JsonObject, Listing, Problem
from dashboard.sessions import Session
from dashboard.views.config import sentences
from dashboard.views.config.place import Place

KINDS = {"team": "team", "brand": "brand", "user": "person", "key": "key"}
MOST = 1_000  # teams or brands; the gateway may leave further ones out


def there(session: Session, place: Place) -> dict[str, set[str]]:
    """The names of all that there is, by kind; a kind that is not known as a whole is left out."""
    accounts, names = session.accounts, place.current.get("names", {})
    people, keys = every(accounts.users), every(accounts.keys)
    if people is None or keys is None:
        return {}
    known = {
        "team": {str(each["id"]) for each in names.get("teams") or ()},
        "brand": {str(each) for each in names.get("brands") or ()},
    }
    found = {kind: each for kind, each in known.items() if len(each) < MOST}
    if not people.more:
        found["user"] = {str(each["id"]) for each in people.items}
    if not keys.more:
        found["key"] = {called(each) for each in keys.items}
    return found


def every(listing: Callable[[], Listing]) -> Listing | None:
    try:
        return listing()
    except Problem:
        return None


def named(when: JsonObject, known: Mapping[str, set[str]]) -> list[str]:
    """What a rule names and is not there: "no such team: t_x"."""
    return [
        f"no such {word}: {each}"
        for kind, word in KINDS.items()
        if kind in known
        for each in sentences.many(when.get(kind))
        if each not in known[kind] and "*" not in each
    ]


def marks(lost: Sequence[str]) -> str:
    """For behind a sentence, as Markdown."""
    return "".join(f" :orange-badge[:material/warning: {inert.plain(each)}]" for each in lost)
