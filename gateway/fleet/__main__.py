"""`python -m gateway.fleet`: a fleet as a program. A port that is taken ends it with one sentence and exit code 1."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from gateway.fleet.run import run
from gateway.fleet.server import ADMIN
from gateway.fleet.settings import FAMILIES, Pacing, Settings


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    try:
        options = _parser().parse_args(arguments)
        run(_settings(options), with_parent=options.until_stdin_closes)
    except (OSError, ValueError) as error:
        sys.exit(f"The simulated fleet cannot start: {error}. Choose another --port, or --port 0 for free ones.")


def _settings(options: argparse.Namespace) -> Settings:
    names = (*FAMILIES, ADMIN)
    ports = {name: options.port + place for place, name in enumerate(names)} if options.port else {}
    base = Settings() if options.config is None else msgspec.json.decode(options.config.read_bytes(), type=Settings)
    pacing = Pacing(
        ttft=options.ttft,
        tokens_per_second=options.tokens_per_second,
        jitter=options.jitter,
        concurrency=options.concurrency,
    )
    return msgspec.structs.replace(
        base,
        host=options.host,
        ports=ports or base.ports,
        ready_file=options.ready_file,
        journal=options.journal,
        speed=options.speed,
        pacing=pacing,
    )


def _parser() -> argparse.ArgumentParser:
    usual = Pacing()
    parser = argparse.ArgumentParser(prog="python -m gateway.fleet", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="openai; anthropic, gemini and admin take the next three")
    parser.add_argument("--ready-file", type=Path, help="written with the URLs as JSON once all ports listen")
    parser.add_argument("--journal", type=Path, help="append the journal to this JSONL file")
    parser.add_argument("--config", type=Path, help="a JSON file of settings.Settings; the options here come on top")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started it")
    parser.add_argument("--speed", type=float, default=1.0, help="divides every time; 0: nothing waits")
    parser.add_argument("--ttft", type=float, default=usual.ttft, help="seconds to the first token")
    parser.add_argument("--tokens-per-second", type=float, default=usual.tokens_per_second)
    parser.add_argument("--jitter", type=float, default=usual.jitter)
    parser.add_argument("--concurrency", type=int, default=usual.concurrency, help="answers at once, per model")
    return parser


if __name__ == "__main__":
    main()
