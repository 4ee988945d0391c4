"""Edits of a file as a person laid it out: what stays, what is quoted, where a new section goes, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import edit
from gateway.config.patches import Edit
from gateway.config.problems import ConfigError

MAIN, MORE = Path("config.yaml"), Path("more.yaml")
RULE = {
    "name": "short requests of team A",
    "when": {"team": "a", "input_tokens": {"max": 500}, "after": "18:00"},
    "use": {"group": "fast"},
}
FILE = """\
# The models.
model_list:
  - model_name: fast   # cheap
    litellm_params: {model: openai/x, api_key: sk-secret}

routing:  # which group
  policy: 'priority'
  # The first rule that fits counts.
  rules: []
  # rules:
  #   - name: drafts

# Bounds.
limits:
    rpm:   60   # a minute
    max_n: 4
server: {port: 4000}   # where
"""


def changed(text: str, *edits: Edit) -> str:
    return edit.edited({MAIN: text}, edits).files[MAIN]


def refused(*edits: Edit, text: str = FILE) -> str:
    with pytest.raises(ConfigError) as error:
        edit.edited({MAIN: text}, edits)
    [problem] = error.value.problems
    return str(problem)


def test_a_rule_is_put_into_an_empty_list_above_its_commented_example() -> None:
    assert changed(FILE, Edit("add", "/routing/rules/-", RULE)) == FILE.replace(
        "  rules: []\n",
        "  rules:\n"
        "    - name: short requests of team A\n"
        '      when: {team: a, input_tokens: {max: 500}, after: "18:00"}\n'
        "      use: {group: fast}\n",
    )


def test_a_value_is_replaced_where_it_stands() -> None:
    assert changed(FILE, Edit("replace", "/limits/rpm", 90)) == FILE.replace("rpm:   60   #", "rpm: 90   #")
    assert changed(FILE, Edit("replace", "/routing/policy", "it's")) == FILE.replace("'priority'", "'it''s'")


def test_new_keys_are_indented_as_their_neighbours() -> None:
    assert changed(FILE, Edit("add", "/limits/max_parallel", 3)) == FILE.replace(
        "    max_n: 4\n", "    max_n: 4\n    max_parallel: 3\n"
    )


def test_a_section_that_is_not_there_comes_last_after_a_blank_line() -> None:
    new = changed(FILE, Edit("add", "/groups", {"fast": {"fallbacks": ["smart", "best"]}}))
    assert new == FILE + "\ngroups:\n  fast: {fallbacks: [smart, best]}\n"
    bare = FILE.removesuffix("\n")
    assert changed(bare, Edit("add", "/cache/ttl", 60)) == FILE + "\ncache:\n  ttl: 60\n"


def test_a_section_that_was_appended_goes_without_a_trace() -> None:
    new = changed(FILE, Edit("add", "/cache/ttl", 60))
    assert changed(new, Edit("remove", "/cache")) == FILE


def test_a_section_is_taken_out_and_its_neighbours_stay() -> None:
    assert changed(FILE, Edit("remove", "/limits")) == FILE.replace(
        "limits:\n    rpm:   60   # a minute\n    max_n: 4\n", ""
    )


def test_a_file_without_a_last_line_end_stays_so() -> None:
    text = "model_list: []\nlimits:\n  rpm: 5"
    assert changed(text, Edit("replace", "/limits/rpm", 6)) == "model_list: []\nlimits:\n  rpm: 6"
    assert edit.replaced({MAIN: text}, {"limits": "limits: {rpm: 7}\n"}).files[MAIN].endswith("{rpm: 7}")


def test_line_ends_of_windows_stay() -> None:
    text = FILE.replace("\n", "\r\n")
    new = changed(text, Edit("add", "/routing/rules/0", RULE), Edit("add", "/queue", {"max_wait": 3}))
    assert new.count("\n") == new.count("\r\n") == FILE.count("\n") + 3 + 3
    whole = edit.replaced({MAIN: text}, {"routing": "routing:\n  policy: cost\n"}).files[MAIN]
    assert "routing:\r\n  policy: cost\r\n" in whole
    assert "\r" not in edit.parts({MAIN: text})["routing"].text


RULES = """\
routing:
  rules:
    # --- mornings ---
    - name: one  # the first
      when: {team: a}
      # why: because
      use: {group: x}

    # about two
    - name: "two"
      when: {team: b}
      use: {group: y}
    # about three
    - {name: three, when: {team: c}, use: {group: z}}  # in braces
    # the end
