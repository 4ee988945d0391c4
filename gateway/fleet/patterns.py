"""Writes a string that a regular expression matches.

For the plain expressions of which schemas are made: literals, classes, groups, choices, repetitions. What it does
not know (looking around, back references) it leaves out.
"""

from __future__ import annotations

_ESCAPES = {"d": "4", "w": "a", "s": " ", "D": "x", "W": "-", "S": "x", "n": "\n", "t": "\t"}
_SHORTHANDS = "dwsDWS"
_AT_LEAST = 1  # repetitions of what may be repeated without end


def matching(pattern: str, least: int = 0) -> str:
    """A string that matches `pattern`, of at least `least` characters where an endless repetition allows it."""
    for repeats in (_AT_LEAST, max(_AT_LEAST, least)):
        written = _Writer(pattern, repeats).choice()
        if len(written) >= least:
            break
    return written


class _Writer:
    """Walks through the pattern once, and writes as it goes."""

    def __init__(self, pattern: str, repeats: int) -> None:
        self._pattern = pattern
        self._at = 0
        self._repeats = repeats

    def choice(self) -> str:
        """The first branch of `a|b|c`, up to the end of the group."""
        written = self._sequence()
        while self._next() == "|":
            self._at += 1
            self._sequence()
        return written

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _taken(self) -> str:
        self._at += 1
        return self._pattern[self._at - 1 : self._at]

    def _sequence(self) -> str:
        parts = []
        while self._next() not in {"", "|", ")"}:
            atom = self._atom()
            parts.append(atom * self._times())
        return "".join(parts)

    def _atom(self) -> str:
        character = self._taken()
        if character == "(":
            return self._group()
        if character == "[":
            return self._class()
        if character == "\\":
            return self._escaped()
        if character in "^$":
            return ""
        return "a" if character == "." else character

    def _escaped(self) -> str:
        name = self._taken()
        return "" if name in {"b", "B", "A", "Z"} else _ESCAPES.get(name, name)

    def _group(self) -> str:
        silent = False
        if self._next() == "?":
            self._at += 1
            mark = self._taken()
            if mark in {"=", "!"} or (mark == "<" and self._next() in {"=", "!"}):
                silent = True
            elif mark in {"P", "<"}:
                self._at = self._pattern.find(">", self._at) + 1
        written = self.choice()
        self._at += 1
        return "" if silent else written

    def _class(self) -> str:
        excluded = self._next() == "^"
        self._at += excluded
        members: list[str] = []
        while self._next() not in {"", "]"} or not members:
            members.append(self._member())
            if not self._next():
                break
        self._at += 1
        if not excluded:
            return members[0][0]
        return next((sign for sign in "aA4-_ x" if not any(_within(sign, member) for member in members)), "a")

    def _member(self) -> str:
        """One character of a class, or both ends of a range."""
        first = self._taken()
        if first == "\\":
            name = self._taken()
            return _ESCAPES[name] + name if name in _SHORTHANDS else _ESCAPES.get(name, name)
        if self._next() == "-" and self._pattern[self._at + 1 : self._at + 2] not in {"", "]"}:
            self._at += 1
            return first + self._taken()
        return first

    def _times(self) -> int:
        sign = self._next()
        if sign == "{" and (end := self._pattern.find("}", self._at)) > 0:
            least, comma, most = self._pattern[self._at + 1 : end].partition(",")
            if least.isdigit() or most.isdigit():
                self._at = end + 1
                self._skip_laziness()
                return max(int(least or 0), min(1, int(most or 1)) if comma else 0)
        if sign in {"*", "+", "?"} and sign:
            self._at += 1
            self._skip_laziness()
            return 1 if sign == "?" else self._repeats
        return 1

    def _skip_laziness(self) -> None:
        if self._next() == "?":
            self._at += 1


def _within(sign: str, member: str) -> bool:
    if len(member) == 1:
        return sign == member
    if member[1] in _SHORTHANDS and member[0] == _ESCAPES[member[1]]:
        known = {"d": sign.isdigit(), "w": sign.isalnum() or sign == "_", "s": sign.isspace()}
        return known.get(member[1], False)
    return member[0] <= sign <= member[1]
