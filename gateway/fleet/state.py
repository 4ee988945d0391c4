"""What the listeners of one fleet share: settings, faults, journal, clock, randomness and who is being served."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.fleet import tokenizer
from gateway.fleet.faults import Fault, Faults
from gateway.fleet.journal import Journal
from gateway.fleet.pacing import Clock, Pace
from gateway.fleet.settings import Settings
from gateway.fleet.shapes import ModelRequest, Refusal, Tally

_CONTEXT = 8192  # the window that a simulated context error speaks of
_REFUSED = {
    "400": ("invalid_value", "Simulated: the request is invalid."),
    "401": ("invalid_api_key", "Incorrect API key provided. This is a simulated refusal."),
    "403": ("permission_denied", "Simulated: this key may not use the model."),
    "404": ("model_not_found", "The model `{model}` does not exist or you do not have access to it."),
    "408": ("timeout", "Simulated: the request took too long."),
    "409": ("conflict", "Simulated: the request clashes with another one."),
    "429": ("rate_limit_exceeded", "Rate limit reached for {model}. Please try again later."),
    "500": ("server_error", "The server had an error while processing your request. Sorry about that!"),
    "502": ("server_error", "Bad gateway."),
    "503": ("server_error", "The engine is currently overloaded, please try again later."),
    "504": ("server_error", "Gateway time-out."),
    "529": ("overloaded", "Overloaded"),
    "context_length_exceeded": (
        "context_length_exceeded",
        (
            "This model's maximum context length is {limit} tokens. However, your messages resulted in {tokens} "
            "tokens. Please reduce the length of the messages."
        ),
    ),
    "content_policy": (
        "content_policy",
        "Your request was rejected as a result of our safety system: it may violate our content policy.",
    ),
}


class State:
    """One fleet's memory. Nothing here does any I/O but the journal's file."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.initial = settings
        self.settings = settings
        self.clock = clock
        self.random = random.Random(settings.seed)  # noqa: S311 - a simulation, nothing to guess
        self.faults = Faults(self.random.random)
        self.journal = Journal(clock.now, settings.journal)
        self.in_flight: Counter[tuple[str, str]] = Counter()
        self.stopping = False
        self._cached: set[int] = set()

    def reset(self) -> None:
        """Settings, faults and prompt cache as they were at the start; the journal forgets what has ended."""
        self.settings = self.initial
        self.faults.clear()
        self.journal.clear()
        self._cached.clear()

    def new_id(self) -> str:
        return f"{self.random.getrandbits(96):024x}"

    async def for_ever(self) -> None:
        """Wait until the client leaves or the fleet stops."""
        while True:
            await self.clock.sleep(3600.0)

    def pace(self, model: str) -> Pace:
        return Pace(self.settings.pacing_of(model), self.settings.speed, self.clock, self.random.random)

    def admit(self, request: ModelRequest) -> None:
        """Raises `Refusal` for a model that is not among the known ones, when these are given."""
        known = self.settings.known_models
        if request.model and known is not None and request.model not in known:
            raise refusal("404", request)

    @contextmanager
    def slot(self, request: ModelRequest) -> Iterator[None]:
        """A place among the answers that a model gives at once. Raises `Refusal` (429) when there is none."""
        key = (request.wire, request.model)
        pacing = self.settings.pacing_of(request.model)
        if pacing.concurrency is not None and self.in_flight[key] >= pacing.concurrency:
            raise refusal("429", request, pacing.retry_after)
        self.in_flight[key] += 1
        try:
            yield
        finally:
            self.in_flight[key] -= 1

    def input_usage(self, request: ModelRequest) -> Tally:
        """The input side of the bill. What a client marked as cacheable is written once and read from then on."""
        total = request.input_tokens
        if not request.cacheable:
            return Tally(input=total)
        turns = request.turns[: request.cacheable]
        marked = sum(turn.tokens for turn in turns) + tokenizer.count(request.tools_text)
        prefix = hash((request.model, request.tools_text, turns))
        if prefix in self._cached:
            return Tally(input=total, cached_input=marked)
        self._cached.add(prefix)
        return Tally(input=total, cache_write=marked)


def refusal(kind: str, request: ModelRequest, retry_after: float | None = None) -> Refusal:
    """The refusal that a fault of this kind, or a rule of the fleet, answers with."""
    code, message = _REFUSED[kind]
    status = int(kind) if kind.isdigit() else 400
    param = {"context_length_exceeded": "messages", "404": "model"}.get(kind)
    facts = {"model": request.model, "limit": _CONTEXT, "tokens": max(_CONTEXT + 1, request.input_tokens)}
    found = Refusal(status, code, message.format(**facts), param=param, retry_after=retry_after)
    found.facts = facts
    return found


def refusal_of(fault: Fault, request: ModelRequest) -> Refusal:
    return refusal(fault.kind, request, fault.retry_after)
