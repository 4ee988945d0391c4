"""Strings for the members of JSON values: by format, by pattern, by what the member is called, within the bounds."""

from __future__ import annotations

import re
import uuid

from gateway.fleet import phrases
from gateway.fleet.brief import Brief, content_words
from gateway.fleet.patterns import matching
from gateway.fleet.prose import Prose, title
from gateway.fleet.shapes import JsonObject

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ENTITY = re.compile(r"\b[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
_NAMED = (
    "location",
    "city",
    "place",
    "country",
    "town",
    "region",
    "person",
    "author",
    "name",
    "company",
    "destination",
)
_TITLES = ("title", "headline", "heading", "subject", "topic")
_LABELS = ("tag", "keyword", "label", "category", "slug", "hashtag")
_QUERIES = ("query", "question", "search", "prompt", "input", "text", "message", "q")
_SHOUTS = frozenset({"JSON", "I", "A", "The", "What", "How", "Why", "When", "Where", "Who", "Which"})
_FORMATS = {
    "date-time": "2026-06-01T09:30:00Z",
    "date": "2026-06-01",
    "time": "09:30:00Z",
    "duration": "P1D",
    "email": "reader@example.com",
    "idn-email": "reader@example.com",
    "hostname": "www.example.com",
    "idn-hostname": "www.example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "/a",
    "iri": "https://example.com/",
    "json-pointer": "/a",
    "regex": "^a$",
}


class Words:
    """What a prompt offers for the strings and numbers of an answer."""

    def __init__(self, brief: Brief, prompt: str, turn: int) -> None:
        self._brief = brief
        self._lowered = prompt.lower()
        self._prose = Prose(brief, turn)
        self._entities = entities(prompt)
        self._labels = content_words(prompt) or ["note"]
        self._numbers = [float(found) for found in _NUMBER.findall(prompt[:4_000])] or [3.0, 12.0, 7.0]
        self._turn = turn
        self._numbered = turn
        self._labelled = 0

    def mentions(self, value: str) -> bool:
        return bool(value) and value.lower() in self._lowered

    def number(self) -> float:
        """The next number of the prompt, from the first again after the last."""
        self._numbered += 1
        return self._numbers[(self._numbered - 1) % len(self._numbers)]

    def key(self, place: int) -> str:
        return f"{self._labels[place % len(self._labels)].lower()}_{place + 1}"

    def text(self, name: str, schema: JsonObject) -> str:
        """A string for the member `name`, as its schema wants it."""
        form = schema.get("format")
        if form == "uuid":
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._brief.topic}|{name}|{self._turn}"))
        if form in _FORMATS:
            return _FORMATS[form]
        if schema.get("pattern"):
            return matching(str(schema["pattern"]), int(schema.get("minLength", 0)))
        return self._fitted(self._named(name.lower()), schema)

    def _named(self, name: str) -> str:
        words = set(re.split(r"[_\W]+", name))
        if self._entities and not words.isdisjoint(_NAMED):
            return self._entities[self._turn % len(self._entities)]
        if not words.isdisjoint(_TITLES):
            return title(self._brief.topic)
        if not words.isdisjoint(_LABELS):
            self._labelled += 1
            return self._labels[(self._labelled - 1) % len(self._labels)].lower()
        if not words.isdisjoint(_QUERIES):
            return self._brief.topic
        if not words.isdisjoint(_NAMED):
            return title(self._brief.noun)
        pools = ("idea", "practice", "example", "closing")
        found = next(filter(None, (self._prose.sentence(pool) for pool in pools)), "")
        return found or phrases.TAKEAWAYS[0]

    def _fitted(self, text: str, schema: JsonObject) -> str:
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        while len(text) < least:
            text = f"{text} {phrases.TAKEAWAYS[len(text) % len(phrases.TAKEAWAYS)]}"
        if isinstance(most, int) and len(text) > most:
            cut = text[:most]
            text = cut.rsplit(" ", 1)[0] if " " in cut and len(cut.rsplit(" ", 1)[0]) >= least else cut
        return text


def entities(prompt: str) -> list[str]:
    """Names in a prompt, in order: runs of capitalised words that do not merely begin a sentence."""
    found: dict[str, None] = {}
    for match in _ENTITY.finditer(prompt[:4_000]):
        before = prompt[: match.start()].rstrip()
        begins = not before or before[-1] in '.!?:"\n'
        words = match.group().split(" ")
        if begins or words[0] in _SHOUTS:
            words = words[1:]
        if words:
            found[" ".join(words)] = None
    return list(found)
