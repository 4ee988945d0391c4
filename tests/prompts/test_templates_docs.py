"""`docs/templates.md` is true: its keys are the models' keys, its files load, its snippet runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import httpx
import openai
import pytest
from pydantic import BaseModel

from gateway.prompts import Library, LibraryError, compose, schema
from gateway.prompts.check import ALLOWED_FILTERS

DOCS = Path(__file__).parents[2] / "docs" / "templates.md"
TEXT = DOCS.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    section = TEXT.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:2] == "| "]


def documented(heading: str) -> list[str]:
    return [row[0].strip("`") for row in rows(heading)[1:]]


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("Keys of a template", schema.TemplateSpec),
        ("Keys of a version", schema.VersionSpec),
        ("Keys of a message", schema.MessageSpec),
        ("Keys of a brand", schema.BrandSpec),
        ("Keys of a vocabulary", schema.Vocabulary),
    ],
)
def test_every_key_is_documented_and_every_documented_key_exists(heading: str, model: type[BaseModel]) -> None:
    assert sorted(documented(heading)) == sorted(model.model_fields)


def test_every_key_of_every_variable_type_is_documented_for_that_type() -> None:
    by_type = {get_args(model.model_fields["type"].annotation)[0]: model for model in schema.VARIABLES}
    [kinds] = [row[2] for row in rows("Keys of a variable") if row[0] == "`type`"]
    assert set(by_type) <= set(re.findall(r"`(\w+)`", kinds))
    for name, model in by_type.items():
        keys = [
            row[0].strip("`") for row in rows("Keys of a variable")[1:] if row[1] == "all" or name in row[1].split(", ")
        ]
        assert sorted(keys) == sorted(model.model_fields)


def test_the_only_filter_is_the_documented_one() -> None:
    assert {"join"} == ALLOWED_FILTERS
    assert "It is the only filter" in TEXT


def test_the_example_files_load_and_render(write: Callable[..., Path]) -> None:
    template, brand = (text for text in fenced("yaml") if text.startswith("id: "))
    folder = write("docs", event_notice=template)
    write("docs", "brands", corner_bakery=brand)
    library = Library.load([folder])
    messages = compose(
        library,
        template="event_notice",
        version=None,
        variables={"event": 'How to say "no"', "details": "Thursday.", "place": "online"},
        brand="corner_bakery",
        messages=[],
        nonce=lambda: "5f0c",
    ).messages
    assert '"bread", not "bakery product"' in messages[0]["content"]
    assert "from home" in messages[1]["content"]
    assert r'"How to say \"no\""' in messages[2]["content"]
    assert "<details-5f0c>\nThursday.\n</details-5f0c>" in messages[2]["content"]


def test_the_sdk_snippet_sends_what_the_library_takes(monkeypatch: pytest.MonkeyPatch, shipped: Library) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        message = {"role": "assistant", "content": "# Bread"}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return httpx.Response(
            200, json={"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
        )

    real = openai.OpenAI

    def client(**options: Any) -> openai.OpenAI:
        return real(**options, http_client=httpx.Client(transport=httpx.MockTransport(answer)))

    monkeypatch.setattr(openai, "OpenAI", client)
    [snippet] = fenced("python")
    names: dict[str, Any] = {}
    exec(compile(snippet.replace("sk-…", "sk-test"), str(DOCS), "exec"), names)  # our own page
    assert names["answer"].choices[0].message.content == "# Bread"
    names["client"].close()

    [request] = sent
    prompt = json.loads(request.content)["prompt"]
    messages = compose(
        shipped,
        template=prompt["id"],
        version=prompt["version"],
        variables=prompt["variables"],
        brand=request.headers["x-atelier-brand"],
        messages=json.loads(request.content)["messages"],
        nonce=lambda: "5f0c",
    ).messages
    assert "about 700 words" in messages[-1]["content"]
    assert '"bakery planning", "weekly production plan"' in messages[-1]["content"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "required: true",
            "requird: true",
            "versions[0].variables.topic.requird: unknown key; did you mean `required`?",
        ),
        ("{{ topic }}", "{{ tpic }}", "`tpic` is not declared under `variables`"),
    ],
)
def test_problems_are_told_as_shown(write: Callable[..., Path], minimal: str, old: str, new: str, told: str) -> None:
    assert told in TEXT
    with pytest.raises(LibraryError, match=re.escape(told)):
        Library.load([write("a", note=minimal.replace(old, new))])
