"""The fleet's own tokenizer, the measure of everything it counts, streams and bills.

A token is up to four characters that are not white space, with the one blank before them if there is one;
other white space goes in runs of up to four. Joined, the tokens are the text. A text never has more tokens
than UTF-8 bytes. A message costs `MESSAGE_TOKENS` beside its text, an image `IMAGE_TOKENS` whatever its size.
"""

from __future__ import annotations

import re

MESSAGE_TOKENS = 3
IMAGE_TOKENS = 258

_TOKEN = re.compile(r" ?\S{1,4}|\s{1,4}")


def split(text: str) -> tuple[str, ...]:
    """The tokens of `text`, in order."""
    return tuple(_TOKEN.findall(text))


def count(text: str) -> int:
    """How many tokens `text` has."""
    return len(_TOKEN.findall(text))
