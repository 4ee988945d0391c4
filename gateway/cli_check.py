"""`atelier check`: everything wrong with the configuration at once, or every deployment as it would be served."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway.config import environment
from gateway.config.check import report, report_json
from gateway.config.deployments import resolve
from gateway.config.loader import load
from gateway.config.problems import ConfigError
from gateway.prompts.library import LibraryError
from gateway.providers.facts import model_facts
from gateway.routing import Routes
from routing_policies import PolicyError

PRETEND = {"openai": "http://127.0.0.1/v1", "anthropic": "http://127.0.0.1", "gemini": "http://127.0.0.1"}


def run_check(config_file: Path | None, *, as_json: bool) -> int:
    """Print the report; 0 when the gateway would start, 1 with the problems on stderr."""
    env = environment.read_environment()
    try:
        config = load(config_file or environment.config_path(env), env)
        from gateway.assembly import load_library  # noqa: PLC0415 - heavy, and only needed after the file was read

        resolved = resolve(config, env, model_facts, PRETEND)
        load_library(config)
        Routes(config, resolved)
    except (ConfigError, LibraryError, PolicyError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if as_json:
        sys.stdout.write(json.dumps(report_json(config, resolved), indent=2) + "\n")
    else:
        sys.stdout.write(report(config, resolved) + "\n")
    return 0
