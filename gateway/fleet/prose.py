"""Draws sentences without repeating one, in an order that the topic and a seed decide, and counts words."""

from __future__ import annotations

import random

from gateway.fleet import phrases
from gateway.fleet.brief import Brief

_POOLS = {
    "opening": phrases.OPENING,
    "idea": phrases.IDEA,
    "example": phrases.EXAMPLE,
    "practice": phrases.PRACTICE,
    "caution": phrases.CAUTION,
    "closing": phrases.CLOSING,
    "lead": phrases.LEAD,
    "press": phrases.PRESS,
    "product": phrases.PRODUCT,
}
_PATTERNS = (
    ("idea", "example", "idea"),
    ("practice", "practice", "caution"),
    ("example", "idea", "practice", "practice"),
    ("caution", "idea", "practice"),
    ("idea", "practice", "example"),
)
_LONGEST_STEP = 3  # sentences of one paragraph


class Prose:
    """One text's supply of sentences."""

    def __init__(self, brief: Brief, seed: int) -> None:
        self.random = random.Random(f"{brief.topic}|{brief.kind}|{seed}")  # noqa: S311 - a choice of words
        self._noun = brief.noun
        self._pools = {name: self.shuffled(pool) for name, pool in _POOLS.items()}
        self._patterns = 0

    def shuffled(self, items: tuple[str, ...]) -> list[str]:
        drawn = list(items)
        self.random.shuffle(drawn)
        return drawn

    def sentence(self, pool: str) -> str:
        """One more sentence of a pool; empty when all were used."""
        left = self._pools[pool]
        return self.filled(left.pop()) if left else ""

    def filled(self, sentence: str) -> str:
        """The sentence with the noun in its place, and the article that goes with it."""
        if self._noun[:1].lower() in "aeiou":
            sentence = sentence.replace("a {noun}", "an {noun}").replace("A {noun}", "An {noun}")
        return sentence.replace("{noun}", self._noun)

    def paragraph(self, words: int) -> str:
        """A paragraph of about `words` words, or shorter when the sentences run out."""
        said: list[str] = []
        pattern = _PATTERNS[self._patterns % len(_PATTERNS)]
        self._patterns += 1
        for pool in pattern * _LONGEST_STEP:
            if count(said) >= words - 6:
                break
            said.append(self.sentence(pool))
        return " ".join(filter(None, said))

    def paragraphs(self, words: int, each: int = 60) -> list[str]:
        """Paragraphs of about `each` words, together about `words` words."""
        made: list[str] = []
        while words - count(made) > 8:
            paragraph = self.paragraph(min(each, words - count(made)))
            if not paragraph:
                break
            made.append(paragraph)
        return made


def count(texts: list[str] | str) -> int:
    """How many words."""
    return len((texts if isinstance(texts, str) else " ".join(texts)).split())


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """The text with a full stop, if it has no end mark yet and does not end in an address."""
    bare = text.endswith((".", "!", "?", ":", '"')) or text.rpartition(" ")[2].startswith("http")
    return text if bare or not text else f"{text}."


def title(text: str, limit: int = 70) -> str:
    """A heading of at most `limit` characters, cut between words."""
    text = capital(text.strip(" ."))
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0].rstrip(",;:-")


def hashtags(words: tuple[str, ...], limit: int) -> str:
    tags = ["#" + "".join(part.capitalize() for part in word.split("-") if part) for word in words]
    return " ".join(tags[:limit])
