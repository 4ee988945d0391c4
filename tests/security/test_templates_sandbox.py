"""Template injection: payloads are text when they come as variables, and refused when they come as templates.

Two walls stand one behind the other, and each is tested without the other: the check at load, and the sandbox.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

import gateway
from gateway.prompts.check import ALLOWED_FILTERS, TemplateError
from gateway.prompts.render import Sandbox, compile_message
from gateway.prompts.schema import Variable
from gateway.prompts.template import Version
from gateway.prompts.variables import validate_variables

DECLARATIONS: dict[str, dict[str, Any]] = {
    "line": {"type": "string", "max_length": 1000},
    "body": {"type": "text"},
    "number": {"type": "integer", "min": 0, "max": 100},
    "many": {"type": "list", "max_length": 1000},
}
VARIABLES: dict[str, Variable] = {
    name: TypeAdapter[Variable](Variable).validate_python({"title": name, "required": True, **declaration})
    for name, declaration in DECLARATIONS.items()
}
VALUES: dict[str, Any] = {"line": "x", "body": "x", "number": 7, "many": ["x"]}

# What reaches for Python behind the values: attributes, items, calls, names, filters, tests.
REACHING = [
    "{{ line.__class__ }}",
    "{{ line.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__base__.__subclasses__() }}",
    "{{ ().__class__.__bases__[0] }}",
    "{{ [].__class__.__mro__ }}",
    "{{ {}.__class__ }}",
    "{{ number.__class__.__init__.__globals__ }}",
    "{{ line['__class__'] }}",
    "{{ line['__cla' ~ 'ss__'] }}",
    "{{ line|attr('__class__') }}",
    "{{ line|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ (line|attr)('__class__') }}",
    "{{ many|map(attribute='__class__')|list }}",
    "{{ many|map('attr', '__class__')|list }}",
    "{{ many|map('upper')|list }}",
    "{{ many|groupby('__class__') }}",
    "{{ many|selectattr('__class__')|list }}",
    "{{ many|join('', attribute='__class__') }}",
    "{{ many|sort(attribute='__class__') }}",
    "{{ many|sum(start='') }}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum() }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ dict(a=1).__class__ }}",
    "{{ range(10) }}",
    "{{ range(1000000000)|join }}",
    "{{ line.format(line) }}",
    "{{ '{0.__class__}'.format(line) }}",
    "{{ '{0.__class__.__mro__[1].__subclasses__}'.format_map({'0': line}) }}",
    "{{ ('{0.__class__}'|attr('format'))(line) }}",
    "{{ '%s'|format(line) }}",
    "{{ line|format }}",
    "{{ line.encode() }}",
    "{{ line.upper() }}",
    "{{ line.join }}",
    "{{ many.append('x') }}",
    "{{ many.__setitem__(0, 'x') }}",
    "{{ many[0] }}",
    "{{ many.0 }}",
    "{{ many|first }}",
    "{{ many|tojson }}",
    "{{ many|pprint }}",
    "{{ many|xmlattr }}",
    "{{ line|safe }}",
    "{{ line|string }}",
    "{{ line|urlize }}",
    "{{ line|wordwrap(1) }}",
    "{{ line|indent(100000000) }}",
    "{{ line|center(100000000) }}",
    "{{ line|replace('x', 'xxxxxxxxxx') }}",
    "{{ line is callable }}",
    "{{ line is sameas line }}",
    "{{ line is filter }}",
    "{{ caller() }}",
    "{{ super() }}",
    "{{ loop.index }}",
    "{{ _ }}",
    "{{ __import__('os') }}",
    "{{ debug() }}",
    "{{ undefined_name }}",
    "{{ undefined_name.__class__ }}",
    "{% include '/etc/passwd' %}",
    "{% include line %}",
    "{% import 'os' as os %}",
    "{% from 'os' import popen %}",
    "{% extends '/etc/passwd' %}",
    "{% for item in line.__class__.__mro__ %}{{ item }}{% endfor %}",
    "{% for item in many %}{{ loop.__class__ }}{% endfor %}",
    "{% if line.__class__ %}x{% endif %}",
    "{% with x = line.__class__ %}{{ x }}{% endwith %}",
    "{% set x = line.__class__ %}{{ x }}",
    "{% filter upper %}x{% endfilter %}",
    "{% call line() %}{% endcall %}",
    "{% do many.append('x') %}",
    "{% debug %}",
    "{% trans %}x{% endtrans %}",
    "{{ line",
    "{% endfor %}",
]
# What would only cost time or memory.
HEAVY = [
    "{{ 9**9**9 }}",
    "{{ 2**99999999 }}",
    "{{ 'x' * 1000000000 }}",
    "{{ 1000000000 * 'x' }}",
    "{{ many * 1000000000 }}",
    "{{ [line] * 1000000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%(x)1000000000s' % {'x': 1} }}",
    "{{ line % 1 }}",
]
# What is harmless to a sandbox and refused all the same: constructs that no prompt needs.
NEEDLESS = [
    "{{ many[0:1] }}",
    "{% macro m() %}{{ m() }}{% endmacro %}x",
    "{% macro m(n) %}{% endmacro %}x",
    "{% block a %}x{% endblock %}",
    "{% set x = 'x' %}{% set x = x ~ x %}{{ x }}",
    "{% set x %}x{% endset %}{{ x }}",
    "{% autoescape true %}x{% endautoescape %}",
    "{{ line ~ line }}",
    "{{ 7 / 0 }}",
    "{{ 7 // 0 }}",
    "{{ {'a': 1} }}",
    "{{ (1, 2) }}",
    "{{ [1, 2] }}",
    "{{ none }}",
    "{{ -number }}",
    "{% for item in 1000000000 %}x{% endfor %}",
    "{% for item in number %}x{% endfor %}",
    "{% for item in [1, 2, 3] %}x{% endfor %}",
    "{% for a in many %}{% for b in many %}{% for c in many %}{% for d in many %}x" + "{% endfor %}" * 4,
    "{% for item in many recursive %}{{ loop(many) }}{% endfor %}",
]
PAYLOADS = [*REACHING, *HEAVY, *NEEDLESS]


def version() -> Version:
    source = "Line: {{ line }}\nItems: {{ many | join(', ') }}\nNumber: {{ number }}\n{{ body }}"
    messages = (compile_message("user", source, VARIABLES),)
    return Version("probe", "1", "", needs_brand=False, variables=VARIABLES, messages=messages)


def rendered(**given_values: Any) -> str:
    probe = version()
    return str(probe.render(validate_variables(probe, VALUES | given_values), "4fe1c09a")[0]["content"])


def test_the_corpus_is_large_enough() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 100


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_as_a_variable_comes_out_literally(payload: str) -> None:
    text = rendered(line=payload, body=payload, many=[payload, "x"])
    line, items, number, fence = text.split("\n", 3)
    assert json.loads(line.removeprefix("Line: ")) == payload
    assert json.loads(f"[{items.removeprefix('Items: ')}]") == [payload, "x"]
    assert number == "Number: 7"
    assert fence == f"<body-4fe1c09a>\n{payload}\n</body-4fe1c09a>"


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_a_payload_as_a_template_is_refused_at_load(payload: str, role: str) -> None:
    with pytest.raises(TemplateError):
        compile_message(role, f"Hello. {payload}", VARIABLES)


@pytest.mark.parametrize("payload", [*REACHING, *HEAVY])
def test_the_sandbox_alone_refuses_what_the_check_would(payload: str) -> None:
    with pytest.raises((jinja2.TemplateError, TypeError)):
        Sandbox().from_string(payload).render(VALUES)


def test_the_sandbox_has_nothing_to_start_from() -> None:
    sandbox = Sandbox()
    assert sandbox.globals == {}
    assert sandbox.tests == {}
    assert set(sandbox.filters) == ALLOWED_FILTERS == {"join"}
    assert sandbox.loader is None
    assert not sandbox.extensions
    assert sandbox.undefined is jinja2.StrictUndefined


def test_jinja_is_new_enough_for_its_known_holes() -> None:
    assert tuple(int(part) for part in jinja2.__version__.split(".")[:3]) >= (3, 1, 6)


def test_jinja_is_used_in_two_files_only() -> None:
    root = Path(gateway.__file__).parent
    importing = set()
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(module.split(".")[0] == "jinja2" for module in modules):
                importing.add(file.relative_to(root).as_posix())
    assert importing == {"prompts/check.py", "prompts/render.py"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from(["{{", "}}", "{%", "%}", "{#", "line", "x", " "])).map("".join))
def test_any_text_as_a_variable_is_never_read_as_a_template(text: str) -> None:
    body = rendered(body=f"7{text}7").split("<body-4fe1c09a>\n", 1)[1]
    for sign in ("{{", "}}", "{%", "%}", "{#"):
        assert body.count(sign) == text.count(sign)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["{{", "}}", "{%", "%}", "line", ".", "__class__", "(", ")", "[", "]", "|", "if", "for",
                                 "in", "many", "endfor", "endif", "'", "*", "9", "set", "=", " "]), max_size=25))  # fmt: skip
def test_any_text_as_a_template_is_refused_or_renders_plain_words(parts: list[str]) -> None:
    try:
        message = compile_message("user", "Hello. " + " ".join(parts), VARIABLES)
    except TemplateError:
        return
    text = message.render(VALUES, 256 * 1024)
    assert "class '" not in text
    assert "object at" not in text
