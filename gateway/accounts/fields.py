"""What may stand in the fields of users, teams, brands and keys. Pure: each check returns the value to store.

Whatever does not fit raises `errors.Unprocessable` with the field in `param`. Text is in one Unicode form (NFKC for
addresses, NFC elsewhere) and holds nothing that a database cannot keep: no NUL, no lone surrogate.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from gateway.accounts.roles import ORDER, USER_ROLES
from gateway.config.ids import can_be_an_id
from gateway.errors import NotFound, Unprocessable
from gateway.store import windows

MAX_BUDGET = 10**18  # nano-dollars: a thousand million dollars; with what is spent beyond it, far inside 64 bits
LONGEST_NAME = 200
LONGEST_EMAIL = 254
LONGEST_SUBJECT = 500
MOST_NAMES = 200
MOST_TAGS = 20
LARGEST_METADATA = 16_384  # bytes of JSON
DEEPEST_METADATA = 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPACE = re.compile(r"\s")

Check = Callable[[str, Any], Any]


def checked(checks: Mapping[str, Check], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given fields as they are stored; raises Unprocessable for the first that is unknown or does not fit."""
    for name in given:
        if name not in checks:
            raise Unprocessable(f"There is no field {ascii(name)[:100]}.", param=ascii(name)[1:-1][:100])
    return {name: checks[name](name, value) for name, value in given.items()}


def known_id(value: str, what: str) -> str:
    """An id to look up; one that nothing can have is unknown (NotFound) without asking the store."""
    if not isinstance(value, str) or len(value) > 300 or _CONTROL.search(value):
        raise unknown(what, value)
    return value


def known_subject(value: str) -> str:
    """An identity provider's name for a person ("issuer subject"), to look up. Raises Unprocessable."""
    if not 0 < len(value) <= LONGEST_SUBJECT or _CONTROL.search(value):
        raise Unprocessable("The identity provider's name for this person cannot be stored.", param="id_token")
    return value


def unknown(what: str, value: Any) -> NotFound:
    return NotFound(f"No {what} found with id {ascii(value)[:100]}.")


def optional(check: Check) -> Check:
    return lambda name, value: None if value is None else check(name, value)


def identifier(name: str, value: Any) -> str:
    """An id of one's own choice. It stays in the audit log for good, so that it may not be an e-mail address."""
    if not isinstance(value, str) or not can_be_an_id(value):
        raise Unprocessable(
            f"'{name}' is 1 to 128 letters, digits and . _ : | ~ + -, begins with a letter or digit and names no person.",
            param=name,
        )
    return value


def text(name: str, value: Any) -> str:
    """A line of 1 to 200 characters."""
    if not isinstance(value, str) or len(value) > LONGEST_NAME or _CONTROL.search(value) or not value.strip():
        raise Unprocessable(
            f"'{name}' is a line of 1 to {LONGEST_NAME} characters, without control characters.", param=name
        )
    normal = unicodedata.normalize("NFC", value.strip())
    return normal[:LONGEST_NAME]


def email(name: str, value: Any) -> str:
    """An address in lower case: something, one @, something with a dot or a local host. Whether it exists is not asked."""
    if isinstance(value, str) and len(value) <= LONGEST_EMAIL and not _CONTROL.search(value):
        address = unicodedata.normalize("NFKC", value.strip()).lower()
        address = unicodedata.normalize("NFKC", address)
        local, _, domain = address.partition("@")
        fits = bool(local and domain) and "@" not in domain and len(address) <= LONGEST_EMAIL
        if fits and not _SPACE.search(address) and not _CONTROL.search(address):
            return address
    raise Unprocessable(f"'{name}' is an e-mail address such as ada@example.com.", param=name)


def one_of(*choices: str) -> Check:
    def check(name: str, value: Any) -> str:
        if value not in choices or not isinstance(value, str):
            raise Unprocessable(f"'{name}' is one of {', '.join(choices)}.", param=name)
        return value

    return check


def whole(least: int, most: int) -> Check:
    def check(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Unprocessable(f"'{name}' is a whole number from {least} to {most}.", param=name)
        return value

    return check


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unprocessable(f"'{name}' is true or false.", param=name)
    return value


def moment(name: str, value: Any) -> float:
    """Unix seconds, until the year 9999."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value < 253_402_300_800:
        raise Unprocessable(f"'{name}' is a time in Unix seconds.", param=name)
    return float(value)


def budget(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_BUDGET:
        raise Unprocessable(f"'{name}' is 0 to {MAX_BUDGET} nano-dollars.", param=name)
    return value


def window(name: str, value: Any) -> str:
    try:
        if isinstance(value, str) and windows.seconds(value) is not None:
            return value
    except ValueError:
        pass
    raise Unprocessable(f"'{name}' is a number of days from 1d to 9999d.", param=name)


def names(most: int = MOST_NAMES) -> Check:
    """A list of different names; stored as a list, in its order."""

    def check(name: str, value: Any) -> list[str]:
        if not isinstance(value, list | tuple) or len(value) > most:
            raise Unprocessable(f"'{name}' is a list of at most {most} names.", param=name)
        return list(dict.fromkeys(text(name, each) for each in value))

    return check


def metadata(name: str, value: Any) -> dict[str, Any]:
    """A JSON object of bounded size and depth."""
    try:
        encoded = json.dumps(value, allow_nan=False) if isinstance(value, Mapping) else ""
        fits = 0 < len(encoded) <= LARGEST_METADATA and _depth(value) <= DEEPEST_METADATA and _storable(value)
    except (ValueError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise Unprocessable(
            f"'{name}' is a JSON object of at most {LARGEST_METADATA} bytes and {DEEPEST_METADATA} levels.", param=name
        )
    return dict(value)


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, children), default=0)


def _storable(value: Any) -> bool:
    if isinstance(value, str):
        return re.search("[\0\ud800-\udfff]", value) is None
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _storable(key) and _storable(each) for key, each in value.items())
    return all(map(_storable, value)) if isinstance(value, list) else True


_BUDGET: dict[str, Check] = {"budget": optional(budget), "budget_window": optional(window)}

USER: dict[str, Check] = {
    "id": identifier,
    "email": optional(email),
    "name": optional(text),
    "role": one_of(*USER_ROLES),
    **_BUDGET,
}
TEAM: dict[str, Check] = {
    "id": identifier,
    "name": text,
    "models": optional(names()),
    "content": one_of("off", "metadata", "full"),
    "retention_days": optional(whole(1, 9_999)),
    **_BUDGET,
}
BRAND: dict[str, Check] = {
    "id": identifier,
    "name": text,
    "client": optional(text),
    "team": optional(identifier),
    **_BUDGET,
}
KEY: dict[str, Check] = {
    "name": text,
    "user": optional(identifier),
    "team": optional(identifier),
    "role": one_of(*ORDER),
    "models": optional(names()),
    "brands": optional(names()),
    "default_brand": optional(text),
    "rpm": optional(whole(1, 1_000_000)),
    "max_parallel": optional(whole(1, 100_000)),
    "on_disconnect": one_of("cancel", "continue"),
    "tags": names(MOST_TAGS),
    "metadata": optional(metadata),
    "expires_at": optional(moment),
    "test_key": flag,
    **_BUDGET,
}


def for_edit(checks: Mapping[str, Check], switch: str) -> dict[str, Check]:
    """What may be changed of something that is there: all but its id, and the switch ("blocked", "archived")."""
    return {**{name: check for name, check in checks.items() if name != "id"}, switch: flag}
