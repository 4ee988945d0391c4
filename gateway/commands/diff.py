"""`atelier diff`: what a change of the configuration would do, in words. Reads both files; calls nobody."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from gateway.assembly import tried
from gateway.commands.output import JSON
from gateway.config import environment
from gateway.config.diff import Difference, differences
from gateway.config.loader import load
from gateway.config.problems import ConfigError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DIFFERENT, TROUBLE = 1, 2


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@JSON
@click.pass_context
def diff(context: click.Context, old: Path, new: Path, *, as_json: bool) -> None:
    """Say in words what a change of the configuration would do.

    OLD and NEW are two files. Ends with 0 when they mean the same, 1 when they do not, 2 when one of them cannot be used.
    """
    env = environment.read_environment()
    try:
        before, after = (tried(load(path, env), env) for path in (old, new))
    except ConfigError as error:
        click.echo(str(error), err=True)
        context.exit(TROUBLE)
    found = differences(before.config, after.config, before.resolved, after.resolved)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
    elif found:
        click.echo("\n".join(map(_line, found)))
    else:
        click.echo("Both mean the same.")
    context.exit(DIFFERENT if found else 0)


def _line(difference: Difference) -> str:
    return f"{difference.what} (at the next start)" if difference.restart else difference.what
