"""`python -m gateway.fleet`: a fleet as a program. A port that is taken ends it with one sentence and exit code 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from gateway.fleet.run import run
from gateway.fleet.server import ADMIN
from gateway.fleet.settings import FAMILIES, Pacing, Settings, settings_from


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    try:
        options = _parser().parse_args(arguments)
        run(_settings(options), with_parent=options.until_stdin_closes)
    except (OSError, ValueError) as error:
        sys.exit(f"The simulated fleet cannot start: {error}. Choose another --port, or --port 0 for free ones.")


def _settings(options: argparse.Namespace) -> Settings:
    """The file of --config, with the options that were given on top."""
    base = Settings() if options.config is None else settings_from(options.config.read_bytes())
    given = {name: value for name, value in vars(options).items() if value is not None}
    pacing = {name: value for name, value in given.items() if name in Pacing.__struct_fields__}
    changes = {name: value for name, value in given.items() if name in Settings.__struct_fields__}
    if options.port:
        changes["ports"] = {name: options.port + place for place, name in enumerate((*FAMILIES, ADMIN))}
    return msgspec.structs.replace(base, **changes, pacing=msgspec.structs.replace(base.pacing, **pacing))


def _parser() -> argparse.ArgumentParser:
    usual = Settings()
    parser = argparse.ArgumentParser(prog="python -m gateway.fleet", description=__doc__)
    parser.add_argument("--host", help=f"default {usual.host}")
    parser.add_argument(
        "--port", type=int, help="openai; anthropic, gemini and admin take the next three; 0: free ones"
    )
    parser.add_argument("--ready-file", type=Path, help="written with the URLs as JSON once all ports listen")
    parser.add_argument("--journal", type=Path, help="append the journal to this JSONL file")
    parser.add_argument("--config", type=Path, help="a JSON file of settings.Settings; the options here come on top")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started it")
    parser.add_argument("--speed", type=float, help="divides every time; 0: nothing waits; default 1")
    parser.add_argument("--ttft", type=float, help=f"seconds to the first token, default {usual.pacing.ttft}")
    parser.add_argument("--tokens-per-second", type=float, help=f"default {usual.pacing.tokens_per_second}")
    parser.add_argument("--jitter", type=float, help=f"share of a token's time, default {usual.pacing.jitter}")
    parser.add_argument("--concurrency", type=int, help="answers at once, per model; default: no limit")
    return parser


if __name__ == "__main__":
    main()
