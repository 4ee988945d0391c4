"""What a fleet can be told, at its start and live through POST /_sim/settings.

Times are seconds. A member that is not known is refused, so that a misspelt setting never passes in silence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

FAMILIES = ("openai", "anthropic", "gemini")


class Pacing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How fast a model answers, and how many answers it gives at once.

    `tokens_per_second` 0 means as fast as possible. `jitter` is the share by which each token may come late.
    """

    ttft: float = 0.3
    tokens_per_second: float = 60.0
    jitter: float = 0.0
    concurrency: int | None = None
    retry_after: float | None = 1.0  # told when the concurrency limit refuses

    def __post_init__(self) -> None:
        if self.ttft < 0 or self.tokens_per_second < 0 or not 0 <= self.jitter <= 1:
            raise ValueError("ttft and tokens_per_second may not be negative, jitter lies between 0 and 1")


UNPACED = Pacing(ttft=0.0, tokens_per_second=0.0)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A fleet's settings. `ports` by family (and "admin"); a port that is not named is chosen by the system.

    `models` overrides `pacing` for the models it names; `known_models`, when given, are the only ones that exist.
    """

    host: str = "127.0.0.1"
    ports: dict[str, int] = msgspec.field(default_factory=dict)
    ready_file: Path | None = None
    journal: Path | None = None
    speed: float = 1.0  # divides every time; 0: nothing waits
    pacing: Pacing = Pacing()
    models: dict[str, Pacing] = msgspec.field(default_factory=dict)
    known_models: tuple[str, ...] | None = None
    seed: int = 0  # of jitter and of faults that strike at a rate

    def __post_init__(self) -> None:
        if self.speed < 0:
            raise ValueError("speed may not be negative")

    def pacing_of(self, model: str) -> Pacing:
        """The pacing of one model, the fleet's speed not yet applied."""
        return self.models.get(model, self.pacing)


def settings_from(value: Any) -> Settings:
    """Settings from JSON (bytes or what was decoded from it). ValueError: not understood."""
    if isinstance(value, bytes):
        value = msgspec.json.decode(value)
    return msgspec.convert(value, Settings, dec_hook=lambda kind, given: kind(given))


def plain(settings: Settings) -> dict[str, Any]:
    """The settings as JSON can say them."""
    value: dict[str, Any] = msgspec.to_builtins(settings, enc_hook=str)
    return value
