"""How hard a request is, as a number from 0 to 1, and the tier of models that it asks for: fast, smart or best.

A rule of thumb over the last user message and a little of the conversation around it; docs/routing.md explains it. No
model, no regular expression, one pass over a text of bounded length. It never raises: what is no text counts as empty.
"""

from __future__ import annotations

import math
import string
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.ports import Signals
from gateway.types import Deployment, JsonObject, Plan
from routing_policies._lexicon import CODE_MARKS, MATHS_MARKS, PHRASES, QUESTION_MARKS, WORDS
from routing_policies._plan import plan_of, unit_price
from routing_policies._reading import Reading, conversation_of

TIERS = ("fast", "smart", "best")
WEIGHTS: dict[str, tuple[float, float]] = {
    # feature: (amount at which it counts in full, what it then adds to the score)
    "length": (1.0, 0.22),
    "code": (6.0, 0.28),
    "maths": (4.0, 0.28),
    "reasoning": (4.0, 0.28),
    "steps": (6.0, 0.16),
    "constraints": (6.0, 0.22),
    "longform": (1.0, 0.20),
    "questions": (4.0, 0.10),
    "structure": (2.0, 0.14),
    "conversation": (1.0, 0.08),
    "languages": (1.0, 0.08),
    "attachments": (2.0, 0.08),
    "effort": (1.0, 0.30),
    "simple": (2.0, -0.18),
}
EFFORT = {"none": -0.5, "minimal": -0.5, "low": -0.3, "high": 1.0, "xhigh": 1.0}
FULL_LENGTH = 1_000  # words
SHORT = 60  # words: a longer request is not simple because of a word such as "translate"
UNSPACED = ("\u3040", "\u9fff")  # from Hiragana to the end of the Chinese characters: about two letters a word
A_SCRIPT = 5  # different letters: fewer are symbols, like the Greek ones of a formula


@dataclass(frozen=True, slots=True)
class Score:
    """`value` in [0, 1]; `parts` are what each feature added, the largest first."""

    value: float
    parts: tuple[tuple[str, float], ...]

    def because(self) -> str:
        """The features that count most, for a person."""
        return ", ".join(name for name, added in self.parts if round(added, 2) > 0) or "nothing hard in it"


class Policy:
    """A score under `fast_below` asks for the tier fast, from `best_from` on for best, in between for smart.

    Deployments of that tier come first, then the next higher ones, then the lower ones; in a tier the cheapest first,
    of equal price the least busy. Without a tier a deployment counts as smart, without a known price as the dearest.
    """

    name = "complexity"
    reads = frozenset({"body", "in_flight"})

    def __init__(self, fast_below: float = 0.22, best_from: float = 0.5) -> None:
        if not 0 <= fast_below <= best_from <= 1:
            raise ValueError(f"0 <= fast_below <= best_from <= 1 must hold, but they are {fast_below} and {best_from}")
        self._fast_below = fast_below
        self._best_from = best_from

    def rank(self, body: JsonObject, deployments: Sequence[Deployment], signals: Signals) -> Plan:
        """The plan, with the score and the tier that it asks for."""
        found = score(body)
        tier = self.tier(found.value)
        wanted = TIERS.index(tier)

        def place(deployment: Deployment) -> tuple[int, bool, int, int]:
            level = level_of(deployment)
            distance = level - wanted if level >= wanted else len(TIERS) + wanted - level
            unpriced = deployment.price.source == "unknown"
            return distance, unpriced, unit_price(deployment), signals.in_flight.get(deployment.id, 0)

        ranked = [(deployment, f"tier {TIERS[level_of(deployment)]}") for deployment in sorted(deployments, key=place)]
        because = f"complexity {found.value:.2f} asks for {tier} ({found.because()})"
        return replace(plan_of(self.name, ranked, signals, because), score=found.value, tier=tier)

    def tier(self, value: float) -> str:
        """The tier that a score asks for."""
        return TIERS[(value >= self._fast_below) + (value >= self._best_from)]


