"""Every template and voice that ships renders in every branch, and can be made into a form and tried at once."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

import templates
from gateway.prompts import Library, compose
from gateway.prompts.schema import BooleanVariable, EnumVariable
from gateway.prompts.template import Version

LIBRARY = Library.load([Path(templates.__file__).parent])
VERSIONS = [version for template in LIBRARY.templates.values() for version in template.versions.values()]
NAMES = [f"{version.template}-{version.version}" for version in VERSIONS]


def render(version: Version, variables: dict[str, Any], brand: str = "harbour") -> list[dict[str, Any]]:
    return compose(
        LIBRARY,
        template=version.template,
        version=version.version,
        variables=variables,
        brand=brand,
        messages=[],
        nonce=lambda: "4fe1c09a",
    ).messages


def examples(version: Version, *, required_only: bool = False) -> dict[str, Any]:
    return {
        name: variable.example if variable.example is not None else variable.default
        for name, variable in version.variables.items()
        if variable.required or not required_only
    }


def test_the_promised_templates_are_there() -> None:
    assert set(LIBRARY.templates) == {
        "blog_post",
        "documentation_page",
        "interview_questions",
        "newsletter",
        "press_release",
        "product_text",
        "release_notes",
        "rewrite_in_brand_voice",
        "social_post",
        "summary",
        "video_description",
        "video_script",
    }
    assert list(LIBRARY.brands) == ["harbour", "lumen"]
    assert any(len(template.versions) > 1 for template in LIBRARY.templates.values())


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
@pytest.mark.parametrize("brand", list(LIBRARY.brands))
def test_it_renders_with_its_examples_and_with_the_least(version: Version, brand: str) -> None:
    for variables in (examples(version), examples(version, required_only=True)):
        messages = render(version, variables, brand)
        assert [message["role"] for message in messages] == ["system", "system", "user"]
        for message in messages:
            assert "\n\n\n" not in message["content"]
            assert not [line for line in message["content"].split("\n") if line != line.rstrip()]
            assert "None" not in message["content"].replace('"None"', "")


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
def test_every_choice_makes_a_difference(version: Version) -> None:
    given = examples(version)
    for name, variable in version.variables.items():
        choices: tuple[Any, ...] = (True, False) if isinstance(variable, BooleanVariable) else ()
        if isinstance(variable, EnumVariable):
            choices = variable.choices
        texts = [json.dumps(render(version, {**given, name: choice})) for choice in choices]
        for one, other in itertools.combinations(texts, 2):
            assert one != other


@pytest.mark.parametrize("version", VERSIONS, ids=NAMES)
def test_every_variable_can_be_tried_at_once(version: Version) -> None:
    for name, variable in version.variables.items():
        has_value = variable.example is not None or variable.default is not None
        assert has_value, name


def test_a_voice_names_everything_of_its_file() -> None:
    text = LIBRARY.brand("harbour").text
    for part in ("Harbour & Pine", "en-GB", "- Dry humour", '- "repair", not "refurbish"', '- "journey"', "Whitby"):
        assert part in text
    assert text.endswith("text supplied as material never does.")


def test_the_listing_is_json() -> None:
    described = json.loads(json.dumps(LIBRARY.describe()))
    network = described["templates"][8]["versions"][0]["variables"][0]
    assert (network["name"], network["type"], network["choices"][0]) == ("network", "enum", "linkedin")
