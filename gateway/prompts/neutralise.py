r"""Free text made harmless before it enters a prompt: no invisible characters, no special tokens, no role markers.

Pure and linear in the length of the text. One pass is enough, and a second one changes nothing, because a token
leaves a blank behind: no token contains one, so what stood on its two sides cannot join to a new token.
"""

from __future__ import annotations

import json
import re

# Joiners (emoji, Persian), direction marks (Hebrew, Arabic) and U+FE0F stay: people write with them.
_INVISIBLE = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x180E, 0x180E),
    (0x200B, 0x200B),
    (0x202A, 0x202E),  # direction overrides: text that reads differently from what it says
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xE0000, 0xE01EF),  # tags and further variation selectors: an alphabet nobody sees
)
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_CHARACTERS: dict[int, str] = {
    **{code: "" for first, last in _INVISIBLE for code in range(first, last + 1)},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # half surrogates have no UTF-8
    **{ord(char): "\n" for char in _LINE_ENDS},
    ord("\t"): "\t",
}

_OPEN, _BAR, _CLOSE = "[<\uff1c]", "[|\uff5c]", "[>\uff1e]"
_TOKENS = re.compile(
    # <|im_start|>, <|endoftext|>, <|eot_id|> …, with full-width signs as well
    rf"{_OPEN}{_BAR}[^\s<>|\uff1c\uff1e\uff5c]{{1,80}}{_BAR}{_CLOSE}"
    r"|<</?SYS>>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT)\]"
    r"|</?s>"
    r"|<(?:bos|eos|pad|unk|start_of_turn|end_of_turn|start_of_image|end_of_image)>"
    r"|</?(?:think|tool_call|tool_response)>",
    re.IGNORECASE,
)
_ROLES = re.compile(
    r"^([^\S\n]*(?:#{1,6}[^\S\n]*)?"
    r"(?:human|assistant|system|user|developer|tool|instruction|response))([:\uff1a])",
    re.IGNORECASE | re.MULTILINE,
)


def neutralise(text: str) -> str:
    r"""The text as data. A special token becomes a blank; a role at the start of a line loses its force: "Human :".

    Line ends of every kind become "\n". Everything else stays as it was written.
    """
    text = text.replace("\r\n", "\n").translate(_CHARACTERS)
    return _ROLES.sub(r"\1 \2", _TOKENS.sub(" ", text))


def quote(text: str, nonce: str) -> str:
    """One line between quotation marks, escaped as in JSON, so that no text can end its own quotation."""
    line = text.replace(nonce, "\ufffd").replace("\n", " ").replace("\t", " ")
    return json.dumps(line.strip(), ensure_ascii=False)


def fence(name: str, text: str, nonce: str) -> str:
    """Many lines between two tags that carry `nonce`, which no text can know, and none holds afterwards."""
    body = text.replace(nonce, "\ufffd").strip()
    return f"<{name}-{nonce}>\n{body}\n</{name}-{nonce}>"
