"""Whatever the layout: an edited file means exactly the edited data, keeps its comments, and its other lines to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import edit
from gateway.config.alignment import same
from gateway.config.patches import Edit, applied
from gateway.config.positions import parse
from gateway.config.problems import Problem
from tests.config.edit_texts import KeyPath, files, rules, sections, values

FILE = Path("config.yaml")
datas = st.fixed_dictionaries(
    {
        "model_list": st.just([{"model_name": "a"}]),
        "routing": st.fixed_dictionaries({"rules": rules, "more": sections}),
    },
    optional={"limits": sections, "server": st.just({"port": 1})},
)


def plain(text: str) -> Any:
    problems: list[Problem] = []
    data = parse(text, "f", problems)
    assert problems == [], [str(each) for each in problems]
    return edit._plain(data)


def paths(value: Any, here: KeyPath = ()) -> list[KeyPath]:
    """Every place in the data."""
    if isinstance(value, dict):
        return [here, *(path for key, each in value.items() for path in paths(each, (*here, key)))]
    if isinstance(value, list):
        return [here, *(path for index, each in enumerate(value) for path in paths(each, (*here, index)))]
    return [here]


def at(value: Any, path: KeyPath) -> Any:
    for part in path:
        value = value[part]
    return value


def pointer(path: KeyPath) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def editable(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name in edit.EDITABLE}


def draw_edit(draw: Any, data: dict[str, Any]) -> tuple[Edit, KeyPath]:
    """An edit that is possible, and the place whose inside it may change."""
    known = [path for path in paths(editable(data)) if path]
    op = draw(st.sampled_from(["add", "append", "replace", "remove", "move"]))
    path = draw(st.sampled_from(known))
    if op == "append":
        into = draw(st.sampled_from([each for each in known if isinstance(at(data, each), dict | list)]))
        last: str | int = "-" if isinstance(at(data, into), list) else "new key"
        return Edit("add", pointer((*into, last)), draw(values)), (*into, last)
    if op == "add" and not isinstance(path[-1], int):
        op = "replace"
    if op == "move":
        count = len(data["routing"]["rules"])
        if count > 1:
            source, target = draw(st.integers(0, count - 1)), draw(st.integers(0, count - 1))
            return Edit("move", f"/routing/rules/{target}", source=f"/routing/rules/{source}"), ("no", "where")
        op = "remove"
    if op == "add":
        return Edit("add", pointer(path), draw(values)), ("no", "where")
    value = None if op == "remove" else draw(sections if len(path) == 1 else values)
    return Edit(op, pointer(path), value), path


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_edit_means_what_it_says_and_keeps_every_comment(data: st.DataObject) -> None:
    before = data.draw(datas)
    text, comments = data.draw(files(before))
    assert same(plain(text), before)
    change, inside = draw_edit(data.draw, before)
    result = edit.edited({FILE: text}, [change])
    after = result.files.get(FILE, text)
    wanted = before | applied(editable(before), [change])
    wanted = {name: value for name, value in wanted.items() if name not in edit.EDITABLE or not gone(change, name)}
    assert same(plain(after), wanted)
    kept = [comment for comment, path in comments.items() if path[: len(inside)] != inside]
    assert [comment for comment in kept if comment not in after] == []
    assert ("\r\n" in after) == ("\r\n" in text)
    assert after.count("\n") == after.count("\r\n") or "\r\n" not in after
    untouched(text, after, change.path.split("/")[1])


def gone(change: Edit, name: str) -> bool:
    return change.op == "remove" and change.path == f"/{name}"


def untouched(text: str, after: str, name: str) -> None:
    """What stands around the section's lines is the same to the byte."""
    normal, new = text.replace("\r\n", "\n"), after.replace("\r\n", "\n")
    part = edit.parts({FILE: text})[name]
    if part.line is None:
        assert new.startswith(normal)
    else:
        start, end = part.span
        assert new.startswith(normal[:start].rstrip("\n"))
        assert new.endswith(normal[end:])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_several_edits_are_made_one_after_the_other(data: st.DataObject) -> None:
    before = data.draw(datas)
    text, _ = data.draw(files(before))
    now, changes = editable(before), []
    for _ in range(data.draw(st.integers(2, 4))):
        if not any(isinstance(each, dict) for each in now.values()) or "rules" not in (now.get("routing") or ()):
            break
        if not isinstance(now["routing"]["rules"], list):
            break
        change, _ = draw_edit(data.draw, now)
        changes.append(change)
        now = applied(now, [change])
    after = edit.edited({FILE: text}, changes).files.get(FILE, text)
    assert same(editable(plain(after)), now)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_text_of_a_section_replaces_it_as_it_is(data: st.DataObject) -> None:
    before, new = data.draw(datas), {"limits": data.draw(sections)}
    text, _ = data.draw(files(before))
    given_text, _ = data.draw(files(new))
    result = edit.replaced({FILE: text}, {"limits": given_text})
    after = result.files.get(FILE, text)
    assert same(plain(after), before | new)
    assert given_text.replace("\r\n", "\n").strip("\n") in after.replace("\r\n", "\n")
    untouched(text, after, "limits")
