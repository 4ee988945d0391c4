"""What commands print: one sentence for a failure, an aligned table or JSON for what was found."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import click

from gateway.config.problems import ConfigError
from gateway.errors import GatewayError
from gateway.store.failures import MoveRefused, StoreUnavailable

P = ParamSpec("P")
R = TypeVar("R")

CONFIG = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Default: config.yaml where there is one."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@contextmanager
def sentences() -> Iterator[None]:
    """Whatever a person can mend ends the command with its sentence on stderr."""
    try:
        yield
    except GatewayError as error:
        fail(error.message)
    except (ConfigError, MoveRefused, StoreUnavailable) as error:
        fail(str(error))


def plainly(function: Callable[P, R]) -> Callable[P, R]:
    """A command that fails with a sentence."""

    @functools.wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        with sentences():
            return function(*arguments, **options)

    return run


def fail(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    raise SystemExit(1)


def tell(sentence: str) -> None:
    """For the person, beside what a script takes from stdout."""
    sys.stderr.write(f"{sentence}\n")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def say_json(value: Any) -> None:
    say(json.dumps(value, indent=2, ensure_ascii=False))


def say_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns under their names; nothing at all for no rows."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
