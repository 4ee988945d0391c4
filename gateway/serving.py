"""One version of the configuration as it serves: all that it decides, replaced as a whole, never changed.

A request goes through the pipeline of the version it began with, whatever is loaded meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.pipeline import Pipeline
from gateway.prompts.library import Library
from gateway.routing import Routes


@dataclass(frozen=True, slots=True)
class Serving:
    """`loaded_at`: Unix seconds."""

    config: Config
    resolved: Resolved
    routes: Routes
    library: Library
    pipeline: Pipeline
    loaded_at: float

    @property
    def version(self) -> str:
        """Twelve hexadecimal digits that change with every byte of the configuration's files."""
        return self.config.version
