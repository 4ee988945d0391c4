"""What a prompt template may be: one walk over Jinja's syntax tree, which refuses whatever is not named here.

Every expression has a kind, every loop a greatest number of turns, and the work of the worst case is counted, so that
a template that passes cannot raise or run long later. A refused one raises `TemplateError` with line and reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NoReturn

from jinja2 import nodes

from gateway.prompts.schema import MAX_NUMBER, EnumVariable, ListVariable, Variable

MAX_DEPTH = 40  # nodes of the syntax tree above one another
MAX_WORK = 20_000  # nodes visited in the worst case, some 10 ms of a slow core
MAX_SEPARATOR = 16  # characters between the items of a list


class TemplateError(ValueError):
    """A template that is not let in. The message names the line and what is allowed."""


class _Kind(Enum):
    TEXT = "free text"
    LIST = "a list"
    NUMBER = "a number"
    FLAG = "true or false"
    WORD = "a word"  # the template's author wrote it: an enum's choice or a literal


_KINDS = {
    "string": _Kind.TEXT,
    "text": _Kind.TEXT,
    "list": _Kind.LIST,
    "integer": _Kind.NUMBER,
    "number": _Kind.NUMBER,
    "boolean": _Kind.FLAG,
    "enum": _Kind.WORD,
}
ALLOWED_FILTERS = frozenset({"join"})
_IN_PLAIN_WORDS: Mapping[type[nodes.Node], str] = {
    nodes.Getattr: "attributes (x.y)",
    nodes.Getitem: "items (x[y])",
    nodes.Call: "calls (x())",
    nodes.Assign: "set",
    nodes.Test: "is",
    nodes.Concat: "~",
    nodes.Pow: "**",
    nodes.Mod: "%",
    nodes.Div: "/ (use //)",
}


def check(tree: nodes.Template, role: str, variables: Mapping[str, Variable]) -> frozenset[str]:
    """The names of the variables that the template uses. Raises `TemplateError`."""
    _check_depth(tree)
    walk = _Walk(role, variables)
    walk.body(tree.body, _Scope())
    if not any(_always_prints(node) for node in tree.body):
        raise TemplateError("could come out empty: write something outside of `if` and `for`")
    return frozenset(walk.used)


def _check_depth(tree: nodes.Template) -> None:
    """Not recursive itself, so that every later walk, Jinja's and Python's included, stays far from its limit."""
    todo: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > MAX_DEPTH:
            _refuse(node, f"is nested too deeply (over {MAX_DEPTH} levels)")
        todo.extend((child, depth + 1) for child in node.iter_child_nodes())


@dataclass(frozen=True, slots=True)
class _Scope:
    """A place in the template: its loop variables, the variables known to be given, its visits in the worst case."""

    items: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    times: int = 1

    def when(self, test: nodes.Node) -> _Scope:
        return replace(self, given=self.given | _given_if(test))


class _Walk:
    def __init__(self, role: str, variables: Mapping[str, Variable]) -> None:
        self.used: set[str] = set()
        self._role = role
        self._variables = variables
        self._work = 0
        self._expressions: Mapping[type[nodes.Node], Callable[[Any, _Scope], _Kind]] = {
            nodes.Const: self._const,
            nodes.Name: self._name,
            nodes.CondExpr: self._either,
            nodes.Filter: self._filter,
            nodes.Compare: self._compare,
            nodes.Not: self._not,
            nodes.And: self._logic,
            nodes.Or: self._logic,
            nodes.Add: self._arithmetic,
            nodes.Sub: self._arithmetic,
            nodes.Mul: self._arithmetic,
            nodes.FloorDiv: self._arithmetic,
        }

    def body(self, body: Iterable[nodes.Node], scope: _Scope) -> None:
        for node in body:
            self._count(node, scope.times)
            match node:
                case nodes.Output():
                    for part in node.nodes:
                        self._print(part, scope)
                case nodes.If():
                    self._if(node, scope)
                case nodes.For():
                    self._for(node, scope)
                case _:
                    _refuse_construct(node)

    def _count(self, node: nodes.Node, times: int) -> None:
        self._work += times
        if self._work > MAX_WORK:
            _refuse(node, "too much work in the worst case: use fewer loops or a smaller `max_items`")

    def _print(self, node: nodes.Node, scope: _Scope) -> None:
        if isinstance(node, nodes.TemplateData):
            return
        match self._value(node, scope):
            case _Kind.LIST:
                _refuse(node, "a list is printed with `join` or in a `for`")
            case _Kind.FLAG:
                _refuse(node, "true and false are not printed: use `if`")

    def _if(self, node: nodes.If, scope: _Scope) -> None:
        self._kind(node.test, scope)
        self.body(node.body, scope.when(node.test))
        for branch in node.elif_:
            self._if(branch, scope)
        self.body(node.else_, scope)

    def _for(self, node: nodes.For, scope: _Scope) -> None:
        if node.recursive or node.test is not None or node.else_:
            _refuse(node, "a `for` has no `if`, `else` or `recursive`")
        if self._kind(node.iter, scope) is not _Kind.LIST:
            _refuse(node, "a `for` goes over a variable of type list")
        if not isinstance(node.target, nodes.Name) or node.target.name in {*self._variables, *scope.items}:
            _refuse(node, "a `for` has one item variable, with a name of its own")
        times = scope.times * self._max_items(node.iter)
        self.body(node.body, replace(scope, items=scope.items | {node.target.name}, times=times))

    def _kind(self, node: nodes.Node, scope: _Scope) -> _Kind:
        self._count(node, scope.times)
        expression = self._expressions.get(type(node))
        if expression is None:
            _refuse_construct(node)
        return expression(node, scope)

    def _value(self, node: nodes.Node, scope: _Scope) -> _Kind:
        """As `_kind`, for places where a variable that was not given would leave a hole."""
        kind = self._kind(node, scope)
        if (
            isinstance(node, nodes.Name)
            and node.name not in scope.items | scope.given
            and self._variables[node.name].may_be_missing
        ):
            _refuse(node, f"`{node.name}` may be missing: give it a default, or put `if {node.name}` around this")
        return kind

    def _const(self, node: nodes.Const, _: _Scope) -> _Kind:
        match node.value:
            case bool():
                return _Kind.FLAG
            case str():
                return _Kind.WORD
            case int() | float() if abs(node.value) <= MAX_NUMBER:
                return _Kind.NUMBER
        return _refuse(node, f"a constant is a word, true, false or a number of at most {MAX_NUMBER:,}")

    def _name(self, node: nodes.Name, scope: _Scope) -> _Kind:
        if node.name in scope.items:
            return _Kind.TEXT
        variable = self._variables.get(node.name)
        if variable is None:
            _refuse(node, f"`{node.name}` is not declared under `variables`")
        kind = _KINDS[variable.type]
        if kind in (_Kind.TEXT, _Kind.LIST) and self._role != "user":
            _refuse(node, f"`{node.name}` is free text, which has its place in user messages only")
        self.used.add(node.name)
        return kind

    def _either(self, node: nodes.CondExpr, scope: _Scope) -> _Kind:
        self._kind(node.test, scope)
        if node.expr2 is None:
            _refuse(node, "an inline `if` needs its `else`")
        kinds = {self._value(node.expr1, scope.when(node.test)), self._value(node.expr2, scope)}
        if kinds == {_Kind.TEXT, _Kind.WORD}:
            return _Kind.TEXT
        if len(kinds) > 1:
            _refuse(node, "both sides of an inline `if` must be of one kind")
        return kinds.pop()

    def _filter(self, node: nodes.Filter, scope: _Scope) -> _Kind:
        if node.name not in ALLOWED_FILTERS or node.node is None:
            _refuse(node, f"the filter `{node.name}` is not one of: {', '.join(ALLOWED_FILTERS)}")
        if self._value(node.node, scope) is not _Kind.LIST:
            _refuse(node, "`join` takes a variable of type list")
        if node.kwargs or node.dyn_args or node.dyn_kwargs or not all(map(_is_separator, node.args)):
            _refuse(node, f"`join` takes a text of at most {MAX_SEPARATOR} characters")
        self._count(node, scope.times * self._max_items(node.node))
        return _Kind.TEXT

    def _not(self, node: nodes.Not, scope: _Scope) -> _Kind:
        self._kind(node.node, scope)
        return _Kind.FLAG

    def _logic(self, node: nodes.And | nodes.Or, scope: _Scope) -> _Kind:
        self._kind(node.left, scope)
        self._kind(node.right, scope.when(node.left) if isinstance(node, nodes.And) else scope)
        return _Kind.FLAG

    def _compare(self, node: nodes.Compare, scope: _Scope) -> _Kind:
        operand = node.ops[0]
        if len(node.ops) > 1:
            _refuse(node, "a comparison has two sides: join two of them with `and`")
        if operand.op in ("in", "notin"):
            self._membership(node, operand.expr, scope)
        elif operand.op in ("eq", "ne"):
            kinds = {self._kind(node.expr, scope), self._kind(operand.expr, scope)}
            if kinds not in ({_Kind.WORD}, {_Kind.NUMBER}):
                _refuse(node, "== compares an enum with a word, or two numbers")
            self._check_choice(node.expr, operand.expr)
        elif {self._value(node.expr, scope), self._value(operand.expr, scope)} != {_Kind.NUMBER}:
            _refuse(node, "<, <=, > and >= compare numbers")
        return _Kind.FLAG

    def _membership(self, node: nodes.Compare, words: nodes.Node, scope: _Scope) -> None:
        fits = isinstance(words, nodes.Tuple | nodes.List) and self._kind(node.expr, scope) is _Kind.WORD
        if not fits or any(self._kind(word, scope) is not _Kind.WORD for word in words.iter_child_nodes()):
            _refuse(node, '`in` looks for an enum in words: x in ("one", "two")')
        for word in words.iter_child_nodes():
            self._check_choice(node.expr, word)

    def _check_choice(self, left: nodes.Node, right: nodes.Node) -> None:
        if not isinstance(left, nodes.Name) or not isinstance(right, nodes.Const):
            return
        variable = self._variables[left.name]
        if isinstance(variable, EnumVariable) and right.value not in variable.choices:
            _refuse(right, f"{right.value!r} is no choice of `{left.name}`: {', '.join(variable.choices)}")

    def _arithmetic(self, node: nodes.BinExpr, scope: _Scope) -> _Kind:
        if {self._value(node.left, scope), self._value(node.right, scope)} != {_Kind.NUMBER}:
            _refuse(node, f"`{node.operator}` is for numbers")
        if isinstance(node, nodes.FloorDiv) and not (isinstance(node.right, nodes.Const) and node.right.value):
            _refuse(node, "`//` divides by a number written in the template, other than 0")
        if isinstance(node, nodes.Mul) and any(isinstance(side, nodes.BinExpr) for side in (node.left, node.right)):
            _refuse(node, "`*` has a variable or a number on each side")
        return _Kind.NUMBER

    def _max_items(self, node: nodes.Node) -> int:
        variable = self._variables[node.name] if isinstance(node, nodes.Name) else None
        return variable.max_items if isinstance(variable, ListVariable) else 1


def _given_if(test: nodes.Node) -> frozenset[str]:
    """The variables that are certainly given where `test` is true."""
    match test:
        case nodes.Name():
            return frozenset({test.name})
        case nodes.And():
            return _given_if(test.left) | _given_if(test.right)
    return frozenset()


def _always_prints(node: nodes.Node) -> bool:
    """Variables count as well: outside of `if`, only those stand that have a value."""
    if not isinstance(node, nodes.Output):
        return False
    return any(
        part.data.strip() if isinstance(part, nodes.TemplateData) else isinstance(part, nodes.Name | nodes.Filter)
        for part in node.nodes
    )


def _is_separator(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Const) and isinstance(node.value, str) and len(node.value) <= MAX_SEPARATOR


def _refuse_construct(node: nodes.Node) -> NoReturn:
    name = _IN_PLAIN_WORDS.get(type(node), type(node).__name__.lower())
    _refuse(node, f"{name} is not allowed; see docs/templates.md for what is")


def _refuse(node: nodes.Node, reason: str) -> NoReturn:
    raise TemplateError(f"line {node.lineno}: {reason}")
