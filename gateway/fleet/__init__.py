"""The simulated fleet: a program of its own that speaks the OpenAI, Anthropic and Gemini wire formats on loopback.

It imports nothing else of the gateway and needs nothing but a port, so it can only fail by not getting one.
"""

from __future__ import annotations

from gateway.fleet.journal import Journal, Record
from gateway.fleet.run import run
from gateway.fleet.server import RunningFleet, start_fleet
from gateway.fleet.settings import UNPACED, Pacing, Settings
from gateway.fleet.shapes import Tally

__all__ = ["UNPACED", "Journal", "Pacing", "Record", "RunningFleet", "Settings", "Tally", "run", "start_fleet"]
