"""Loading: what is good is found, what is bad is told with file and key, all of it at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import NotFound
from gateway.prompts import Library, LibraryError
from gateway.prompts.library import NOTICE

Write = Callable[..., Path]
BRAND = "{id: acme, name: Acme, version: 1, description: A maker of anvils., language: en, tone: [Loud]}"


def problems_of(*paths: Path) -> str:
    with pytest.raises(LibraryError) as caught:
        Library.load(paths)
    return "\n".join(caught.value.problems)


def test_a_template_is_found_by_id_and_version(write: Write, minimal: str) -> None:
    library = Library.load([write("a", note=minimal)])
    assert library.template("note").version == "1"
    assert library.template("note", "1") is library.template("note")


def test_a_later_path_adds_and_replaces_by_id(write: Write, minimal: str) -> None:
    first = write("a", note=minimal, memo=minimal.replace("id: note", "id: memo"))
    second = write("b", note=minimal.replace("title: Note", "title: Ours"))
    library = Library.load([first, second])
    assert {name: template.title for name, template in library.templates.items()} == {"memo": "Note", "note": "Ours"}


def test_a_folder_may_have_brands_only(write: Write) -> None:
    assert Library.load([write("a", "brands", acme=BRAND)]).brand("acme").version == "1"


def test_nothing_of_a_loaded_library_can_be_changed(write: Write, minimal: str) -> None:
    library = Library.load([write("a", note=minimal)])
    with pytest.raises(TypeError):
        library.templates["x"] = library.templates["note"]  # type: ignore[index]
    with pytest.raises(TypeError):
        library.template("note").variables["x"] = None  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        library.template("note").version = "2"  # type: ignore[misc]


def test_an_unknown_template_is_told_with_near_names(write: Write, minimal: str) -> None:
    library = Library.load([write("a", note=minimal)])
    with pytest.raises(NotFound, match="did you mean note") as caught:
        library.template("notes")
    assert (caught.value.param, caught.value.code) == ("prompt.id", "not_found")
    with pytest.raises(NotFound, match="there are: 1") as caught:
        library.template("note", "99")
    assert caught.value.param == "prompt.version"
    with pytest.raises(NotFound, match="there are: none") as caught:
        library.brand("acme")
    assert caught.value.param == "brand"


def test_an_unknown_name_is_not_echoed_at_length(write: Write, minimal: str) -> None:
    library = Library.load([write("a", note=minimal)])
    with pytest.raises(NotFound) as caught:
        library.template("x" * 10_000)
    assert len(caught.value.message) < 200


def test_every_problem_of_every_file_is_told_at_once(write: Write, minimal: str, tmp_path: Path) -> None:
    one = write("a", note=minimal.replace("required: true", "requird: true"))
    write("a", "brands", acme=BRAND.replace("tone", "tones"))
    told = problems_of(one, tmp_path / "nowhere")
    assert "prompts/note.yaml: versions[0].variables.topic.requird: unknown key; did you mean `required`?" in told
    assert "brands/acme.yaml: tone: is required" in told
    assert "nowhere: has no folder `prompts` or `brands`" in told


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("id: note", "id: other", "id: is 'other', but the file's name says 'note'"),
        ("id: note", "id: Note!", "id: must match"),
        ("current: 1", "current: 1.0", "current: a version is a whole number or a quoted string"),
        ("current: 1", "current: 7", "`current` is 7, but the versions are 1"),
        ("type: string", "type: strin", "versions[0].variables.topic: type must be one of 'string', 'text'"),
        ("type: string, ", "", "versions[0].variables.topic: type is required"),
        ("title: Topic, ", "", "versions[0].variables.topic.title: is required"),
        ("topic: {", "Topic: {", "versions[0].variables.Topic"),
        ("required: true", "required: true, default: x", "a required variable has no default"),
        ("required: true", "default: ''", "topic.default: is empty; take it away"),
        ("required: true", "default: <s>", "topic.default: is empty; take it away"),
        ("required: true", "default: long, max_length: 2", "topic.default: is too long: 4 characters"),
        ("role: system", "role: tool", "versions[0].messages[0].role: Input should be 'system', 'user' or 'assistant'"),
        ("{{ topic }}", "{{ subject }}", "messages[1].content: line 1: `subject` is not declared"),
        ("{{ topic }}", "it", "versions[0].variables.topic: is declared, but no message uses it"),
        ("{{ topic }}", "{{ topic", "messages[1].content: line 1: "),
        ("You write notes.", "'{{ topic }}'", "`topic` is free text, which has its place in user messages only"),
        ("category: test", "category: test\ncategory: twice", "line 5: found duplicate key"),
        ("id: note", "- id: note", "line 2: "),
    ],
)
def test_a_problem_names_file_key_and_what_is_expected(
    write: Write, minimal: str, old: str, new: str, told: str
) -> None:
    assert old in minimal
    problems = problems_of(write("a", note=minimal.replace(old, new, 1)))
    assert "prompts/note.yaml: " in problems
    assert told in problems


def test_a_fault_inside_a_list_is_told_once(write: Write, minimal: str) -> None:
    assert problems_of(write("a", note=minimal.replace("role: user", "role: usr"))).count("\n") == 0


@pytest.mark.parametrize(
    ("declaration", "told"),
    [
        ("{type: integer, title: T, min: 5, max: 3, required: true}", "`min` must not be greater than `max`"),
        ("{type: integer, title: T, min: 0, max: 9, default: 12}", "topic.default: must be a whole number from 0 to 9"),
        ("{type: integer, title: T, required: true}", "topic.min: is required"),
        ("{type: number, title: T, min: 0, max: .inf, required: true}", "topic.max"),
        ("{type: enum, title: T, choices: [a, a], required: true}", "'a' stands twice in `choices`"),
        ("{type: enum, title: T, choices: [a, b], default: c}", "topic.default: must be one of: a, b"),
        ("{type: list, title: T, max_items: 1, example: [a, b], required: true}", "topic.example: has 2 items"),
        ("{type: list, title: T, max_items: 1000, required: true}", "topic.max_items"),
        ("{type: text, title: T, max_length: 1000000, required: true}", "topic.max_length"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_told(write: Write, minimal: str, declaration: str, told: str) -> None:
    text = minimal.replace("{type: string, title: Topic, required: true}", declaration)
    assert told in problems_of(write("a", note=text))


@pytest.mark.parametrize(
    "text", ["", "just words", "a: [1", "\x00", "a: !!python/object/apply:os.system [id]", "a: " + "[" * 9_000]
)
def test_a_file_that_is_no_mapping_is_told(write: Write, text: str) -> None:
    assert "prompts/note.yaml: " in problems_of(write("a", note=text))


def test_a_file_with_the_other_ending_is_not_passed_over_in_silence(write: Write, minimal: str) -> None:
    folder = write("a", note=minimal)
    (folder / "prompts" / "memo.yml").write_text(minimal)
    assert "prompts/memo.yml: is not read; let its name end in .yaml" in problems_of(folder)


def test_a_huge_file_is_not_read(write: Write, minimal: str) -> None:
    assert "is larger than 512 KB" in problems_of(write("a", note=minimal + "#" * 600_000))


def test_a_template_with_free_text_says_what_it_is(write: Write, minimal: str) -> None:
    user_only = minimal.replace("      - {role: system, content: You write notes.}\n", "")
    library = Library.load([write("a", note=minimal, memo=user_only.replace("id: note", "id: memo"))])
    values = {"topic": "rain"}
    assert library.template("note").render(values, "n0")[0]["content"] == f"You write notes.\n\n{NOTICE}"
    memo = library.template("memo").render(values, "n0")
    assert [(message["role"], message["content"]) for message in memo] == [
        ("system", NOTICE),
        ("user", 'A note about "rain".'),
    ]


def test_a_fault_is_counted_from_the_messages_of_the_file(write: Write, minimal: str) -> None:
    text = minimal.replace("      - {role: system, content: You write notes.}\n", "").replace("topic }}.", "topc }}.")
    assert "versions[0].messages[0].content: line 1: `topc`" in problems_of(write("a", note=text))


def test_the_description_lists_what_a_form_needs(write: Write, minimal: str) -> None:
    folder = write("a", note=minimal)
    write("a", "brands", acme=BRAND)
    described = Library.load([folder]).describe()
    assert described["brands"] == [
        {"id": "acme", "name": "Acme", "version": "1", "description": "A maker of anvils.", "language": "en"}
    ]
    [template] = described["templates"]
    assert (template["id"], template["current"]) == ("note", "1")
    [version] = template["versions"]
    assert version["variables"] == [
        {"name": "topic", "type": "string", "title": "Topic", "description": "", "required": True, "max_length": 200}
    ]
