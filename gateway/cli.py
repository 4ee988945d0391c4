"""The `atelier` command. Each command imports what it needs, so that `serve` listens within a second.

Every failure that a person can mend is one sentence on stderr and an exit code that is not 0.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from gateway import __version__


class Later(click.Group):
    """Commands of `gateway.commands`, each in the module of its name or of `MODULES`, imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *LATER]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in LATER:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        module = import_module(f"gateway.commands.{MODULES.get(name, name)}")
        command: click.Command = getattr(module, name)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """The list of commands, without importing them for a line of help."""
        here = [(name, command.get_short_help_str(limit=80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*here, *LATER.items()])


LATER = {
    "users": "List, make, change, block, export and erase users.",
    "teams": "List, make, change and block teams; add and remove people.",
    "brands": "List, make, change and archive brands.",
    "keys": "Make, list, change, rotate, block and revoke virtual keys.",
    "invite": "Print a one-time link, alone on stdout.",
    "backup": "Write everything that the embedded gateway keeps to FILE.",
    "restore": "Put the contents of a backup into the data folder.",
    "migrate": "Copy everything from SQLite to an empty PostgreSQL database.",
    "secret": "Write the data folder's secret to a new FILE, for ATELIER_SECRET.",
    "import-litellm": "Turn LiteLLM's config.yaml into ours, and take its keys over.",
    "diff": "Say in words what a change of the configuration would do.",
    "schema": "Print the JSON schema of the configuration, for editors.",
    "grants": "Print the statements that make read-only accounts for the dashboard.",
}
MODULES = {"backup": "moving", "restore": "moving", "migrate": "moving", "secret": "moving"}


@click.group(cls=Later, context_settings={"help_option_names": ["-h", "--help"]})
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
    type=click.IntRange(1, 256),
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
@click.option("--strict", is_flag=True, help="Warnings are errors, too: for CI.")
@click.option("--offline", is_flag=True, help="Look no names of hosts up, and nobody in the store.")
def check(config_file: Path | None, **wanted: bool) -> None:
    """Check the configuration and show every deployment."""
    from gateway.cli_check import Wanted, run_check  # noqa: PLC0415

    sys.exit(run_check(config_file, Wanted(**wanted)))


@cli.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sim(arguments: tuple[str, ...]) -> None:
    """Run the simulated fleet alone (see `atelier sim --help`)."""
    from gateway.fleet.__main__ import main  # noqa: PLC0415

    main(list(arguments))


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
    program = Program(
        start.load, start.ready, start.expected, start.drain_timeout, start.failed, accept_early=start.accept_early
    )
    try:
        return serve_program(program, start.listeners)
    finally:
        start.end()
