r"""Makes other people's text safe to hand to Streamlit, which reads Markdown almost everywhere.

`plain` shows a text as it is written; `document` keeps Markdown's own marks, for a model's answer. In both, HTML stays
text, a picture is never loaded (its address could carry data away), `$` is no formula and `:word[…]` no directive.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict

_MARKS = re.compile(r"[\\`*_\[\]<>~$|]|:(?=[A-Za-z+_-])|&(?=[#A-Za-z])|-(?=[->])|^(?:[#+=-]|\d+[.)])")
_LINKS = re.compile(r"@|://|(?<=www)\.", re.IGNORECASE)  # what makes Markdown see an address in bare words
_TICKS = re.compile(r"(?<!\\)`+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIVE = re.compile(r"(?<!\\)(?:\$|:(?=[A-Za-z+_-]))")
_NO_WIDTH = "\u200b"  # a blank without width, where a backslash would be shown or would not help
_NO_PICTURE = f"!{_NO_WIDTH}["


def plain(text: object) -> str:
    """The same text, on one line, wherever Streamlit reads Markdown. An address in it is no link."""
    words = _LINKS.sub(f"{_NO_WIDTH}\\g<0>", " ".join(str(text).split()))
    return _MARKS.sub(_escaped, words)


def worded(text: object) -> str:
    """The same text on one line, with what stands between single backticks as code."""
    line = " ".join(str(text).split())
    parts = line.split("`")
    if len(parts) % 2 == 0 or not all(parts[1::2]):
        return plain(line)
    return "".join(f"`{part}`" if odd % 2 else _spaced(part) for odd, part in enumerate(parts))


def _spaced(text: str) -> str:
    """`plain`, with the blanks at the ends."""
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :] if text.strip() else ""
    return f"{before}{plain(text)}{after}"


def document(text: str) -> str:
    """A whole text in Markdown. In code only pictures are taken apart, in case it is no code."""
    out: list[str] = []
    prose: list[str] = []
    fence = ""
    for line in text.replace("![", _NO_PICTURE).splitlines(keepends=True):
        mark = _FENCE.match(line)
        if fence:
            out.append(line)
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            out += (_prose("".join(prose)), line)
            prose.clear()
            fence = mark[1]
        else:
            prose.append(line)
    return "".join((*out, _prose("".join(prose))))


def _prose(text: str) -> str:
    """Escape what is not between backticks. A run of backticks closes with the next run of the same length."""
    runs = [match.span() for match in _TICKS.finditer(text)]
    starts: dict[int, list[int]] = defaultdict(list)
    for start, end in runs:
        starts[end - start].append(start)
    out: list[str] = []
    done = 0
    for start, end in runs:
        if start < done:
            continue
        same = starts[end - start]
        following = bisect_right(same, start)
        if following == len(same) or "\n\n" in text[start : same[following]]:
            continue
        close = same[following] + end - start
        out += (_still(text[done:start]), text[start:close])
        done = close
    return "".join((*out, _still(text[done:])))


def _still(text: str) -> str:
    return _LIVE.sub(_escaped, text)


def _escaped(mark: re.Match[str]) -> str:
    return f"{mark[0][:-1]}\\{mark[0][-1]}"
