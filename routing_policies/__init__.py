"""Policies: pure code that ranks the deployments of a model group for one request.

A policy is a file here, or in a folder of your own, with a class `Policy` that keeps to `ports.Policy`: a `name` equal
to the file's name, and `rank`, which returns every deployment it was given, each once. `load` makes one by that name.
It may say what it `reads` of the request and the signals, and is spared the rest (see `_reads`).
Whatever is wrong with a name, a parameter or a file is said in one sentence, as a `PolicyError`; nothing is guessed.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from gateway.ports import Policy
from routing_policies import complexity, cost, latency, least_busy, priority, usage, weighted
from routing_policies._reads import EVERYTHING
from routing_policies._reads import reads_of as reads_of

PolicyClass = Callable[..., Policy]

BUILT_IN: Mapping[str, PolicyClass] = {
    each.name: each
    for each in (
        priority.Policy,
        weighted.Policy,
        complexity.Policy,
        least_busy.Policy,
        latency.Policy,
        cost.Policy,
        usage.Policy,
    )
}


class PolicyError(ValueError):
    """A policy that cannot be had: unknown, given a wrong parameter, or a file that does not define one."""


def load(name: str, own: Mapping[str, PolicyClass] | None = None, /, **params: Any) -> Policy:
    """The policy called `name`, made with `params`; `own` is what `load_path` found. Raises `PolicyError`."""
    known = {**BUILT_IN, **(own or {})}
    policy = known.get(name)
    if policy is None:
        raise PolicyError(f"There is no routing policy {name!r}. Known are: {', '.join(sorted(known))}.")
    accepted = inspect.signature(policy).parameters.values()
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in accepted)
    unknown = sorted(params.keys() - {parameter.name for parameter in accepted})
    if unknown and not open_ended:
        takes = ", ".join(parameter.name for parameter in accepted) or "none"
        raise PolicyError(f"Routing policy {name!r} has no parameter {unknown[0]!r}. It takes: {takes}.")
    try:
        return policy(**params)
    except (TypeError, ValueError) as error:
        raise PolicyError(f"Routing policy {name!r} cannot be set up: {error}") from error


def load_path(folder: Path) -> dict[str, PolicyClass]:
    """Every policy in `folder`, by name: one for each `.py` file that does not start with an underscore.

    The files are run: a folder of policies is code that the admin trusts. Raises `PolicyError`.
    """
    if not folder.is_dir():
        raise PolicyError(f"The folder of routing policies does not exist: {folder}")
    return {path.stem: _policy_in(path) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")}


def _policy_in(path: Path) -> PolicyClass:
    if path.stem in BUILT_IN:
        raise PolicyError(f"{path}: {path.stem!r} is the name of a built-in policy. Rename the file.")
    policy: Any = _run(path).get("Policy")
    if not isinstance(policy, type):
        raise PolicyError(f"{path}: it must define a class named Policy.")
    if getattr(policy, "name", None) != path.stem:
        raise PolicyError(f"{path}: the class Policy must have name = {path.stem!r}, like its file.")
    if not callable(getattr(policy, "rank", None)):
        raise PolicyError(f"{path}: the class Policy must have a method rank(body, deployments, signals).")
    if unknown := sorted(reads_of(policy) - EVERYTHING):
        known = ", ".join(sorted(EVERYTHING))
        raise PolicyError(f"{path}: `reads` names {unknown[0]!r}. A policy can read: {known}.")
    made: PolicyClass = policy
    return made


def _run(path: Path) -> Mapping[str, Any]:
    """The names that the file defines. Its module is registered, because dataclasses look their own module up."""
    module_name = f"{__name__}.own_{path.stem}"
    module = sys.modules[module_name] = ModuleType(module_name)
    try:
        SourceFileLoader(module_name, str(path)).exec_module(module)
    except SyntaxError as error:
        raise PolicyError(f"{path}, line {error.lineno}: {error.msg}") from error
    except (ImportError, NameError, AttributeError, TypeError, ValueError, LookupError, RuntimeError, OSError) as error:
        raise PolicyError(f"{path}{_line(error, path)}: {type(error).__name__}: {error}") from error
    return vars(module)


def _line(error: Exception, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
