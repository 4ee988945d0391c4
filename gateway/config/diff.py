"""What a change of the configuration would do, in words. (Being built.)"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.config import Config
from gateway.config.deployments import Resolved


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence for a person, never a secret's value. `restart`: it takes effect at the next start only."""

    what: str
    key: str
    restart: bool


def differences(
    old: Config,  # noqa: ARG001
    new: Config,  # noqa: ARG001
    old_resolved: Resolved,  # noqa: ARG001
    new_resolved: Resolved,  # noqa: ARG001
) -> tuple[Difference, ...]:
    """Everything that is different, in the order of the file."""
    return ()
