"""A user's own stages, named in `config.yaml: pipeline.stages`, put where they say. Code that the admin trusts.

A class that cannot be loaded ends the start with a sentence that names it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

from gateway.config.models import CustomStage
from gateway.ports import Stage


class StageError(Exception):
    """A stage of the configuration that cannot be had. The message says which and why."""


def with_extra(stages: Mapping[str, Stage], extra: Sequence[CustomStage]) -> list[Stage]:
    """The built-in stages in order, with the extra ones before or after those they name, else last but one."""
    names = list(stages)
    found = dict(stages)
    for wanted in extra:
        found[wanted.name] = made(wanted)
        if wanted.before in names:
            names.insert(names.index(wanted.before), wanted.name)
        elif wanted.after in names:
            names.insert(names.index(wanted.after) + 1, wanted.name)
        else:
            names.insert(len(names) - 1, wanted.name)
    return [found[name] for name in names]


def made(wanted: CustomStage) -> Stage:
    module, _, name = wanted.class_path.partition(":")
    try:
        stage: Stage = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise StageError(f"The stage '{wanted.name}' ({wanted.class_path}) cannot be loaded: {error}") from error
    return stage
