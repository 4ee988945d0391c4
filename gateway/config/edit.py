"""Changes to single sections of the configuration's files, by edits or by a section's whole text.

Texts in, texts out; no disk. Only the lines of such a section are replaced, and within it only what differs, so that
comments and layout stay. The result is read again: what does not mean exactly what was asked for is refused
(`ConfigError`), never written.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from gateway.config.alignment import same
from gateway.config.config import ConfigFile
from gateway.config.patches import Edit, applied, pointer, refuse
from gateway.config.positions import Section, parse
from gateway.config.problems import ConfigError, Mark, Problem, did_you_mean
from gateway.config.rewrite import Unkeepable, rewritten

EDITABLE = ("routing", "groups", "limits", "budgets", "retry", "health", "queue", "timeouts", "cache")
Texts = Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class Part:
    """An editable section as it stands in a file: `text` with plain line ends, `value` as plain data."""

    name: str
    file: Path
    line: int | None = None  # None: the file does not have it
    text: str = ""
    value: Any = None
    span: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Edited:
    """`files`: the new texts of those that change; `parts`: every editable section afterwards; `diff`: of these alone."""

    files: Texts
    parts: Mapping[str, Part]
    diff: str


def parts(texts: Texts) -> dict[str, Part]:
    """Every editable section; `texts` are the main file, first, and those it includes. Raises ConfigError.

    A section that several files have is shown as it stands in the first of them.
    """
    main = next(iter(texts))
    found = {name: Part(name, main) for name in EDITABLE}
    for file in reversed(list(texts)):
        found |= _read(file, texts[file]).parts
    return found


def defaults(name: str) -> Any:
    """What a section means that no file has."""
    default = ConfigFile.model_fields[name].default
    return default if isinstance(default, dict) else default.model_dump(mode="json")


def edited(texts: Texts, edits: Sequence[Edit]) -> Edited:
    """The texts after all edits. Raises ConfigError."""
    before = parts(texts)
    names = list(dict.fromkeys(name for edit in enumerate(edits) for name in _sections_of(*edit)))
    old = {name: before[name].value for name in EDITABLE if before[name].line is not None}
    new = applied(old, edits)
    after = dict(texts)
    for name in names:
        file = _home(texts, before, name)
        after[file] = _read(file, after[file]).with_value(name, new)
    return _outcome(texts, after, before)


def replaced(texts: Texts, sections: Mapping[str, str]) -> Edited:
    """The texts with whole sections in place of those they have; an empty text takes the section out. ConfigError."""
    before = parts(texts)
    after = dict(texts)
    for name, text in sections.items():
        _check_editable(0, name)
        file = _home(texts, before, name)
        after[file] = _read(file, after[file]).with_text(name, text)
    return _outcome(texts, after, before)


def restored(texts: Texts, sections: Mapping[str, str]) -> Edited:
    """The texts with these sections, as `replaced`, but for those that are as they should be. Raises ConfigError."""
    now = parts(texts)
    return replaced(texts, {name: text for name, text in sections.items() if now[name].text != text})


def _sections_of(number: int, edit: Edit) -> list[str]:
    paths = [edit.path, *([edit.source] if edit.op == "move" and edit.source else [])]
    names = [pointer(path, number)[0] for path in paths]
    for name in names:
        _check_editable(number, name)
    return names


def _check_editable(number: int, name: str) -> None:
    if name not in EDITABLE:
        refuse(number, (name[:60],), "is no section that can be edited here", did_you_mean(name, EDITABLE))


def _home(texts: Texts, before: Mapping[str, Part], name: str) -> Path:
    """The file in which the section stands, or is to stand."""
    having = [file for file, text in texts.items() if name in _read(file, text).data]
    if len(having) > 1:
        what = f"stands in {len(having)} files: {', '.join(map(str, having))}"
        mark = Mark(str(having[0]), before[name].line or 0, 1)
        raise ConfigError([Problem(mark, (name,), what, "change it there, or bring it together in one of them")])
    return having[0] if having else before[name].file


def _outcome(texts: Texts, after: Mapping[Path, str], before: Mapping[str, Part]) -> Edited:
    changed = {file: text for file, text in after.items() if text != texts[file]}
    now = parts(after)
    return Edited(changed, now, _diff(before, now))


def _diff(before: Mapping[str, Part], after: Mapping[str, Part]) -> str:
    out: list[str] = []
    for name in EDITABLE:
        old, new = before[name].text.splitlines(), after[name].text.splitlines()
        file = after[name].file.name
        out += difflib.unified_diff(old, new, f"{file} ({name}), before", f"{file} ({name}), after", lineterm="")
    return "\n".join(out) + "\n" if out else ""


@functools.lru_cache(maxsize=8)
def _read(path: Path, text: str) -> _File:
    """Reading takes long for long files, and each text is asked for several times. Raises ConfigError."""
    return _File(path, text)


class _File:
    """One file. Its text is worked on with plain line ends, and given back with its own."""

    def __init__(self, path: Path, text: str) -> None:
        problems: list[Problem] = []
        self.path = path
        self.data: Section = parse(text, str(path), problems)
        if problems:
            raise ConfigError(problems)
        self._crlf = "\r\n" in text
        self._text = text.replace("\r\n", "\n") if self._crlf else text
        self._mixed = self._crlf and self._text.replace("\n", "\r\n") != text
        root = YAML(typ="safe", pure=True).compose(self._text)
        self._root: MappingNode | None = root if isinstance(root, MappingNode) else None

    @functools.cached_property
    def parts(self) -> dict[str, Part]:
        """The editable sections that it has."""
        if self._root is None:
            return {}
        keys = [key for key, _ in self._root.value]
        ends = [*(key.start_mark.index for key in keys[1:]), None]
        return {key.value: self._part(key, end) for key, end in zip(keys, ends, strict=True) if key.value in EDITABLE}

    def _part(self, key: Node, next_key: int | None) -> Part:
        span = self._between(key, next_key) if self._braces else self._lines(key, next_key)
        line = int(key.start_mark.line) + 1
        return Part(key.value, self.path, line, self._text[slice(*span)], _plain(self.data[key.value]), span)

    @property
    def _braces(self) -> bool:
        """Whether the whole file is one pair of braces, as a JSON file is."""
        return self._root is not None and bool(self._root.flow_style)

    def _between(self, key: Node, next_key: int | None) -> tuple[int, int]:
        """A section among others in braces."""
        start, end = int(key.start_mark.index), next_key
        if end is None and self._root is not None:
            end = int(self._root.end_mark.index) - 1
        return start, start + len(self._text[start:end].rstrip().removesuffix(",").rstrip())

    def _lines(self, key: Node, next_key: int | None) -> tuple[int, int]:
        """From the section's key to its last line; comments below belong to it while they are indented."""
        text = self._text
        start = text.rfind("\n", 0, key.start_mark.index) + 1
        end = len(text) if next_key is None else text.rfind("\n", 0, next_key) + 1
        while end > start:
            line_start = max(start, text.rfind("\n", start, end - 1) + 1)
            line = text[line_start:end].rstrip()
            indent = len(line) - len(line.lstrip())
            if line and not (line.lstrip().startswith("#") and indent <= key.start_mark.column):
                break
            end = line_start
        return start, end

    def with_value(self, name: str, values: Mapping[str, Any]) -> str:
        """The file's text with this value of the section; without the section when `values` do not have it."""
        self._check_layout(name)
        part = self.parts.get(name)
        wanted = {key: value for key, value in _plain(self.data).items() if key != name or name in values}
        wanted |= {name: values[name]} if name in values else {}
        try:
            return self._checked(name, self._with_value(name, part, wanted), wanted)
        except Unkeepable:
            what = "has comments or a layout that would be lost"
            raise ConfigError([self._problem(name, what, "write the section's text as a whole")]) from None

    def _with_value(self, name: str, part: Part | None, wanted: Mapping[str, Any]) -> str:
        if self._braces:
            return rewritten(self._text, _plain(self.data), wanted)
        if name not in wanted:
            return self._spliced(part, "") if part is not None else self._text
        if part is None:
            return self._appended(rewritten(f"{name}:\n", {name: None}, {name: wanted[name]}))
        return self._spliced(part, rewritten(part.text, {name: part.value}, {name: wanted[name]}))

    def with_text(self, name: str, text: str) -> str:
        """The file's text with this text of the section; an empty one takes it out."""
        text = text.replace("\r\n", "\n").strip("\n") + "\n"
        problems: list[Problem] = []
        given = parse(text, name, problems)
        if not problems and text.strip() and list(given) != [name]:
            mend = f"begin with `{name}:`, and leave other sections out"
            problems.append(Problem(Mark(name, 1, 1), (name,), "the text is not this one section", mend))
        if problems:
            raise ConfigError(problems)
        if self._braces or not text.strip():
            return self.with_value(name, _plain(given))
        part = self.parts.get(name)
        wanted = _plain(self.data) | _plain(given)
        return self._checked(name, self._spliced(part, text) if part is not None else self._appended(text), wanted)

    def _spliced(self, part: Part, text: str) -> str:
        start, end = part.span
        before, after = self._text[:start], self._text[end:]
        if not after and not text and before.endswith("\n\n"):
            return before[:-1]  # a section that was appended leaves nothing behind
        if not after and not self._text.endswith("\n"):
            text = text.removesuffix("\n")
        return before + text + after

    def _appended(self, text: str) -> str:
        body = self._text
        gap = "" if not body else "\n" if body.endswith("\n") else "\n\n"
        return body + gap + text

    def _check_layout(self, name: str) -> None:
        """Anchors and aliases hang together with other places: raises ConfigError for a section that has some."""
        part = self.parts.get(name)
        if part is None or ("&" not in part.text and "*" not in part.text):
            return
        start, end = part.span
        for event in YAML(typ="safe", pure=True).parse(self._text):
            if getattr(event, "anchor", None) is not None and start <= event.start_mark.index < end:
                what = f"uses `&{event.anchor}` or `*{event.anchor}`, which edits cannot keep"
                problem = self._problem(name, what, "change it in the file, or write the section's text as a whole")
                raise ConfigError([problem])

    def _checked(self, name: str, text: str, wanted: Mapping[str, Any]) -> str:
        """`text` with the file's line ends, if it means what is wanted."""
        if not same(_plain(_read(self.path, text).data), wanted):
            what = "is written in a way that cannot be edited here"
            raise ConfigError([self._problem(name, what, "change it in the file")])
        if self._mixed:
            what = "the file's lines end in two different ways"
            raise ConfigError([self._problem(name, what, "save it with one kind of line ends")])
        return text.replace("\n", "\r\n") if self._crlf else text

    def _problem(self, name: str, what: str, mend: str) -> Problem:
        part = self.parts.get(name)
        return Problem(Mark(str(self.path), (part.line if part else None) or 0, 1), (name,), what, mend)


def _plain(value: Any) -> Any:
    """Without the places."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
