"""`load`: from a file and the environment to a `Config`, or to a `ConfigError` that names every mistake at once.

Order: read (with includes), lay the environment over it, resolve references, validate, check what belongs together.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from gateway.config import environment, files
from gateway.config.checks import check
from gateway.config.config import Config, ConfigFile
from gateway.config.credential_list import lend
from gateway.config.effective import effective_sections
from gateway.config.ignored import warnings_of
from gateway.config.positions import Section
from gateway.config.problems import ConfigError, Problem, in_order
from gateway.config.references import resolve_references, variables_of
from gateway.config.secret_values import secret_values
from gateway.config.sources import Reading
from gateway.config.taken import read_taken, set_aside, strangers
from gateway.config.wording import problems_of

_PLACEHOLDER = [{"model_name": "?", "litellm_params": {"model": "?"}}]


def load(path: Path, env: Mapping[str, str], texts: Mapping[Path, str] | None = None) -> Config:
    """Read and check the configuration. Raises `ConfigError` with every problem; warnings are in the result.

    Options of a command line come in through `env`: `load(path, {**env, "ATELIER_PORT": "8080"})`. `texts` stand in for
    the files of these names: what would it mean if they said that?
    """
    env = environment.with_secrets(env)
    problems: list[Problem] = []
    reading = Reading(problems, texts or {})
    root = reading.read(path)
    if any(not problem.path for problem in problems):
        # a whole file is missing: whatever else is found may only follow from that
        raise ConfigError(problems, reading.texts)
    overridden = environment.override(root, env)
    variables = variables_of(root, env)
    lend(root)
    references = resolve_references(root, variables, problems)
    secrets = secret_values(root, variables)
    strange = strangers(root, ConfigFile.model_fields)
    listed = read_taken(root, variables, strange)
    set_aside(root, strange)
    file, broken = _validate(root, problems)
    errors, warnings = check(file, root, path.parent, problems, broken)
    problems += errors
    if problems:
        raise ConfigError(references.each_once(problems), reading.texts)
    warnings += [*reading.warnings, *warnings_of(listed), *environment.unknown_variables(env, references.used)]
    warnings += environment.unreadable(env)
    sections: dict[str, Any] = {name: getattr(file, name) for name in ConfigFile.model_fields}
    config = Config(
        **sections | effective_sections(file, path.parent, variables),
        path=path,
        data_dir=environment.data_dir(env),
        secret=SecretStr(env["ATELIER_SECRET"]) if env.get("ATELIER_SECRET") else None,
        warnings=in_order(warnings),
        taken=listed,
        overridden=overridden,
    )
    return config.with_source(root, references.absent, secrets, files.Sources.of(config, reading.texts, env))


def _validate(root: Section, problems: list[Problem]) -> tuple[ConfigFile, set[str]]:
    """The file, and the top-level keys that could not be read and stand in it with their defaults."""
    try:
        return ConfigFile.model_validate(root), set()
    except ValidationError as error:
        found = list(problems_of(error, ConfigFile, root))
    known = {problem.path for problem in problems}
    problems += [problem for problem in found if problem.path not in known]
    broken = {str(problem.path[0]) for problem in found}
    rest = {key: value for key, value in root.items() if key not in broken}
    if "model_list" in broken:
        rest["model_list"] = _PLACEHOLDER
    return ConfigFile.model_validate(rest), broken
