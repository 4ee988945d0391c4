"""`os.environ/NAME` in any text of the file becomes the variable's value when the file is loaded.

A variable that is not set, or is empty, is a mistake; but a credential of a model, the master key and a value of
`environment_variables` may be absent: then the entry is taken out, and remembered with the variable's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.config.positions import Items, Section
from gateway.config.problems import Path, Problem

PREFIX = "os.environ/"
CREDENTIALS = frozenset(
    {
        "api_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_ad_token",
        "client_secret",
        "vertex_credentials",
    }
)


@dataclass(slots=True)
class References:
    """What was found: the variables that the file asks for, and the credentials that are absent (path → variable)."""

    used: set[str] = field(default_factory=set)
    absent: dict[Path, str] = field(default_factory=dict)


def variables_of(root: Section, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with the file's `environment_variables` laid over it, as LiteLLM does, and references in them resolved."""
    own = root.get("environment_variables")
    out = dict(env)
    if isinstance(own, Section):
        for name, value in own.items():
            if isinstance(value, str) and value.startswith(PREFIX):
                found = env.get(value.removeprefix(PREFIX))
                if found:
                    out[name] = found
            elif value is not None and not isinstance(value, Section | Items):
                out[name] = str(value)
    return out


def resolve_references(root: Section, env: Mapping[str, str], problems: list[Problem]) -> References:
    """Replace every reference in place; one that must not be absent and is becomes a problem."""
    references = References()
    _walk(root, (), env, problems, references)
    return references


def _walk(
    here: Section | Items, path: Path, env: Mapping[str, str], problems: list[Problem], references: References
) -> None:
    for key in here if isinstance(here, Section) else range(len(here)):
        value, spot = here[key], (*path, key)  # type: ignore[index]
        if isinstance(value, Section | Items):
            _walk(value, spot, env, problems, references)
        elif isinstance(value, str) and value.startswith(PREFIX):
            name = value.removeprefix(PREFIX)
            references.used.add(name)
            here[key] = env.get(name) or None  # type: ignore[index]
            if env.get(name):
                continue
            if _may_be_absent(spot):
                references.absent[spot] = name
            else:
                mark = here.values_at[key]  # type: ignore[index]
                what = f"the environment variable {name} is not set"
                problems.append(Problem(mark, spot, what, f"set {name}, or write the value here"))


def _may_be_absent(path: Path) -> bool:
    if path[0] == "model_list":
        return path[-1] in CREDENTIALS
    return path[0] == "environment_variables" or path[:2] in {
        ("general_settings", "master_key"),
        ("telemetry", "redact"),
    }
