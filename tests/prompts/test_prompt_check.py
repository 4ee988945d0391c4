"""The little language of templates: what it has, what it refuses, and that what passes never fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gateway.prompts.check import MAX_WORK, TemplateError
from gateway.prompts.render import OversizeError, compile_message
from gateway.prompts.schema import Variable

DECLARATIONS: dict[str, dict[str, Any]] = {
    "line": {"type": "string", "required": True},
    "body": {"type": "text"},
    "words": {"type": "integer", "min": -5, "max": 5000, "required": True},
    "rate": {"type": "number", "min": 0, "max": 1},
    "flag": {"type": "boolean"},
    "pick": {"type": "enum", "choices": ["red", "green"], "required": True},
    "mood": {"type": "enum", "choices": ["calm", "loud"]},
    "many": {"type": "list", "max_items": 10, "required": True},
    "more": {"type": "list", "max_items": 100},
}
VARIABLES: dict[str, Variable] = {
    name: TypeAdapter[Variable](Variable).validate_python({"title": name, **declaration})
    for name, declaration in DECLARATIONS.items()
}
VALUES: dict[str, Any] = {
    "line": '"rain"',
    "body": "",
    "words": 100,
    "rate": None,
    "flag": True,
    "pick": "red",
    "mood": "",
    "many": ['"a"', '"b"'],
    "more": [],
}


def render(source: str, role: str = "user", limit: int = 10_000, **values: Any) -> str:
    return compile_message(role, source, VARIABLES).render(VALUES | values, limit)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("About {{ line }}.", 'About "rain".'),
        ("{{ words * 3 // 2 }} words, {{ words - 1 + 2 }}", "150 words, 101"),
        ("{{ many | join('; ') }}", '"a"; "b"'),
        ("{% for item in many %}- {{ item }}\n{% endfor %}.", '- "a"\n- "b"\n.'),
        ("x{% if body %}{{ body }}{% elif flag and words > 50 %}y{% else %}z{% endif %}", "xy"),
        ("{{ pick }}{% if pick == 'red' %}!{% endif %}{% if pick not in ('red', 'green') %}?{% endif %}", "red!"),
        ("x{% if rate and rate < 0.5 %}{{ rate }}{% endif %}", "x"),
        ("{{ 'on' if flag else 'off' }}.", "on."),
        ("{{ line if not mood else 'none' }}.", '"rain".'),
        ("{# unseen #}{% raw %}{{ line }}{% endraw %}", "{{ line }}"),
        ("  x\n  {% if flag %}\n  y\n  {% endif %}\n", "x\n  y"),
    ],
)
def test_the_language_has_what_prompts_need(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ lin }}", "`lin` is not declared"),
        ("x{{ body }}", "`body` may be missing"),
        ("x{{ rate * 2 }}", "`rate` may be missing"),
        ("x{% if rate > 0.5 %}y{% endif %}", "`rate` may be missing"),
        ("x{{ more | join(', ') }}", "`more` may be missing"),
        ("x{% if body or flag %}{{ body }}{% endif %}", "`body` may be missing"),
        ("x{% if rate or rate > 0.5 %}y{% endif %}", "`rate` may be missing"),
        ("x{% if body %}y{% else %}{{ body }}{% endif %}", "`body` may be missing"),
        ("x{{ many }}", "a list is printed with `join`"),
        ("x{{ flag }}", "true and false are not printed"),
        ("x{{ 'a' if flag }}", "needs its `else`"),
        ("x{{ 'a' if flag else 5 }}", "of one kind"),
        ("{% if flag %}x{% endif %}", "could come out empty"),
        ("x{% if pick == 'blue' %}y{% endif %}", "'blue' is no choice of `pick`"),
        ("x{% if pick in ('red', 'blue') %}y{% endif %}", "'blue' is no choice of `pick`"),
        ("x{% if pick in many %}y{% endif %}", "`in` looks for an enum in words"),
        ("x{% if line == 'rain' %}y{% endif %}", "== compares"),
        ("x{% if pick == words %}y{% endif %}", "== compares"),
        ("x{% if line > 'a' %}y{% endif %}", "compare numbers"),
        ("x{% if 1 < words < 5 %}y{% endif %}", "two sides"),
        ("{{ words // 0 }}", "other than 0"),
        ("{{ 5 // words }}", "other than 0"),
        ("{{ line * 3 }}", "`*` is for numbers"),
        ("{{ words * words * words }}", "`*` has a variable or a number on each side"),
        ("{{ line + line }}", "`+` is for numbers"),
        ("{{ 9999999999 }}", "a constant is"),
        ("{{ none }}", "a constant is"),
        ("{{ many | join(line) }}", "`join` takes a text"),
        ("{{ many | join('" + "-" * 17 + "') }}", "at most 16 characters"),
        ("{{ many | join(attribute='x') }}", "`join` takes a text"),
        ("{{ line | join }}", "`join` takes a variable of type list"),
        ("{{ line | upper }}", "the filter `upper` is not one of: join"),
        ("x{% for item in line %}y{% endfor %}", "goes over a variable of type list"),
        ("x{% for item in 5 %}y{% endfor %}", "goes over a variable of type list"),
        ("x{% for a, b in many %}y{% endfor %}", "one item variable"),
        ("x{% for line in many %}y{% endfor %}", "a name of its own"),
        ("x{% for a in many %}{% for a in more %}y{% endfor %}{% endfor %}", "a name of its own"),
        ("x{% for a in many if flag %}y{% endfor %}", "a `for` has no `if`"),
        ("x{% for a in many recursive %}y{% endfor %}", "a `for` has no `if`"),
        ("x{% for a in many %}{% endfor %}{{ a }}", "`a` is not declared"),
        ("x{% for a in many %}{{ loop }}{% endfor %}", "`loop` is not declared"),
        ("one\ntwo\n{{ lin }}", "line 3: "),
        ("x{% if flag %}", "line 1: "),
    ],
)
def test_what_it_refuses_is_told_with_the_line(source: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_message("user", source, VARIABLES)
    assert told in str(caught.value)


@pytest.mark.parametrize("role", ["system", "assistant"])
@pytest.mark.parametrize(
    "use", ["{{ line }}", "{% if line %}y{% endif %}", "{{ many | join }}", "{% for a in many %}{{ a }}{% endfor %}"]
)
def test_free_text_has_no_use_outside_of_user_messages(role: str, use: str) -> None:
    with pytest.raises(TemplateError, match="its place in user messages only"):
        compile_message(role, f"x{use}", VARIABLES)
    assert render("{{ words }} {{ pick }}{% if flag %}!{% endif %}", role) == "100 red!"


def test_the_work_of_the_worst_case_is_bounded_at_load() -> None:
    inner = "{% for b in more %}{% for c in more %}{{ c }}{% endfor %}{% endfor %}"
    with pytest.raises(TemplateError, match="too much work"):
        compile_message("user", f"x{inner}", VARIABLES)
    with pytest.raises(TemplateError, match="too much work"):
        compile_message("user", "x" + "{% for a in more %}{{ a }}{% endfor %}" * 150, VARIABLES)


def test_the_heaviest_template_that_passes_makes_few_steps() -> None:
    source = "x" + "{% for a in more %}{{ a }}{{ a }}{% endfor %}" * 48
    message = compile_message("user", source, VARIABLES)
    steps = list(message._compiled.generate(VALUES | {"more": ["y"] * 100}))
    assert 9_000 < len(steps) <= MAX_WORK


def test_output_is_cut_off_while_it_grows() -> None:
    source = "x{% for a in more %}{{ a }}{% endfor %}"
    assert len(render(source, more=["é" * 40] * 100, limit=8_001)) == 4_001
    with pytest.raises(OversizeError):
        render(source, more=["é" * 40] * 100, limit=8_000)


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
        "{{ " + "not " * 3_000 + "flag }}",
        "{{ " + "1 + " * 3_000 + "1 }}",
        "x{% if " + "flag and " * 1_500 + "flag %}{% endif %}",
        "{% if flag %}" * 900 + "x" + "{% endif %}" * 900,
        "{{ many" + " | join" * 1_500 + " }}",
    ],
)
def test_deep_nesting_is_refused_not_followed(source: str) -> None:
    with pytest.raises(TemplateError, match="nested too deeply"):
        compile_message("user", source, VARIABLES)


ATOMS = [
    "line",
    "body",
    "words",
    "rate",
    "flag",
    "pick",
    "mood",
    "many",
    "more",
    "item",
    "1",
    "0",
    "2.5",
    "'red'",
    "true",
]
OPERATORS = ["+", "-", "*", "//", "<", ">=", "==", "!=", "and", "or"]
expressions = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("(not {})".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("{} | join(', ')".format, inner),
        st.builds("{} in ('red', {})".format, inner, inner),
    ),
    max_leaves=5,
)
sources = st.recursive(
    st.builds("x{{{{ {} }}}}".format, expressions),
    lambda inner: st.one_of(
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, expressions, inner, inner),
        st.builds("{{% for item in {} %}}{}{{% endfor %}}".format, st.sampled_from(["many", "more"]), inner),
        st.builds("{}{}".format, inner, inner),
    ),
    max_leaves=4,
)
quoted = st.text(max_size=20).map(repr)
values = st.fixed_dictionaries(
    {
        "line": quoted,
        "body": st.just("") | quoted,
        "words": st.integers(-5, 5000),
        "rate": st.none() | st.floats(0, 1),
        "flag": st.booleans(),
        "pick": st.sampled_from(["red", "green"]),
        "mood": st.sampled_from(["", "calm", "loud"]),
        "many": st.lists(quoted, min_size=1, max_size=10),
        "more": st.lists(quoted, max_size=100),
    }
)


@settings(max_examples=300, deadline=None)
@given(sources, values)
def test_a_template_that_passes_never_fails(source: str, given_values: dict[str, Any]) -> None:
    try:
        message = compile_message("user", f"x{source}", VARIABLES)
    except TemplateError:
        return
    assert message.render(given_values, 256 * 1024).startswith("x")
