"""Every `atelier ...` that the pages show is a command with these options, and the reference leaves none out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli import LATER, cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?:bash|sh|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\.venv/bin/)?atelier [^`]+)`")
ROW = re.compile(r"^\| `(atelier [a-z -]+)` \| (.*?) \|", re.MULTILINE)


def shown() -> Iterator[tuple[str, str]]:
    """Command lines, from fenced blocks and from the text."""
    for page in PAGES:
        text = page.read_text()
        lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
        for line in [*lines, *INLINE.findall(text)]:
            if re.match(r"(\.venv/bin/)?atelier ", line):
                yield page.name, line


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and what follows it."""
    command: click.Command = cli
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
    return command, words


def options(command: click.Command) -> set[str]:
    return {name for each in command.params if isinstance(each, click.Option) for name in each.opts}


@pytest.mark.parametrize(("page", "line"), sorted(set(shown())))
def test_a_command_that_is_shown_is_there(page: str, line: str) -> None:
    words = [word for word in shlex.split(line.partition(" > ")[0], comments=True) if word != "..."]
    command, rest = leaf(words[1:])
    typed = {word.partition("=")[0] for word in rest if word.startswith("-")}
    if command.name != "sim":
        assert typed <= options(command) | {"--help", "-h"}, line


def tree(command: click.Command = cli, path: str = "atelier") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from tree(found, f"{path} {name}")
    else:
        yield path, command


def test_the_reference_has_every_command_with_every_option() -> None:
    rows = ROW.findall((ROOT / "docs" / "operations.md").read_text())
    told = {path: set(re.findall(r"`(--[a-z-]+)`", cell)) - {"--config"} for path, cell in rows}
    there = {path: options(command) - {"--config"} for path, command in tree()}
    assert told == there


def test_the_list_of_commands_says_of_each_what_it_says_of_itself() -> None:
    for name, line in LATER.items():
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert (command.help or "").partition("\n")[0] == line
