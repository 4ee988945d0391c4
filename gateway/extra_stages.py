"""A user's own stages, named in `config.yaml: pipeline.stages`, put where they say. Code that the admin trusts.

A class that cannot be loaded, or is no stage, ends the start with a sentence that names it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence

from gateway.config.models import CustomStage
from gateway.ports import Stage
from gateway.stages import ORDER


class StageError(Exception):
    """A stage of the configuration that cannot be had. The message says which and why."""


def with_extra(
    stages: Mapping[str, Stage], extra: Sequence[CustomStage], make: Callable[[CustomStage], Stage] | None = None
) -> list[Stage]:
    """The built-in stages in order, with the extra ones before or after those they name. Raises StageError.

    A place counts even where its built-in stage is switched off and not among `stages`. `make` may know some already.
    """
    names = list(ORDER)
    found = dict(stages)
    for wanted in extra:
        found[wanted.name] = (make or made)(wanted)
        place = names.index(wanted.before) if wanted.before else names.index(str(wanted.after)) + 1
        names.insert(place, wanted.name)
    return [found[name] for name in names if name in found]


def made(wanted: CustomStage) -> Stage:
    module, _, name = wanted.class_path.partition(":")
    try:
        stage: Stage = getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError, TypeError) as error:
        raise StageError(f"The stage '{wanted.name}' ({wanted.class_path}) cannot be loaded: {error}.") from error
    for end in ("enter", "exit"):
        if not inspect.iscoroutinefunction(getattr(stage, end, None)):
            raise StageError(f"The stage '{wanted.name}' ({wanted.class_path}) has no `async def {end}`.")
    return stage
