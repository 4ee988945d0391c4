"""Reads a prompt as a writer would: which kind of text, about what, how long, in which language, from which material.

Understands plain requests ("Write a blog post about …") and forms: `Label: value` lines, lists below a label, and
material between two tags. What cannot be read becomes a plain answer about the first sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.fleet.languages import LANGUAGES

KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("rewrite", ("rewrite", "rephrase", "edit texts into the brand voice")),
    ("summary", ("summarise", "summarize", "summary", "tl;dr")),
    ("video_description", ("video description", "videos for publication", "description of a video")),
    ("script", ("video script", "write scripts", "a script", "storyboard")),
    ("release_notes", ("release notes", "changelog")),
    ("press_release", ("press release",)),
    ("interview", ("interview questions", "prepare interviews", "questions for an interview", "interview with")),
    ("newsletter", ("newsletter",)),
    ("product", ("product text", "product description", "product page", "product copy")),
    ("documentation", ("documentation", "how-to guide", "user guide", "help page")),
    ("social", ("social", "linkedin", "tweet", "instagram", "mastodon", "bluesky", "facebook", "tiktok")),
    ("blog", ("blog", "article", "essay")),
)
_TOPICS = ("topic", "subject", "the news", "product", "guest", "search terms, most important first", "search terms")
_LANGUAGE_LABELS = ("language", "write the summary in", "write in this language")
_STOP = frozenset(
    """
    a about after all an and are as at be before by can do does for from get grows has have how i in into is it its
    just learn like make makes me more most my new no not of on open opens or our out over plan plans please restore
    say sharpen should so some than that the their them there this to up us use using want was we what when where
    which while who whose why will with without write you your
    """.split()  # noqa: SIM905 - a word list reads best as text
)

_TAG = re.compile(r"^<([\w-]{1,64})>$", re.MULTILINE)
_LABEL = re.compile(r"^([A-Z][^:\n]{1,60}):(?:[ \t]+(\S.*))?$", re.MULTILINE)
_WORDS = re.compile(r"\b(\d{1,4})[ -]words?\b")
_ABOUT = re.compile(r"\b(?:about|regarding|on the subject of|on the topic of|on|for) (.+)", re.IGNORECASE)
_COMMAND = re.compile(
    r"^(?:please )?(?:explain|describe|write|draft|tell me|give me|create|list|compare|discuss|outline|define|compose)\b"
    r"(?: (?:a|an|the|some|me))? ?",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r",? (?:in|with|of|using|at) (?:about |around |at most |under |no more than |exactly )?\d+[ -]word.*"
)
_IN_LANGUAGE = re.compile(rf"\s*\b(?:in|auf|en) ({'|'.join(LANGUAGES)})\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_WORD = re.compile(r"[^\W\d_][\w'’-]*|\d[\w.,]*")  # noqa: RUF001 - the typographic apostrophe is meant
_MAX_TOPIC = 120
_MAX_TAGS = 24
# Kinds without a topic of their own.
_FROM_MATERIAL = frozenset({"summary", "rewrite", "newsletter", "video_description"})
_ASIDE = frozenset({"quotation", "boilerplate", "background"})  # material that is not to be told as it stands


@dataclass(frozen=True, slots=True)
class Brief:
    """What a prompt asks for. `noun` is a short form of the topic that can stand before another noun."""

    kind: str
    topic: str
    noun: str
    words: int | None = None
    language: str = "en"
    points: tuple[str, ...] = ()
    material: tuple[str, ...] = ()  # its statements
    keywords: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)  # by label, in lower case; tagged material by its tag
    system: str = ""

    def get(self, *labels: str) -> str:
        """The value of the first of these labels that has one; else an empty string."""
        return next((self.fields[label] for label in labels if self.fields.get(label)), "")


def read(prompt: str, system: str = "") -> Brief:
    """Read a prompt; never fails."""
    prompt = prompt[:40_000]
    asked, given = _parted(prompt)
    fields = {label.lower(): _unquoted(value) for label, value in _LABEL.findall(asked) if value}
    fields |= {f"<{name}>": text for name, text in given if name in _ASIDE}
    kind = _kind(asked) or _kind(system[-6_000:]) or "answer"
    topic = _topic(asked, fields)
    material = _statements("\n".join(text for name, text in given if name not in _ASIDE))
    if not material and kind in {"summary", "rewrite"}:
        material = _statements(_after_first_line(asked)) or _statements(topic)
    if material and kind in _FROM_MATERIAL and not any(fields.get(label) for label in _TOPICS):
        topic = _shortened(fields.get("occasion") or material[0])
    limit = _WORDS.search(asked) or (_WORDS.search(system) if kind == "summary" else None)
    return Brief(
        kind=kind,
        topic=topic,
        noun=noun_of(topic),
        words=int(limit.group(1)) if limit and int(limit.group(1)) else None,
        language=_language(asked, fields),
        points=tuple(_unquoted(line[2:]) for line in asked.splitlines() if line.startswith("- ")),
        material=material,
        keywords=tuple(content_words(topic))[:5],
        fields=fields,
        system=system,
    )


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, each once, as they are spelt."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        if word.lower() not in _STOP and len(word) > 1:
            found.setdefault(word.lower(), word)
    return list(found.values())


def noun_of(topic: str) -> str:
    """Up to two words of the topic that stand together and mean something: "kitchen knife"."""
    runs: list[list[str]] = [[]]
    for word in _WORD.findall(topic)[:24]:
        if word.lower() in _STOP or word[0].isdigit():
            runs.append([])
        else:
            runs[-1].append(word)
    runs = [run for run in runs if run]
    if not runs:
        return "everyday"
    run = next((run for run in runs if len(run) > 1), runs[0])
    return " ".join(word if word.isupper() or word != runs[0][0] else _lower(word) for word in run[:2])


def _parted(prompt: str) -> tuple[str, list[tuple[str, str]]]:
    """What is said outside of tags, and the material between them by the tag's name without its random end."""
    asked, given, at = [], [], 0
    for opening in list(_TAG.finditer(prompt))[:_MAX_TAGS]:
        closing = f"</{opening.group(1)}>"
        end = prompt.find(closing, opening.end())
        if opening.start() < at or end < 0:
            continue
        asked.append(prompt[at : opening.start()])
        given.append((opening.group(1).rpartition("-")[0], prompt[opening.end() : end].strip()))
        at = end + len(closing)
    return "".join([*asked, prompt[at:]]).strip(), given


