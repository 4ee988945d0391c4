"""W3C trace context (level 1) as it passes through the gateway: read from a request, sent on with each attempt.

Pure: ids are digests of the gateway's own ids, so an attempt's span id is known before it is dispatched and again when
its span is made. On its way a context is one string: `traceparent`, and after a space `tracestate` where there is one.
What is not valid is dropped, as if it had not been sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

NAMES = frozenset({"traceparent", "tracestate"})  # of the headers
SAMPLED = 0x01
KNOWN_FLAGS = 0x03  # sampled, and level 2's "the trace id is random"
LONGEST_STATE, MOST_MEMBERS = 512, 32  # characters and members that have to be passed on; no more are
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[!-~]{0,200})?\Z")
_KEY = r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_MEMBER = re.compile(rf"{_KEY}=[ -+\--<>-~]{{0,255}}[!-+\--<>-~]\Z")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """`trace_id` has 32, `parent_id` 16 lower-case hex digits, neither all zero."""

    trace_id: str
    parent_id: str
    flags: int = 0
    state: str = ""

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.parent_id}-{self.flags:02x}{' ' if self.state else ''}{self.state}"

    @property
    def sampled(self) -> bool:
        return bool(self.flags & SAMPLED)


def received(parents: Sequence[str], states: Sequence[str]) -> str | None:
    """The context in a request's headers of these names; None when there is none or it is not valid."""
    if len(parents) != 1:
        return None
    found = _PARENT.match(parents[0].strip(" \t"))
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or not (trace_id.strip("0") and parent_id.strip("0")):
        return None
    return str(TraceContext(trace_id, parent_id, int(flags, 16) & KNOWN_FLAGS, _state(states)))


def context_of(text: str | None) -> TraceContext | None:
    """What `received` found."""
    if text is None:
        return None
    parent, _, state = text.partition(" ")
    _, trace_id, parent_id, flags = parent.split("-")
    return TraceContext(trace_id, parent_id, int(flags, 16), state)


def onward(text: str | None, attempt_id: str) -> str | None:
    """The context for the provider of the attempt "gen-…:1".

    Where the request has a span of its own, the attempt's span becomes the parent; else it goes on as it came.
    """
    context = context_of(text)
    if context is None or context.parent_id != span_id(attempt_id.partition(":")[0]):
        return text
    return str(replace(context, parent_id=span_id(attempt_id)))


def headers(text: str | None) -> dict[str, str]:
    """As they are sent."""
    if text is None:
        return {}
    parent, _, state = text.partition(" ")
    return {"traceparent": parent, **({"tracestate": state} if state else {})}


def trace_id(name: str) -> str:
    """The trace that the request of this id begins; 32 hex digits."""
    return _digest(f"trace {name}")[:32]


def span_id(name: str) -> str:
    """The span of the request or attempt of this id; 16 hex digits."""
    return _digest(f"span {name}")[:16]


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()
    return digest if digest[:16].strip("0") else f"1{digest[1:]}"  # all zeros mean "none"


def _state(states: Sequence[str]) -> str:
    """The members of all headers of that name, in order; nothing when one of them is not valid, or they are too many."""
    members = [each for member in ",".join(states).split(",") if (each := member.strip(" \t"))]
    keys = {member.partition("=")[0] for member in members}
    joined = ",".join(members)
    fits = len(joined) <= LONGEST_STATE and len(members) <= MOST_MEMBERS and len(keys) == len(members)
    return joined if fits and all(_MEMBER.match(member) for member in members) else ""
