"""Jinja's run time behind one door: compiles the messages of a template and renders them with prepared values.

Two walls. `check` lets only templates in that cannot fail or take long; behind it stands Jinja's sandbox, here
without attributes, items and calls. Raises `TemplateError` at load; at run time only `OversizeError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jinja2
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gateway.prompts.check import ALLOWED_FILTERS, TemplateError, check
from gateway.prompts.schema import Variable


class OversizeError(ValueError):
    """A rendering that passed its limit; nothing of it is kept."""


class Sandbox(ImmutableSandboxedEnvironment):
    """The second wall. Values are strings, numbers and lists of strings, so nothing needs what is refused here."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self) -> None:
        # Autoescaping is for HTML; this is plain text for a model.
        super().__init__(
            undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False, cache_size=0
        )
        self.globals.clear()
        self.filters = {name: FILTERS[name] for name in ALLOWED_FILTERS}
        self.tests = {}

    def getattr(self, obj: Any, attribute: str) -> NoReturn:
        raise SecurityError(f"attribute {attribute!r} of {type(obj).__name__}: templates have no attributes")

    def getitem(self, obj: Any, argument: Any) -> NoReturn:
        raise SecurityError(f"item {argument!r} of {type(obj).__name__}: templates have no items")

    def call(self, *_: Any, **__: Any) -> NoReturn:
        raise SecurityError("templates call nothing")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - Jinja's signature
        if operator == "*" and isinstance(left, int | float) and isinstance(right, int | float):
            return left * right
        raise SecurityError(f"{operator!r} is for numbers, and only for multiplying them")


_SANDBOX = Sandbox()


@dataclass(frozen=True, slots=True)
class Message:
    """One compiled message. `names` are the variables it uses."""

    role: str
    names: frozenset[str]
    _compiled: jinja2.Template = field(repr=False)

    def render(self, values: Mapping[str, Any], limit: int) -> str:
        """The text, of at most `limit` bytes in UTF-8, else `OversizeError`. `values` has all `names`, prepared."""
        parts: list[str] = []
        for part in self._compiled.generate(values):
            limit -= len(part.encode())
            if limit < 0:
                raise OversizeError
            parts.append(part)
        return "".join(parts).strip()


def compile_message(role: str, source: str, variables: Mapping[str, Variable]) -> Message:
    """Check and compile. Raises `TemplateError` for anything but the few constructs of `docs/templates.md`."""
    try:
        tree = _SANDBOX.parse(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise TemplateError("is nested too deeply") from None
    names = check(tree, role, variables)
    return Message(role, names, _SANDBOX.from_string(tree))
