"""Faults on demand: what they are called, who asked for them, and which request they strike.

    400 401 403 404 408 409 429 500 502 503 504 529   refused with that status; `retry_after` adds the header
    context_length_exceeded, content_policy           refused with 400 as that provider words it
    refused                per model: reset before any byte; per provider: its listener is closed until cleared
    hang_before_headers    nothing is ever answered
    hang                   silence after `after_tokens`
    reset                  TCP reset after `after_tokens`
    clean_end              the answer ends in good order after `after_tokens`, without finish reason or end mark
    in_band_error          an error event after `after_tokens`, then the end
    malformed              one unreadable line after `after_tokens`, then the rest
    drip                   from `after_tokens` on a frame comes in two halves, `interval` seconds apart
    usage_absent, usage_zero, usage_twice             the usage is missing, all zeros, or told two times
    wrong_content_type     a good answer that calls itself text/html
    endless                the stream never stops

A fault whose `after_tokens` is more than the answer has strikes after the last token, before the finish reason.
A marker in the last user message, `[[sim:reset after=5]]`, beats the faults set by an admin call. A fault that is
not known is refused, so that a misspelt one never passes in silence.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.fleet.shapes import ModelRequest, Refusal

STATUSES = frozenset({"400", "401", "403", "404", "408", "409", "429", "500", "502", "503", "504", "529"})
REFUSALS = frozenset({"context_length_exceeded", "content_policy"})
KINDS = (
    STATUSES
    | REFUSALS
    | {
        "refused",
        "hang_before_headers",
        "hang",
        "reset",
        "clean_end",
        "in_band_error",
        "malformed",
        "drip",
        "usage_absent",
        "usage_zero",
        "usage_twice",
        "wrong_content_type",
        "endless",
    }
)
CUTTING = frozenset({"hang", "reset", "clean_end", "in_band_error"})

_OPEN, _CLOSE = "[[sim:", "]]"
_SHORT = {"after": "after_tokens"}


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fault as asked for. `times` None: until cleared. `rate`: the share of requests it strikes."""

    kind: str
    model: str = "*"
    provider: str | None = None  # one wire only; with kind "refused" and no model, its listener
    after_tokens: int = 0
    retry_after: float | None = None
    interval: float = 0.05
    times: int | None = None
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(sorted(KINDS))}")
        if self.after_tokens < 0 or self.interval < 0 or not 0 <= self.rate <= 1:
            raise ValueError("after_tokens and interval may not be negative, rate lies between 0 and 1")

    @property
    def closes_listener(self) -> bool:
        return self.kind == "refused" and self.provider is not None and self.model == "*"


def marked(text: str) -> Fault | None:
    """The fault that a marker in `text` asks for. Raises `Refusal` when the marker cannot be read."""
    start = text.find(_OPEN)
    end = text.find(_CLOSE, start)
    if start < 0 or end < 0:
        return None
    kind, *pairs = text[start + len(_OPEN) : end].split() or [""]
    members: dict[str, str] = {"kind": kind}
    for pair in pairs:
        name, _, value = pair.partition("=")
        members[_SHORT.get(name, name)] = value
    try:
        return msgspec.convert(members, Fault, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal(400, "invalid_value", f"The fault marker cannot be read: {error}") from error


def unmarked(text: str) -> str:
    """`text` without its fault marker."""
    start = text.find(_OPEN)
    end = text.find(_CLOSE, start)
    return text if start < 0 or end < 0 else (text[:start] + text[end + len(_CLOSE) :]).strip()


class Faults:
    """The faults set by admin calls, in the order in which they were set; the first that fits strikes."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._rules: list[tuple[Fault, int | None]] = []  # with the times that are left

    def add(self, fault: Fault) -> None:
        self._rules.append((fault, fault.times))

    def clear(self, model: str | None = None) -> None:
        """Forget the faults of one model, or all of them."""
        self._rules = [] if model is None else [rule for rule in self._rules if rule[0].model != model]

    def pick(self, request: ModelRequest) -> Fault | None:
        """The fault that strikes this request; it is counted off. Raises `Refusal` for an unreadable marker."""
        found = marked(request.last_user_text)
        if found is not None:
            return found
        for place, (fault, left) in enumerate(self._rules):
            if left == 0 or not _fits(fault, request) or (fault.rate < 1 and self._draw() >= fault.rate):
                continue
            if left is not None:
                self._rules[place] = (fault, left - 1)
            return fault
        return None

    def pending(self) -> list[tuple[Fault, int | None]]:
        """The faults that may still strike, with the times that are left."""
        return [(fault, left) for fault, left in self._rules if left != 0]


def _fits(fault: Fault, request: ModelRequest) -> bool:
    return fault.model in {"*", request.model} and fault.provider in {None, request.wire} and not fault.closes_listener