def level_of(deployment: Deployment) -> int:
    """0 fast, 1 smart, 2 best."""
    return TIERS.index(deployment.tier) if deployment.tier in TIERS else 1


def score(body: JsonObject) -> Score:
    """How hard the request is."""
    found = features(body)
    parts = [(name, weight * min(found[name] / full, 1.0)) for name, (full, weight) in WEIGHTS.items()]
    value = min(max(math.fsum(added for _, added in parts), 0.0), 1.0)
    return Score(round(value, 4), tuple(sorted(parts, key=lambda part: -part[1])))


def features(body: JsonObject) -> dict[str, float]:
    """How much there is of every feature in `WEIGHTS`."""
    conversation = conversation_of(body)
    last, before = conversation.last, conversation.before
    found = in_text(last)
    for name, amount in in_text(before).items():
        if name in {"code", "maths", "reasoning"}:
            found[name] += amount / 2  # "now make it faster" is as hard as what it is about
    words = found.pop("words")
    effort = body.get("reasoning_effort")
    return {
        **found,
        "length": math.log2(1 + words / 20) / math.log2(1 + FULL_LENGTH / 20),
        "simple": found["simple"] if words <= SHORT else 0.0,
        "structure": structure(body),
        "conversation": min(conversation.messages / 40, 0.5) + min(conversation.around / 40_000, 0.5),
        "attachments": float(last.attachments),
        "effort": EFFORT.get(effort, 0.0) if isinstance(effort, str) else 0.0,
    }


def in_text(reading: Reading) -> dict[str, float]:
    """Words, marks, lines and scripts of a text; `words` is an estimate for the whole of it."""
    lowered = reading.sample.lower()
    counts: defaultdict[str, float] = defaultdict(float)
    for line in lowered.splitlines():
        words = line.split()
        counts["words"] += len(words)
        counts["steps"] += len(words) > 1 and is_item(words[0])
        for word in words:
            meaning = WORDS.get(word) or WORDS.get(word.strip(string.punctuation))
            if meaning is not None:
                counts[meaning[0]] += meaning[1]
    for phrase, feature in PHRASES.items():
        counts[feature] += lowered.count(phrase)
    counts["code"] += sum(min(reading.sample.count(mark), 3) for mark in CODE_MARKS)
    counts["maths"] += sum(min(lowered.count(mark), 3) for mark in MATHS_MARKS)
    counts["questions"] = max(sum(lowered.count(mark) for mark in QUESTION_MARKS) - 1, 0)
    scripts, unspaced = writing(reading.sample)
    counts["languages"] = max(scripts - 1, 0)
    found = {name: counts[name] for name in WEIGHTS}
    scale = reading.size / len(reading.sample) if reading.sample else 0.0
    return {**found, "words": (counts["words"] + unspaced / 2) * scale}


def is_item(word: str) -> bool:
    """Whether a line that starts with this word belongs to a list."""
    return word in {"-", "*", "•"} or (word[-1] in ".):" and word[:-1].isdecimal())


def writing(sample: str) -> tuple[int, int]:
    """How many scripts the text is written in, and how many of its letters belong to one that has no spaces."""
    if sample.isascii():
        return 1, 0
    letters: Counter[str] = Counter()
    unspaced = 0
    for letter, times in Counter(sample).items():
        if UNSPACED[0] <= letter <= UNSPACED[1]:
            letters["EAST ASIAN"] += 1
            unspaced += times
        elif letter.isalpha():
            letters[unicodedata.name(letter, "OTHER").partition(" ")[0]] += 1
    return sum(1 for different in letters.values() if different >= A_SCRIPT), unspaced


def structure(body: JsonObject) -> float:
    """Structured output counts one, tools one, many tools two."""
    wanted = body.get("response_format")
    schema = isinstance(wanted, dict) and wanted.get("type") in {"json_schema", "json_object"}
    tools = body.get("tools")
    return float(schema) + (min(1 + len(tools) / 10, 2.0) if isinstance(tools, list) and tools else 0.0)
