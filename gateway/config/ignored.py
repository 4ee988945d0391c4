"""The warnings about LiteLLM's blocks: what has no effect here, and what means something else. A view of `taken.py`."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.config.litellm_keys import PASSED_ON
from gateway.config.problems import Problem
from gateway.config.taken import Taken

__all__ = ["PASSED_ON", "warnings_of"]
_SAID = {"ignored": "has no effect here", "changed": "means something else here"}


def warnings_of(listed: Iterable[Taken]) -> list[Problem]:
    """A warning for each key that does not mean here what it means to LiteLLM; never an error."""
    told = [each for each in listed if each.verdict in _SAID and not each.quiet]
    return [Problem(each.mark, each.path, _SAID[each.verdict], each.why) for each in told]
