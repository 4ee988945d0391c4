"""`os.environ/NAME` in any text of the file becomes the variable's value when the file is loaded.

A variable that is not set, or is empty, is a mistake; but a credential of a model, the master key, a value of
`environment_variables` and what nothing here is made of may be absent: then the entry is taken out, and remembered
with the variable's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from gateway.config.litellm_keys import OLDER_NAMES, OTHER_BLOCKS, PASSED_ON
from gateway.config.litellm_models import ModelEntry
from gateway.config.litellm_settings import GeneralSettings, LitellmSettings, RouterSettings
from gateway.config.positions import Items, Section
from gateway.config.problems import Path, Problem, in_order

PREFIX = "os.environ/"
CREDENTIALS = frozenset(
    {
        "api_key",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_ad_token",
        "client_secret",
        "vertex_ai_credentials",
        "vertex_credentials",
    }
)
_MAY_LACK = CREDENTIALS | {"master_key"}
_MODELS: Mapping[str, type[BaseModel]] = {
    "model_list": ModelEntry,
    "router_settings": RouterSettings,
    "litellm_settings": LitellmSettings,
    "general_settings": GeneralSettings,
}


@dataclass(slots=True)
class References:
    """What was found: the variables that the file asks for, the credentials that are absent (path → variable), and
    the mistakes of variables that must not be absent.
    """

    used: set[str] = field(default_factory=set)
    absent: dict[Path, str] = field(default_factory=dict)
    missing: dict[str, list[Problem]] = field(default_factory=dict)

    def each_once(self, problems: Iterable[Problem]) -> list[Problem]:
        """A variable that many keys ask for is one mistake, told at the first of them."""
        first: dict[Problem, Problem] = {}
        for found in self.missing.values():
            told, *others = in_order(found)
            more = f" ({len(others)} more key{'s' if len(others) > 1 else ''} ask for it)" if others else ""
            first |= dict.fromkeys(found, replace(told, mend=told.mend + more))
        return list(dict.fromkeys(first.get(problem, problem) for problem in problems))


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
                problem = Problem(mark, spot, what, f"set {name}, or write the value here")
                references.missing.setdefault(name, []).append(problem)
                problems.append(problem)


def _is_read(path: Path) -> bool:
    """Whether the value in one of LiteLLM's blocks means anything here."""
    model: type[BaseModel] = _MODELS[str(path[0])]
    for name in (part for part in path[1:] if isinstance(part, str)):
        field = model.model_fields.get(name)
        if field is None:
            return name in PASSED_ON or name in OLDER_NAMES
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return True
        model = field.annotation
    return True


def _may_be_absent(path: Path) -> bool:
    """Credentials, and whatever nothing here is made of: LiteLLM goes without them too."""
    if path[0] in _MODELS:
        return path[-1] in _MAY_LACK or not _is_read(path)
    block = str(path[0])
    if block in OTHER_BLOCKS or block == "credential_list" or block.startswith("x-"):
        return block != "policies"
    return block == "environment_variables" or path[:2] == ("telemetry", "redact")
