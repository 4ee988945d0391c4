"""`atelier schema`: what a configuration may hold, as JSON schema, for editors and other programs."""

from __future__ import annotations

import json

import click

from gateway.config.schema import json_schema


@click.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
