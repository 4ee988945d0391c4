"""Configurations as people lay them out: the same data in many styles, with comments whose places are known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

KeyPath = tuple[str | int, ...]

TRICKY = (
    *(
        "auto",
        "gpt/*",
        "18:00",
        "yes",
        "No",
        "null",
        "~",
        "1e3",
        "0x1f",
        "1_000",
        "2026-01-01",
        "",
        " a ",
        "a: b",
        "a #b",
    ),
    *(
        "- a",
        "&a",
        "*a",
        "!a",
        "'a'",
        '"a"',
        "a\\b",
        "é",
        "🙂",
        "a\nb",
        "\t",
        "\x7f",
        "\u2028",
        "{a}",
        "[a]",
        "<<",
        "%",
        "@a",
    ),
    *("=", "?", "a,b", "short requests of team A", ".5", "-1", "+1", "0o7", ".inf", "True", "a:", ":a", "#a"),
)
texts = st.sampled_from(TRICKY) | st.text(max_size=6).filter(lambda text: "\x00" not in text and _encodes(text))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)
sections = st.dictionaries(texts, values, max_size=4)
rules = st.lists(
    st.fixed_dictionaries(
        {"when": st.dictionaries(st.sampled_from(["model", "team", "after"]), texts | st.lists(texts, max_size=2))},
        optional={"name": texts, "use": st.dictionaries(st.sampled_from(["group", "tier"]), texts)},
    ),
    max_size=4,
)


def _encodes(text: str) -> bool:
    return not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


@dataclass
class Layout:
    """Writes data in a style that is drawn, and remembers below which entry each comment stands."""

    draw: Any
    step: int = 2
    dash_in: bool = True
    lines: list[str] = field(default_factory=list)
    comments: dict[str, KeyPath] = field(default_factory=dict)  # within this entry; its own parent for those above it

    def comment(self, path: KeyPath) -> str:
        text = f"# c{len(self.comments)};"
        self.comments[text] = path
        return text

    def maybe(self, path: KeyPath, column: int) -> None:
        """Lines above an entry."""
        match self.draw(st.integers(0, 5)):
            case 0:
                self.lines.append(" " * column + self.comment(path))
            case 1:
                self.lines.append("")

    def tail(self, path: KeyPath) -> str:
        return "  " + self.comment(path) if self.draw(st.integers(0, 4)) == 0 else ""

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        plain = (
            value.isascii()
            and value.isalpha()
            and value.lower() not in {"yes", "no", "null", "true", "false", "on", "off"}
        )
        style = self.draw(st.integers(0, 2))
        if plain and style and len(value) > 1:
            return value
        if value.isprintable() and style == 1:
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value).replace("\x7f", "\\x7f")

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            inner = ", ".join(f"{self.scalar(key)}: {self.flow(each)}" for key, each in value.items())
            return "{" + inner + self.draw(st.sampled_from(["", "", ","]) if value else st.just("")) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        return self.scalar(value)

    def entry(self, head: str, value: Any, path: KeyPath, column: int) -> None:
        """`key:` with its value; `column` is that of the key."""
        if not isinstance(value, dict | list) or not value or (len(path) > 1 and self.draw(st.booleans())):
            said = "" if value is None and self.draw(st.booleans()) else f" {self.flow(value)}"
            self.lines.append(f"{head}{said}{self.tail(path)}")
            return
        self.lines.append(f"{head}{self.tail(path)}")
        if isinstance(value, dict):
            self.section(value, path, column + self.step)
        else:
            self.list(value, path, column + (self.step if self.dash_in else 0))

    def section(self, value: dict[str, Any], path: KeyPath, column: int, first: str | None = None) -> None:
        """`first`: what stands in the line before the first key, such as a dash."""
        for key, each in value.items():
            if first is None:
                self.maybe(path, column)
            head = " " * column if first is None else first
            self.entry(f"{head}{self.scalar(key)}:", each, (*path, key), column)
            first = None

    def list(self, value: list[Any], path: KeyPath, column: int) -> None:
        for index, each in enumerate(value):
            self.maybe(path, column)
            here = (*path, index)
            if isinstance(each, dict) and each and self.draw(st.booleans()):
                self.section(each, here, column + 2, " " * column + "- ")
            else:
                self.lines.append(f"{' ' * column}- {self.flow(each)}{self.tail(here)}")


@st.composite
def files(draw: Any, data: dict[str, Any]) -> tuple[str, dict[str, KeyPath]]:
    """The text of a file with these top-level keys, and its comments."""
    layout = Layout(draw, step=draw(st.sampled_from([2, 4])), dash_in=draw(st.booleans()))
    layout.section(data, (), 0)
    layout.maybe((), 0)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(layout.lines) + draw(st.sampled_from([end, end, "", end * 3])), layout.comments