other: 1
"""


def test_a_rule_takes_its_comments_along_when_it_is_moved() -> None:
    assert changed(RULES, Edit("move", "/routing/rules/0", source="/routing/rules/2")) == RULES.replace(
        "    # about three\n    - {name: three, when: {team: c}, use: {group: z}}  # in braces\n", ""
    ).replace(
        "    - name: one",
        "    # about three\n    - {name: three, when: {team: c}, use: {group: z}}  # in braces\n    - name: one",
    )


def test_what_stands_above_a_rule_outlives_it() -> None:
    new = changed(RULES, Edit("remove", "/routing/rules/1"))
    assert new == RULES.replace('    - name: "two"\n      when: {team: b}\n      use: {group: y}\n', "").replace(
        "\n\n    # about two", "\n    # about two"
    )
    empty = changed(RULES, *[Edit("remove", "/routing/rules/0")] * 3)
    assert empty == (
        "routing:\n  rules: []\n    # --- mornings ---\n      # why: because\n"
        "    # about two\n    # about three\n    # the end\nother: 1\n"
    )


def test_a_rule_in_braces_stays_in_braces() -> None:
    edits = (Edit("add", "/routing/rules/2/when/after", "18:00"), Edit("replace", "/routing/rules/2/use/group", "w"))
    assert changed(RULES, *edits) == RULES.replace(
        "when: {team: c}, use: {group: z}", 'when: {team: c, after: "18:00"}, use: {group: w}'
    )


@pytest.mark.parametrize(
    "value", ["18:00", "yes", "off", "1e3", "12", "~", "", "a: b", "#x", "*", "<<", "é", "a\nb", "\x00"]
)
def test_texts_that_look_like_something_else_are_quoted(value: str) -> None:
    if value == "\x00":
        with pytest.raises(ConfigError, match="give no characters"):
            edit.edited({MAIN: FILE}, [Edit("add", "/groups", {"a": {value: value}})])
        return
    new = changed(FILE, Edit("add", "/groups", {value: {"policy": value}}))
    assert edit.parts({MAIN: new})["groups"].value == {value: {"policy": value}}
    assert value == "é" or f"{json.dumps(value)}: {{policy: {json.dumps(value)}}}" in new


def test_json_stays_json() -> None:
    data: dict[str, Any] = {"model_list": [{"model_name": "a 🙂"}], "routing": {"policy": "x", "rules": []}}
    for indent in (None, 2):
        text = json.dumps(data, indent=indent)
        new = changed(text, Edit("add", "/routing/rules/-", RULE), Edit("add", "/limits", {"rpm": 5}))
        assert json.loads(new) == {**data, "routing": {"policy": "x", "rules": [RULE]}, "limits": {"rpm": 5}}
        gone = changed(text, Edit("remove", "/routing"))
        assert json.loads(gone) == {"model_list": data["model_list"]}
        assert json.loads(edit.replaced({MAIN: text}, {"routing": "routing: {policy: cost}"}).files[MAIN])[
            "routing"
        ] == {"policy": "cost"}


def test_the_whole_text_of_a_section_is_taken_as_it_is() -> None:
    text = "routing:   # mine\n    rules: [ ]   # odd\n    # kept\n"
    new = edit.replaced({MAIN: FILE}, {"routing": text, "limits": ""}).files[MAIN]
    assert text in new
    assert "limits:" not in new
    assert new.startswith(FILE[: FILE.index("routing:")])
    assert new.endswith("\n# Bounds.\nserver: {port: 4000}   # where\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("limits:\n  rpm: 5\n", "the text is not this one section"),
        ("routing:\n  rules: []\nserver:\n  port: 1\n", "the text is not this one section"),
        ("# nothing but words\n", "the text is not this one section"),
        ("routing:\n  rules: [\n", "a closing bracket is missing"),
        ("routing: *x\n", r"a `\*name` without its `&name`"),
        ("routing: !!python/object:os.system {}\n", "a tag"),
        ("routing: {}\n---\nserver: {}\n", "a second document"),
        ("- routing\n", "not a list of `key: value` entries"),
    ],
)
def test_a_text_that_is_not_that_section_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        edit.replaced({MAIN: FILE}, {"routing": text})


def test_the_diff_shows_nothing_of_neighbours() -> None:
    result = edit.edited({MAIN: FILE}, [Edit("replace", "/limits/max_n", 5)])
    assert result.diff == (
        "--- config.yaml (limits), before\n+++ config.yaml (limits), after\n@@ -1,3 +1,3 @@\n"
        " limits:\n     rpm:   60   # a minute\n-    max_n: 4\n+    max_n: 5\n"
    )
    for whole in (FILE, f"{FILE}\nhealth: {{}}\n", FILE.replace("\n\n", "\n")):
        shown = [part.text for part in edit.parts({MAIN: whole}).values()]
        assert not any("secret" in text or "server" in text for text in shown)


def test_a_section_is_changed_in_the_file_that_has_it() -> None:
    texts = {MAIN: "include: more.yaml\nmodel_list: []\nrouting: {}\n", MORE: "limits:\n  rpm: 5\n"}
    result = edit.edited(texts, [Edit("replace", "/limits/rpm", 6), Edit("add", "/retry/attempts", 2)])
    assert result.files == {MORE: "limits:\n  rpm: 6\n", MAIN: f"{texts[MAIN]}\nretry:\n  attempts: 2\n"}
    assert (result.parts["limits"].file, result.parts["limits"].line) == (MORE, 1)


def test_a_section_of_several_files_is_refused_by_their_names() -> None:
    texts = {MAIN: "limits:\n  rpm: 5\n", MORE: "limits:\n  max_n: 5\n"}
    with pytest.raises(ConfigError, match=r"config.yaml:1:1: limits: stands in 2 files: config.yaml, more.yaml; "):
        edit.edited(texts, [Edit("replace", "/limits/rpm", 6)])


def test_anchors_in_a_section_are_refused_and_elsewhere_kept() -> None:
    text = FILE.replace("server: {port", "server: &s {port") + "stream: &t {x: 1}\ntimeouts: *t\n"
    assert "server: &s {port: 4000}" in changed(text, Edit("replace", "/limits/rpm", 6))
    assert "uses `&t` or `*t`, which edits cannot keep" in refused(Edit("add", "/timeouts/total", 6), text=text)
    merged = "x: &m {rpm: 5}\nlimits:\n  <<: *m\n  max_n: 3\n"
    assert "cannot keep" in refused(Edit("replace", "/limits/rpm", 6), text=merged)
    whole = edit.replaced({MAIN: merged}, {"limits": "limits: {rpm: 6}"}).files[MAIN]
    assert whole == "x: &m {rpm: 5}\nlimits: {rpm: 6}\n"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Edit("add", "/server/port", 1), "edits[0]: server: is no section that can be edited here"),
        (Edit("add", "/general_settings/master_key", "x"), "is no section that can be edited here"),
        (Edit("add", "/limit/rpm", 1), "did you mean `limits`?"),
        (Edit("add", "routing", 1), 'is no path; write it like "/routing/rules/0"'),
        (Edit("remove", "/limits/rps"), "limits.rps: is not there"),
        (Edit("remove", "/groups"), "groups: is not there"),
        (Edit("replace", "/routing/rules/0", {}), "is no place in this list; it has 0 entries"),
        (Edit("add", "/routing/rules/1", {}), "is no place in this list"),
        (Edit("add", "/routing/rules/01", {}), "is no place in this list"),
        (Edit("add", "/routing/policy/x", 1), "is below a single value"),
        (Edit("move", "/routing/rules", source="/routing"), "cannot be moved into itself"),
        (Edit("move", "/limits/rpm", source="/server/port"), "is no section that can be edited here"),
    ],
)
def test_an_impossible_edit_is_named(change: Edit, says: str) -> None:
    assert says in refused(change)


def test_comments_in_the_middle_of_braces_are_not_lost_silently() -> None:
    text = "routing:\n  rules: [\n    {name: a},  # first\n    {name: b}\n  ]\n"
    assert "would be lost; write the section's text as a whole" in refused(
        Edit("remove", "/routing/rules/0"), text=text
    )


def test_a_file_with_two_kinds_of_line_ends_is_refused() -> None:
    assert "two different ways" in refused(
        Edit("replace", "/limits/rpm", 6), text="model_list: []\r\nlimits:\n  rpm: 5\n"
    )


def test_a_file_with_a_mistake_of_its_own_is_refused_at_its_place() -> None:
    assert refused(Edit("replace", "/limits/rpm", 6), text="a: 1\nlimits: {}\na: 2\n").startswith(
        "config.yaml:3:1: a: the key"
    )


def test_names_with_slashes_are_written_with_an_escape() -> None:
    new = changed(FILE, Edit("add", "/groups/vendor~1house/fallbacks", ["a~b"]), Edit("add", "/groups/a~0b", {}))
    assert edit.parts({MAIN: new})["groups"].value == {"vendor/house": {"fallbacks": ["a~b"]}, "a~b": {}}


def test_the_shipped_file_takes_a_rule_and_gives_it_back() -> None:
    text = (Path(__file__).parents[2] / "config.yaml").read_text()
    new = changed(text, Edit("add", "/routing/rules/-", RULE))
    assert len(new.splitlines()) == len(text.splitlines()) + 3
    assert changed(new, Edit("remove", "/routing/rules/0")) == text
