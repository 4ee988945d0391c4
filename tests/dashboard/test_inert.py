"""Other people's text does nothing in Streamlit's Markdown."""

from __future__ import annotations

import time

import pytest

from dashboard import inert

BLANK = "\u200b"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 3.5 % and (brackets)", "plain words, 3.5 % and (brackets)"),
        ("<img src=x onerror=alert(1)>", r"\<img src=x onerror=alert(1)\>"),
        ("![p](http://evil/x)", rf"!\[p\](http{BLANK}://evil/x)"),
        ("ann@example.org or WWW.evil.org", f"ann{BLANK}@example.org or WWW{BLANK}.evil.org"),
        ("costs $5 and $6", r"costs \$5 and \$6"),
        (":red[x] :material/home: 10:30", r"\:red\[x\] \:material/home: 10:30"),
        ("*a* _b_ `c` ~d~ a|b", r"\*a\* \_b\_ \`c\` \~d\~ a\|b"),
        ("two\nlines\n\n# and", "two lines # and"),
        ("# head", r"\# head"),
        ("1. list", r"1\. list"),
        ("12) list", r"12\) list"),
        ("- list", r"\- list"),
        ("a -- b -> c", r"a \-- b \-\> c"),
        ("&lt;b&#62; A & B", r"\&lt;b\&#62; A & B"),
        ("back\\slash", "back\\\\slash"),
    ],
)
def test_plain_text_is_shown_as_it_is_written(text, shown):
    assert inert.plain(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# A *title*\n\n- one\n- two\n", "# A *title*\n\n- one\n- two\n"),
        ("from $5 to $9", r"from \$5 to \$9"),
        (r"already \$5", r"already \$5"),
        ("say :red[x] and https://a.b/c at 10:30", r"say \:red[x] and https://a.b/c at 10:30"),
        ("code `$a :b` stays", "code `$a :b` stays"),
        ("``a ` $b`` $c", r"``a ` $b`` \$c"),
        ("a ` alone $5", r"a ` alone \$5"),
        ("`open\n\n$5` closed", "`open\n\n\\$5` closed"),
        (r"\`no code $5\`", r"\`no code \$5\`"),
        ("```\n$x :y\n```\n$z", "```\n$x :y\n```\n\\$z"),
        ("~~~~\n~~~\n$x\n~~~~\n$z", "~~~~\n~~~\n$x\n~~~~\n\\$z"),
        ("```\n$x", "```\n$x"),
    ],
)
def test_a_document_keeps_its_marks_and_its_code(text, shown):
    assert inert.document(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "![a](http://evil/a.png)",
        "![a][ref]\n\n[ref]: http://evil/a.png",
        "`![a](http://evil/a.png)`",
        "\\`![a](http://evil/a.png)\\`",
        "```\n![a](http://evil/a.png)\n```",
        "!![![a](http://evil/a.png)](http://evil)",
    ],
)
def test_no_picture_is_left_anywhere(text):
    assert "![" not in inert.document(text)
    assert inert.document(text).replace(BLANK, "") == text


@pytest.mark.parametrize(
    "bad", ["`" * 100_000, "` `` " * 20_000, "$:a" * 33_000, "![ " * 33_000, "".join("`" * n + " " for n in range(440))]
)
def test_a_hostile_text_costs_no_more_than_another(bad):
    started = time.process_time()
    inert.document(bad)
    inert.plain(bad)
    assert time.process_time() - started < 1.0


def test_words_between_single_backticks_are_code_and_everything_else_stays_text():
    assert inert.worded("did you mean `a_b`? **no**") == r"did you mean `a_b`? \*\*no\*\*"
    assert inert.worded("`<img src=x>` $x$ `![p](http://x)`") == r"`<img src=x>` \$x\$ `![p](http://x)`"
    assert inert.worded("one ` alone <b>") == inert.plain("one ` alone <b>")
    assert inert.worded("none `` here") == inert.plain("none `` here")