def _lower(word: str) -> str:
    return word if len(word) > 1 and not word[1:].islower() else word.lower()


def _kind(text: str) -> str:
    lowered = text.lower()
    found = [(lowered.find(phrase), kind) for kind, phrases in KINDS for phrase in phrases if phrase in lowered]
    return min(found)[1] if found else ""


def _topic(asked: str, fields: Mapping[str, str]) -> str:
    for label in _TOPICS:
        if fields.get(label):
            return _shortened(fields[label])
    first = _first_sentence(asked)
    about = _ABOUT.search(first)
    found = about.group(1) if about else _COMMAND.sub("", first)
    found = _IN_LANGUAGE.sub("", _LENGTH.sub("", found))
    return _shortened(found.strip(" .!:\"'")) or "what you asked"


def _first_sentence(text: str) -> str:
    return next((part.strip() for part in _SENTENCE_END.split(text[:2_000]) if part.strip()), "")


def _after_first_line(text: str) -> str:
    head, colon, rest = text.partition(":")
    return rest if colon and len(head) < _MAX_TOPIC else text.partition("\n")[2]


def _shortened(text: str) -> str:
    text = " ".join(text.split()).strip(' "')
    return text if len(text) <= _MAX_TOPIC else text[:_MAX_TOPIC].rsplit(" ", 1)[0]


def _unquoted(value: str) -> str:
    """A form's value without the quotation marks around it, or around each of its members."""
    value = value.strip()
    if value.startswith('"') and value.endswith('"'):
        value = value[1:-1].replace('", "', ", ").replace('"; "', "; ")
    return value.replace('\\"', '"')


def _statements(text: str) -> tuple[str, ...]:
    """Sentences and lines; an address on a line of its own belongs to what stands before it."""
    found: list[str] = []
    for part in _SENTENCE_END.split(text):
        if found and part.startswith("http"):
            found[-1] += f" {part.strip()}"
        elif len(part.strip()) > 1:
            found.append(part.strip())
    return tuple(found)


def _language(asked: str, fields: Mapping[str, str]) -> str:
    told = next((fields[label] for label in _LANGUAGE_LABELS if fields.get(label)), "")
    if told:
        return LANGUAGES.get(told.lower(), "en")
    spoken = _IN_LANGUAGE.search(asked[:2_000])
    return LANGUAGES[spoken.group(1).lower()] if spoken else "en"
