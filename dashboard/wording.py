"""Amounts, times and states in words and figures for people. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

NANO_PER_USD = 10**9
LEAST = 10**5  # nano-dollars; of less, nobody wants to know more
STATUS = {
    "in_progress": "running",
    "completed": "completed",
    "incomplete": "ended early",
    "failed": "failed",
    "cancelled": "stopped",
    "expired": "lost in a restart",
}
FINISH = {
    "length": "The text reached the length that was allowed and may end in the middle.",
    "content_filter": "The provider's content filter ended the text.",
    "tool_calls": "The model asked for a tool instead of writing on.",
}

ROLES = {"admin": "Admin", "lead": "Lead", "member": "Member", "viewer": "Viewer"}
ACTS = {
    "create": "made",
    "edit": "changed",
    "erase": "forgot",
    "export": "took out the data of",
    "revoke": "revoked",
    "rotate": "replaced",
    "accept": "accepted",
    "end": "ended",
    "end_all": "ended all sign-ins of",
    "set": "set",
    "remove": "removed",
    "restore": "went back to an older version of",
    "reload": "had the gateway read",
}

THINGS = {
    "user": "a person",
    "team": "a team",
    "member": "somebody in a team",
    "brand": "a brand",
    "key": "a key",
    "invitation": "an invitation",
    "session": "a sign-in",
    "password": "a password",
    "config": "the configuration",
}
_TEAM = re.compile(r"\bt_[0-9a-f]{16}\b")


def usd(nano: int) -> str:
    """Nano-dollars as $1.20, $0.012, $0.00011, < $0.0001: at least cents, and two digits that say something."""
    sign, amount = ("-" if nano < 0 else ""), abs(nano)
    if 0 < amount < LEAST:
        return f"> {sign}$0.0001" if sign else "< $0.0001"
    digits = 2
    while digits < 9 and 0 < amount < 10 ** (10 - digits):
        digits += 1
    step = 10 ** (9 - digits)
    rounded = (amount + step // 2) // step
    whole, fraction = divmod(rounded, 10**digits)
    return f"{sign}${whole:,}.{fraction:0{digits}d}"


def duration(seconds: float) -> str:
    """850 ms, 4.6 s, 2 min 05 s."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def number(value: int) -> str:
    return f"{value:,}"


def count(value: int, one: str, many: str | None = None) -> str:
    """1 request, 2 requests."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def moment(at: float, now: float, offset: int) -> str:
    """A time of today with seconds, an older one with its day. `offset`: seconds east of UTC."""
    zone = timezone(timedelta(seconds=offset)) if offset else UTC
    then, today = datetime.fromtimestamp(at, zone), datetime.fromtimestamp(now, zone)
    if then.date() == today.date():
        return f"{then:%H:%M:%S}"
    return f"{then.day} {then:%b %H:%M}" if then.year == today.year else f"{then.day} {then:%b %Y %H:%M}"


def distinct(names: Mapping[str, str]) -> dict[str, str]:
    """The names by id; where two are alike, with the id behind them, so that nobody is taken for somebody else."""
    often = Counter(names.values())
    return {each: f"{name} ({each})" if often[name] > 1 else name for each, name in names.items()}


def label(name: str) -> str:
    """A choice such as sign_ups, for reading."""
    return name.replace("_", " ")


def file_name(title: str) -> str:
    """A name for a download: letters, digits and hyphens."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in title.lower()).split()
    return "-".join(words[:8]) or "text"


def role(name: object) -> str:
    return ROLES.get(str(name), str(name or ""))


def act(action: str) -> str:
    """An action such as key.create, as a person would say it."""
    thing, _, verb = action.partition(".")
    return f"{ACTS[verb]} {THINGS.get(thing, label(thing))}" if verb in ACTS else label(action.replace(".", " "))


def told(sentence: object, teams: Mapping[str, str]) -> str:
    """A sentence of the gateway's, with the names of teams for their ids."""
    text = _TEAM.sub(lambda found: teams.get(found[0], found[0]), str(sentence)).replace("team Team ", "Team ")
    first = text.partition(" ")[0]
    return text if "." in first else text[:1].upper() + text[1:]  # a key stays as the file has it


def some(names: Sequence[str] | None, everything: str) -> str:
    """A few names; `everything` where there is no limit."""
    if names is None:
        return everything
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def day(at: float | None, offset: int, never: str = "") -> str:
    """A day such as 3 Mar 2027. `offset`: seconds east of UTC."""
    if at is None:
        return never
    then = datetime.fromtimestamp(at + offset, UTC)
    return f"{then.day} {then:%b %Y}"


def nano(row: Mapping[str, Any], name: str) -> int | None:
    """An amount of an object of the gateway's, which gives it in nano-dollars, as a decimal string, or both."""
    exact, text = row.get(f"{name}_nano"), row.get(name)
    if exact is not None:
        return int(exact)
    return None if text is None else int(Decimal(str(text)) * NANO_PER_USD)


def spent(row: Mapping[str, Any]) -> str:
    """What was spent of a budget: $1.20 of $10.00."""
    spend = row.get("spend") or {}
    amount, limit = nano(spend, "spent"), nano(row, "budget")
    if amount is None:
        return "" if limit is None else f"of {usd(limit)}"
    return usd(amount) if limit is None else f"{usd(amount)} of {usd(limit)}"
