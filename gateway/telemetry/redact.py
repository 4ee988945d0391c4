"""Takes secrets out of everything that is written down: first the known values, then what merely looks like one.

Known values are found exactly, also as they stand in a URL, in JSON and in a `repr`. The shapes are a second net; they
are simple enough to take linear time on any text. What is no plain value is turned into text first: nothing slips by.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
SHORTEST = 6  # characters; a shorter "secret" would take ordinary words out
MOST_KEPT, LONGEST_KEPT = 4_096, 64  # words of log lines whose redaction is remembered, and their characters
DEEPEST = 8  # levels of nesting; what lies deeper is written as text

SENSITIVE_NAMES = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-goog-api-key", "api-key"),
        *("api_key", "apikey", "master_key", "credential", "credentials", "password", "secret", "client_secret"),
        *("token", "access_token", "refresh_token", "dsn"),
    }
)
_SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    # lower-case characters without which the shape cannot be there, the shape, what stays of it
    (hint, re.compile(shape, re.IGNORECASE), kept + MARK + after)
    for hint, shape, kept, after in (
        ("sk-", r"\bsk-[\w-]{6,}", "", ""),
        ("-atl-", r"\b(?:sess|inv)-atl-[\w-]{6,}", "", ""),
        ("aiza", r"\bAIza[\w-]{20,}", "", ""),
        ("bearer", r"\b(bearer)\s{1,4}[\w.~+/=-]{8,}", r"\1 ", ""),
        ("basic", r"(authorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?basic)\s{1,4}[\w+/=]{6,}", r"\1 ", ""),
        ("=", r"((?:key|token|secret|password|passwd|pwd)=)[^\s&\"'<>;,)\]}\[]{6,}", r"\1", ""),
        (":", r"((?:key|token|secret|password)\\?[\"']\s{0,4}:\s{0,4}\\?[\"'])[^\"'\\]{6,}", r"\1", ""),
        ("://", r"(://[^\s:/@]{0,64}:)[^\s/@]{1,256}@", r"\1", "@"),
    )
)


class Redactor:
    """Knows the secret values. `add` may be called at any time, from any thread."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._adding = Lock()
        self._forms: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self._kept: dict[str, str] = {}  # what log lines say again and again: names of members, models, deployments
        self.add(*secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"

    def add(self, *secrets: str) -> None:
        """Take these values out from now on; those of less than 6 characters are ignored."""
        with self._adding:
            self._forms |= {form for secret in secrets if len(secret) >= SHORTEST for form in forms_of(secret)}
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
            self._kept = {}

    def text(self, text: str) -> str:
        """The text without secrets."""
        if len(text) < SHORTEST:
            return text
        if self._known is not None:
            text = self._known.sub(MARK, text)
        lowered = text.lower()
        for hint, shape, replacement in _SHAPES:
            if hint in lowered:
                text = shape.sub(replacement, text)
        return text

    def _word(self, text: str) -> str:
        """`text`, remembered for short texts."""
        if len(text) < SHORTEST:
            return text
        kept = self._kept
        if (found := kept.get(text)) is None:
            found = self.text(text)
            if len(text) <= LONGEST_KEPT and found == text:
                if len(kept) >= MOST_KEPT:
                    kept.clear()
                kept[text] = found
        return found

    def values(self, event: Mapping[str, Any], ours: frozenset[str] = frozenset()) -> dict[str, Any]:
        """A copy without secrets of an event whose names are ours, and none of them a secret's.

        `ours`: names whose values are plain and known to hold nothing that was said to the gateway.
        """
        kept, out = self._kept, dict(event)
        for name, value in event.items():
            if value and name not in ours:
                found = kept.get(value) if type(value) is str else self._value(value, 1)
                out[name] = self._word(value) if found is None else found
        return out

    def event(self, event: Mapping[Any, Any]) -> dict[str, Any]:
        """A copy without secrets, of plain values only: strings, numbers, None, lists and dictionaries."""
        return self._members(event, 0)

    def _members(self, members: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        return {
            self._word(str(name)): MARK
            if value and str(name).lower() in SENSITIVE_NAMES
            else self._value(value, depth + 1)
            for name, value in members.items()
        }

    def _value(self, value: Any, depth: int) -> Any:
        if type(value) is str:
            return self._word(value)
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, Mapping) and depth < DEEPEST:
            return self._members(value, depth)
        if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
            return [self._value(item, depth + 1) for item in value]
        return self.text(str(value))


def forms_of(secret: str) -> set[str]:
    """How a value may be spelled: as it is, in a URL, in JSON, in a `repr`."""
    encodable = secret.encode("utf-8", "surrogatepass")
    in_url = {quote(encodable, safe=""), quote(encodable), quote_plus(encodable)}
    lower_hex = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in in_url}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_repr = {repr(secret)[1:-1], repr(f"{secret}'\"")[1:-4], repr(encodable)[2:-1]}  # quoted in either way; as bytes
    return {secret, *in_url, *lower_hex, *in_json, *in_repr}
