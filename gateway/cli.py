"""The `atelier` command. Each command imports what it needs, so that `serve` listens within a second.

Every failure that a person can mend is one sentence on stderr and an exit code that is not 0.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from gateway import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="atelier")
def cli() -> None:
    """Atelier: an OpenAI-compatible LLM gateway for content teams."""


CONFIG = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Default: config.yaml.")
HOST = click.option("--host", help="Address to listen on. Default: server.host of the configuration.")
PORT = click.option("--port", type=click.IntRange(0, 65535), help="Default: server.port of the configuration.")


@cli.command()
@CONFIG
@HOST
@PORT
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes that serve; more than one needs PostgreSQL and Redis. Default: server.workers of the configuration.",
)
def serve(config_file: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Serve the gateway."""
    sys.exit(_serve(config_file, host, port, workers, demo=False))


@cli.command()
@CONFIG
@HOST
@PORT
def run(config_file: Path | None, host: str | None, port: int | None) -> None:
    """Serve the gateway with its dashboard and a demo key, in one process: the first thing to try."""
    sys.exit(_serve(config_file, host, port, None, demo=True))


@cli.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def check(config_file: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Check the configuration and show every deployment."""
    from gateway.cli_check import run_check  # noqa: PLC0415

    sys.exit(run_check(config_file, as_json=as_json))


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sim(arguments: tuple[str, ...]) -> None:
    """Run the simulated fleet alone (see `atelier sim --help`)."""
    from gateway.fleet.__main__ import main  # noqa: PLC0415

    main(list(arguments))


@cli.group()
def keys() -> None:
    """Make, list and revoke virtual keys."""


@keys.command("create")
@click.option("--name", required=True, help="What people call it.")
@click.option("--user", help="Whose it is.")
@click.option("--team", help="Whose team's.")
@click.option("--admin", is_flag=True, help="An admin's key.")
@click.option("--budget", type=click.FloatRange(min=0), help="USD it may spend.")
@click.option("--budget-days", type=click.IntRange(min=1), help="Days after which the budget begins anew.")
@click.option("--model", "models", multiple=True, help="A model it may use; repeat. Default: all.")
@click.option("--brand", "brands", multiple=True, help="A brand it may write for; repeat. Default: all.")
@click.option("--default-brand", help="The brand voice of requests that name none.")
@click.option("--rpm", type=click.IntRange(min=1), help="Requests a minute.")
@click.option("--parallel", type=click.IntRange(min=1), help="Requests at once.")
@click.option("--days", type=click.FloatRange(min=0, min_open=True), help="Days until it expires.")
def create_key(**options: Any) -> None:
    """Make a key and print it: it is shown this once."""
    from gateway.cli_keys import create  # noqa: PLC0415

    sys.exit(asyncio.run(create(**options)))


@keys.command("list")
@click.option("--all", "include_revoked", is_flag=True, help="Revoked ones too.")
def list_keys(include_revoked: bool) -> None:  # noqa: FBT001 - click's way
    """List the keys."""
    from gateway.cli_keys import show  # noqa: PLC0415

    sys.exit(asyncio.run(show(include_revoked=include_revoked)))


@keys.command("revoke")
@click.argument("key_id")
def revoke_key(key_id: str) -> None:
    """Revoke a key by its id; it is refused within two seconds."""
    from gateway.cli_keys import revoke  # noqa: PLC0415

    sys.exit(asyncio.run(revoke(key_id)))


def _serve(config_file: Path | None, host: str | None, port: int | None, workers: int | None, *, demo: bool) -> int:
    from gateway.bootstrap import Program  # noqa: PLC0415
    from gateway.bootstrap import serve as serve_program  # noqa: PLC0415
    from gateway.start import Start  # noqa: PLC0415

    start = Start(config_file, host, port, workers, demo=demo)
    listener = start.listen()
    if listener is None:
        return 1
    if start.workers > 1:
        return start.supervise(listener)
    program = Program(start.load, start.ready, start.expected, start.drain_timeout, start.failed)
    try:
        return serve_program(program, listener)
    finally:
        start.end()
