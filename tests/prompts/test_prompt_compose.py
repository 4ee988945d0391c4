"""Brand first, then the template, then the client; and nothing at all when nothing is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import InvalidRequest, NotFound
from gateway.prompts import Composed, Library, compose

OWN: list[dict[str, Any]] = [{"role": "system", "content": "Mine."}, {"role": "user", "content": "Shorter."}]


def composed(library: Library, **asked: Any) -> Composed:
    defaults: dict[str, Any] = {"template": None, "version": None, "variables": {}, "brand": None, "messages": OWN}
    return compose(library, **{**defaults, "nonce": lambda: "4fe1c09a", **asked})


def test_nothing_asked_leaves_the_list_untouched(shipped: Library) -> None:
    assert composed(shipped).messages is OWN
    assert composed(shipped, version="2", variables={"x": 1}).messages is OWN


def test_the_order_is_brand_template_client(shipped: Library) -> None:
    result = composed(shipped, template="summary", variables={"text": "It rained."}, brand="harbour")
    assert [message["role"] for message in result.messages] == ["system", "system", "user", "system", "user"]
    assert result.messages[0]["content"].startswith("You write for Harbour & Pine.")
    assert "<text-4fe1c09a>\nIt rained.\n</text-4fe1c09a>" in result.messages[2]["content"]
    assert result.messages[3:] == OWN
    assert (result.template, result.template_version) == ("summary", "1")
    assert (result.brand, result.brand_version) == ("harbour", "1.0.0")


def test_a_brand_alone_precedes_the_clients_messages(shipped: Library) -> None:
    result = composed(shipped, brand="lumen")
    assert result.messages[1:] == OWN
    assert (result.template, result.template_version) == (None, None)


def test_a_template_alone_needs_no_messages(shipped: Library) -> None:
    result = composed(shipped, template="blog_post", version="1", variables={"topic": "Rain"}, messages=[])
    assert [message["role"] for message in result.messages] == ["system", "user"]
    assert (result.template_version, result.brand, result.brand_version) == ("1", None, None)


def test_the_clients_list_is_not_changed(shipped: Library) -> None:
    before = [dict(message) for message in OWN]
    composed(shipped, template="blog_post", variables={"topic": "Rain"}, brand="lumen")
    assert before == OWN


def test_the_nonce_is_drawn_once_and_only_for_a_template(shipped: Library) -> None:
    drawn: list[str] = []

    def nonce() -> str:
        drawn.append("4fe1c09a")
        return drawn[-1]

    composed(shipped, brand="lumen", nonce=nonce)
    assert drawn == []
    variables = {"product": "Bag", "version": "1", "changes": "fix: rain"}
    composed(shipped, template="release_notes", variables=variables, nonce=nonce)
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"template": "blog"}, "prompt.id"),
        ({"template": "blog_post", "version": "3"}, "prompt.version"),
        ({"brand": "lumens"}, "brand"),
    ],
)
def test_what_is_not_there_is_not_found(shipped: Library, asked: dict[str, Any], param: str) -> None:
    with pytest.raises(NotFound) as caught:
        composed(shipped, **asked)
    assert caught.value.param == param


def test_a_template_that_needs_a_brand_says_so(shipped: Library) -> None:
    with pytest.raises(InvalidRequest, match="needs a brand") as caught:
        composed(shipped, template="rewrite_in_brand_voice", variables={"text": "Hi"})
    assert caught.value.param == "brand"
    assert composed(shipped, template="rewrite_in_brand_voice", variables={"text": "Hi"}, brand="lumen").template


@pytest.mark.parametrize("layout", ["one message", "a message each"])
def test_a_prompt_over_its_limit_is_refused_in_plain_words(write: Callable[..., Path], layout: str) -> None:
    names = ["one", "two", "three"]
    declared = "\n".join(f"      {n}: {{type: text, title: T, max_length: 100000, required: true}}" for n in names)
    uses = [f"{{{{ {name} }}}}" for name in names]
    contents = ["".join(uses)] if layout == "one message" else uses
    messages = "\n".join(f"      - {{role: user, content: '{content}'}}" for content in contents)
    text = (
        "id: big\ntitle: B\ndescription: B\ncategory: b\ncurrent: 1\nversions:\n  - version: 1\n    notes: n\n"
        f"    variables:\n{declared}\n    messages:\n{messages}\n"
    )
    library = Library.load([write("a", big=text)])
    fits = dict.fromkeys(names, "x" * 80_000)
    assert composed(library, template="big", variables=fits).template == "big"
    with pytest.raises(InvalidRequest, match="longer than 256 KB") as caught:
        composed(library, template="big", variables=dict.fromkeys(names, "x" * 100_000))
    assert (caught.value.code, caught.value.param) == ("invalid_prompt_variables", "prompt.variables")
