"""What can be wrong with the shared state when a process starts; light to import, for whoever has to print it."""

from __future__ import annotations


class StateUnavailable(Exception):
    """Redis cannot be used. The message says why, and what to do, to the person who started the process."""
