"""Composes the simulated model's text: deterministic, in clean sentences, visibly about what was asked."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.fleet.brief import Brief, read
from gateway.fleet.languages import SENTENCES
from gateway.fleet.prose import Prose, count, hashtags, title
from gateway.fleet.shapes import Image
from gateway.fleet.short_forms import WRITERS

_PLAYFUL = ("playful", "cheerful", "enthusiastic", "lively", "witty")
_SHORT = frozenset({"social", "summary", "rewrite"})
_AS_IT_IS = frozenset({"summary", "rewrite"})  # forms to which no sentence of one's own is added


def compose(prompt: str, system: str = "", seed: int = 0, images: Sequence[Image] = ()) -> str:
    """Answer `prompt`. The same arguments always give the same text; another `seed` gives another one."""
    brief = read(prompt, system)
    foreign = brief.language != "en"
    text = _foreign(brief) if foreign else WRITERS[brief.kind](brief, Prose(brief, seed))
    seen = " ".join(_seen(image) for image in images)
    if brief.kind not in _AS_IT_IS and any(word in system.lower() for word in _PLAYFUL):
        text += "\n\nAnd yes, it is allowed to be fun."
    return f"{seen}\n\n{text}" if seen else text


def _seen(image: Image) -> str:
    kind = image.media_type.removeprefix("image/").upper()
    if image.url is not None:
        return f"I was given an image by its address: {image.url}."
    if image.width is None:
        return f"I see a {kind} image."
    return f"I see a {kind} image of {image.width} × {image.height} pixels."  # noqa: RUF001 - the sign is meant


def _foreign(brief: Brief) -> str:
    """A short text in another language: the sentence about the topic, then as many others as there is room for."""
    first, *others = SENTENCES[brief.language]
    limit = brief.words or (40 if brief.kind in _SHORT else 240)
    said = [first.format(topic=brief.topic)]
    for sentence in others:
        if count([*said, sentence]) > limit:
            break
        said.append(sentence)
    if brief.kind == "social":
        return f"{' '.join(said)}\n\n{hashtags(brief.keywords, 3)}"
    if brief.kind in _SHORT:
        return " ".join(said)
    middle = (len(said) + 1) // 2
    points = "\n".join(f"- {point}" for point in brief.points)
    parts = [f"# {title(brief.topic)}", " ".join(said[:middle]), points, " ".join(said[middle:])]
    return "\n\n".join(part for part in parts if part)
