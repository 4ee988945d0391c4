"""Gives a YAML text another meaning by touching only what differs: comments, quotes, order and layout of the rest stay.

A comment above an entry goes where the entry goes and outlives it; what stands inside an entry that is taken out goes
with it. Pure. The caller checks that the new text means what it should: layouts that this does not know are found there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gateway.config import yaml_text
from gateway.config.alignment import origins, same

DEFAULT_STEP = 2  # columns of an indentation


class Unkeepable(Exception):
    """A comment stands where it could not be kept."""


@dataclass(frozen=True, slots=True)
class _Child:
    """An entry of a section or a list: where it begins, where its value may begin, and its value."""

    name: str | int
    start: int
    colon: int  # just after `:` or `-`
    node: Node
    old: Any
    eol: int = 0


def rewritten(text: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """`text`, a section or whole file with plain line ends that means `old`, as one that means `new`.

    Raises Unkeepable; neither is empty.
    """
    root = YAML(typ="safe", pure=True).compose(text)
    if not isinstance(root, MappingNode):
        raise Unkeepable
    change = _Rewriting(text, root)
    if root.flow_style:
        body = change.flow_section(root, old, new)
        return text[: root.start_mark.index] + body + text[root.end_mark.index :]
    children = change.children(root, old)
    return text[: children[0].start] + change.section(root, old, new) + text[children[-1].eol :]


def content_end(node: Node, empty: int, text: str) -> int:
    """The index after the last character of a value. `empty`: where it would stand when it is none."""
    if isinstance(node, ScalarNode):
        end: int = node.end_mark.index
        if end <= empty or end == node.start_mark.index:
            return empty
        while text[end - 1] in " \r\n" and node.style in {"|", ">"}:
            end -= 1
        return end
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    if isinstance(node, MappingNode):
        key, value = node.value[-1]
        return content_end(value, colon_after(key, text), text)
    last = node.value[-1]
    return content_end(last, last.start_mark.index, text)


def colon_after(key: Node, text: str) -> int:
    """The index after the colon of a key."""
    at: int = text.index(":", key.end_mark.index) + 1
    return at


def _text(key: Node) -> str:
    """A key as `positions.parse` reads it: two escapes that are the halves of one character are joined."""
    return str(key.value).encode("utf-16", "surrogatepass").decode("utf-16")


def _step(root: MappingNode) -> int:
    for key, value in root.value:
        if isinstance(value, MappingNode) and value.value and not value.flow_style:
            return max(1, int(value.start_mark.column - key.start_mark.column))
    return DEFAULT_STEP


def _comments(text: str) -> str:
    """The lines that are comments and nothing else."""
    return "".join(f"{line}\n" for line in text.split("\n") if line.lstrip().startswith("#"))


class _Rewriting:
    """One text. Methods return the new text of something, from its first character to the end of its last line."""

    def __init__(self, text: str, root: MappingNode) -> None:
        self._text = text
        self._step = _step(root)
        self._json = root.flow_style and all(key.style == '"' for key, _ in root.value)

    def children(self, node: MappingNode | SequenceNode, old: Any) -> list[_Child]:
        """The entries of a collection in lines."""
        out: list[_Child] = []
        if isinstance(node, MappingNode):
            for key, value in node.value:
                out.append(self._child(_text(key), key.start_mark.index, colon_after(key, self._text), value, old))
        else:
            for index, value in enumerate(node.value):
                dash = self._dash(value.start_mark.index, node.start_mark.column)
                out.append(self._child(index, dash, dash + 1, value, old))
        return out

    def _child(self, name: str | int, start: int, colon: int, node: Node, old: Any) -> _Child:
        end = self._text.find("\n", content_end(node, colon, self._text))
        return _Child(name, start, colon, node, old[name], len(self._text) if end < 0 else end)

    def _dash(self, start: int, column: int) -> int:
        """Where the `-` of a list's entry stands: in this column, on the value's line or above it."""
        end = start
        while end >= 0:
            line = self._text.rfind("\n", 0, end) + 1
            if self._text[line + column : line + column + 1] == "-" and line + column < start:
                return line + column
            end = line - 1
        raise Unkeepable

    def section(self, node: MappingNode, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> str:
        """The lines of a section."""
        children = self.children(node, old)
        column = node.start_mark.column
        plan: list[tuple[_Child | None, str]] = [
            (child, self._entry(child, new[child.name], column)) for child in children if child.name in new
        ]
        added = {key: value for key, value in new.items() if key not in old}
        plan += [
            (None, f"{yaml_text.scalar(key)}:{yaml_text.after_key(value, column, self._step)}")
            for key, value in added.items()
        ]
        return self._assembled(children, plan, column)

    def _list(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> str:
        """The lines of a list."""
        children = self.children(node, old)
        column = node.start_mark.column
        plan: list[tuple[_Child | None, str]] = []
        for value, index in zip(new, origins(old, new), strict=True):
            if index is None:
                plan.append((None, f"-{yaml_text.after_dash(value, column, self._step)}"))
            else:
                plan.append((children[index], self._entry(children[index], value, column, dash=True)))
        return self._assembled(children, plan, column)

    def _assembled(self, children: list[_Child], plan: list[tuple[_Child | None, str]], column: int) -> str:
        """Entries in their new order, each after what stood above it."""
        kept = {child.name for child, _ in plan if child is not None}
        above: dict[str | int, str] = {}
        orphans = ""  # comments above entries that are no more
        for before, child in zip([None, *children], children, strict=False):
            lead = " " * column if before is None else self._text[before.eol + 1 : child.start]
            if child.name in kept:
                above[child.name] = orphans + lead
                orphans = ""
            else:
                orphans += _comments(lead)
        out = ""
        for child_or_none, body in plan:
            lead = " " * column if child_or_none is None else above[child_or_none.name]
            out += (f"\n{lead}" if out else lead.lstrip()) + body
        return out + (f"\n{orphans}".rstrip("\n") if orphans else "")

    def _entry(self, child: _Child, new: Any, column: int, *, dash: bool = False) -> str:
        """One entry with its new value."""
        text, node = self._text, child.node
        if same(child.old, new):
            return text[child.start : child.eol]
        if isinstance(new, dict | list) and new and isinstance(new, type(child.old)) and child.old:
            return self._collection(child, new)
        head, tail = text[child.start : child.colon], self._left_over(child)
        if isinstance(new, str) and isinstance(node, ScalarNode) and node.style in {"'", '"'}:
            return f"{head} {yaml_text.scalar(new, node.style)}{tail}"
        after = (yaml_text.after_dash if dash else yaml_text.after_key)(new, column, self._step)
        return head + tail + after if after.startswith("\n") else head + after + tail

    def _left_over(self, child: _Child) -> str:
        """The comments of an entry whose value is replaced as a whole: that in its line, those below it."""
        text, node = self._text, child.node
        if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
            end = content_end(node, child.colon, text)
            between = text[child.colon : min(node.start_mark.index, end)].rstrip()
            return between + text[end : child.eol]
        first = node.value[0][0] if isinstance(node, MappingNode) else node.value[0]
        line = text.rfind("\n", 0, first.start_mark.index) + 1
        between = text[child.colon : max(line, child.colon)].rstrip()
        below = _comments(text[line : child.eol]).rstrip("\n")
        return between + (f"\n{below}" if below else "")

    def _collection(self, child: _Child, new: Any) -> str:
        text, node = self._text, child.node
        if isinstance(node, MappingNode):
            body = (self.flow_section if node.flow_style else self.section)(node, child.old, new)
        elif isinstance(node, SequenceNode):
            body = (self._flow_list if node.flow_style else self._list)(node, child.old, new)
        else:
            raise Unkeepable
        if node.flow_style:
            return text[child.start : node.start_mark.index] + body + text[node.end_mark.index : child.eol]
        return text[child.start : self.children(node, child.old)[0].start] + body

    # --- braces and brackets --------------------------------------------------------------------------------------

    def flow_section(self, node: MappingNode, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
        """A section in braces; what is between its entries stays, but for those that go."""
        text, at = self._text, node.start_mark.index + 1
        out = ""
        for key, value in node.value:
            gap, at = text[at : key.start_mark.index], value.end_mark.index
            name = _text(key)
            if name in new:
                kept = gap if out else gap.lstrip(", ")
                out += kept + text[key.start_mark.index : value.start_mark.index]
                out += self._flow(value, old[name], new[name])
            elif "#" in gap:
                raise Unkeepable
        rest = text[at : node.end_mark.index - 1]
        added = [f"{self._inline(key)}: {self._inline(new[key])}" for key in new if key not in old]
        if added or not out:
            rest = rest.replace(",", "", 1) if "#" not in rest else _fail()
        joined = ", ".join(([out.rstrip()] if out else []) + added)
        return "{" + joined + rest + "}"

    def _flow_list(self, node: SequenceNode, old: Sequence[Any], new: Sequence[Any]) -> str:
        at = node.start_mark.index
        for place in [*((each.start_mark.index, each.end_mark.index) for each in node.value), (node.end_mark.index, 0)]:
            if "#" in self._text[at : place[0]]:
                raise Unkeepable
            at = place[1]
        parts = [
            self._inline(value) if index is None else self._flow(node.value[index], old[index], value)
            for value, index in zip(new, origins(old, new), strict=True)
        ]
        return "[" + ", ".join(parts) + "]"

    def _flow(self, node: Node, old: Any, new: Any) -> str:
        if same(old, new):
            return self._text[node.start_mark.index : node.end_mark.index]
        if isinstance(node, MappingNode) and isinstance(new, dict):
            return self.flow_section(node, old, new)
        if isinstance(node, SequenceNode) and isinstance(new, list):
            return self._flow_list(node, old, new)
        if isinstance(new, str) and isinstance(node, ScalarNode):
            return yaml_text.scalar(new, node.style)
        return self._inline(new)

    def _inline(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False) if self._json else yaml_text.flow(value)


def _fail() -> str:
    raise Unkeepable
