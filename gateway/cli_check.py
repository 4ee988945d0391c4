"""`atelier check`: everything wrong with the configuration at once, or every deployment as it would be served.

Nothing is called. The names of hosts are looked up, and in the store the people and teams that rules name: with a short
patience, and unless that is not wanted. What is away is a warning.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.config import environment
from gateway.config.addresses import unknown_hosts
from gateway.config.check import Checked, problem_json, refusal_json, report_json
from gateway.config.check_text import report
from gateway.config.config import Config
from gateway.config.loader import load
from gateway.config.problems import ConfigError, Problem
from gateway.config.provider_names import unused_providers
from gateway.config.served_warnings import doubtful_rules
from gateway.providers.facts import capabilities
from gateway.store.failures import StoreUnavailable
from gateway.types import Deployment, JsonObject


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to check: JSON for a program, warnings as errors, no look-ups."""

    as_json: bool = False
    strict: bool = False
    offline: bool = False


def run_check(config_file: Path | None, wanted: Wanted) -> int:
    """Print the report; 0 when the gateway would start, 1 when not, or when `strict` and there are warnings."""
    env = environment.read_environment()
    try:
        checked = _checked(config_file or environment.config_path(env), env, offline=wanted.offline)
    except ConfigError as error:
        _refuse(error.problems, wanted)
        return 1
    found = report_json(checked)
    refused = checked.all_warnings if wanted.strict else ()
    if wanted.as_json:
        problems = {"ok": False, "problems": [problem_json(each) for each in refused]} if refused else {}
        _write_json(found | problems)
    else:
        sys.stdout.write(report(found) + "\n")
    if refused and not wanted.as_json:
        sys.stderr.write(f"--strict: {len(refused)} warning{'s' if len(refused) > 1 else ''}\n")
    return 1 if refused else 0


def _checked(path: Path, env: Mapping[str, str], *, offline: bool) -> Checked:
    config = load(path, env)
    from gateway.assembly import tried  # noqa: PLC0415 - heavy, and only needed after the file was read

    read = tried(config, env)
    warnings = [*unused_providers(config, read.resolved), *doubtful_rules(config, read.resolved)]
    if not offline:
        warnings += [*unknown_hosts(config, read.resolved), *_unknown_names(config, read.library.brands)]
    return Checked(config, read.resolved, _capabilities, warnings)


def _unknown_names(config: Config, voices: Collection[str]) -> list[Problem]:
    """What rules name and nobody in the store has; a store that is away is one warning."""
    from gateway.accounts.named_in_rules import names_accounts, unknown_names  # noqa: PLC0415 - heavy
    from gateway.store.reading import only_reading  # noqa: PLC0415 - heavy

    async def found() -> list[Problem]:
        url = config.store.database_url
        async with only_reading(config.data_dir, url.get_secret_value() if url else None) as session:
            return await unknown_names(session, config, voices) if session is not None else []

    if not names_accounts(config):
        return []
    try:
        return asyncio.run(found())
    except StoreUnavailable as error:
        path = ("routing", "rules")
        what = f"whether anybody has the names in them was not checked: {error}"
        return [Problem(config.place(path), path, what, "see that it is there; with --offline it is not asked")]


def _capabilities(deployment: Deployment) -> frozenset[str]:
    return capabilities(deployment.model, base_model=deployment.params.get("base_model"))


def _refuse(problems: tuple[Problem, ...], wanted: Wanted) -> None:
    if wanted.as_json:
        _write_json(refusal_json(problems))
    else:
        sys.stderr.write("".join(f"{problem}\n" for problem in problems))


def _write_json(found: JsonObject) -> None:
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
