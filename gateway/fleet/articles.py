"""The longer forms: blog post, documentation page, newsletter, press release, interview, plain answer."""

from __future__ import annotations

from gateway.fleet import phrases
from gateway.fleet.brief import Brief
from gateway.fleet.prose import Prose, capital, count, ended, title

_MIN_SECTIONS, _MAX_SECTIONS = 2, 6
_WORDS_A_SECTION = 150
_TOO_SHORT_FOR_SECTIONS = 150
_GREETINGS = frozenset({"hello", "hi", "hey", "greetings"})


def blog(brief: Brief, prose: Prose) -> str:
    """Headline, standfirst, opening, sections with headings, ending."""
    words = brief.words or 520
    if words < _TOO_SHORT_FOR_SECTIONS:
        heading = f"# {title(brief.topic)}"
        return _joined([heading, *prose.paragraphs(words - count(heading), each=50)])
    purpose = ended(f"About {brief.topic}: what helps, what does not, and where to begin")
    opening = f"{prose.sentence('opening')} {prose.sentence('opening')}".strip()
    blocks = [f"# {title(brief.topic)}", f"*{purpose}*", opening]
    closing = _closing(brief, prose)
    sections = _sections(brief, prose, words - count(blocks) - count(closing))
    return _joined([*blocks, *sections, *closing])


def documentation(brief: Brief, prose: Prose) -> str:
    """A how-to page: when, what is needed, steps, how to see that it worked, what goes wrong."""
    reader = brief.get("reader", "readers") or "anyone who has this task to finish"
    needed = brief.get("needed before") or "Access to the place where the change is made"
    steps = list(brief.material) or list(brief.points) or prose.shuffled(phrases.PRACTICE)[:5]
    numbered = [f"{place}. {ended(capital(prose.filled(step)))}" for place, step in enumerate(steps[:9], 1)]
    blocks = [
        f"# {title(brief.topic)}",
        f"Use this page when you need to get this done: {brief.topic}. It is written for {_plain(reader)}.",
        "## Before you begin",
        f"- {capital(needed)}\n- Ten minutes without interruption",
        "## Steps",
        "\n".join(numbered),
        "## How to see that it worked",
        f"Open the page again and look for the change. {prose.sentence('practice')}",
        "## If something goes wrong",
        f"{prose.sentence('caution')} Go back one step, and repeat it exactly as written.",
    ]
    room = (brief.words or 0) - count(blocks)
    more = ["## Background", *prose.paragraphs(room)] if room > 30 else []
    return _joined([*blocks, *more])


def newsletter(brief: Brief, prose: Prose) -> str:
    """Subject lines, preview text, and the issue with a section an item."""
    items = list(brief.material) or list(brief.points) or [brief.topic]
    first = title(_words_of(items[0]), 44)
    greeting = brief.get("greeting") or "Hello,"
    blocks = [
        "## Subject lines",
        f"- {first}\n- {title(brief.noun, 30)}: what is new\n- What we would read first this week",
        "## Preview text",
        title(f"And {len(items)} thing{'s' if len(items) != 1 else ''} worth knowing about {brief.noun} work", 90)
        + ".",
        "## Issue",
        greeting,
        f"{prose.sentence('opening')} This issue is about {_plain(brief.topic)}.",
    ]
    ending = [
        ended(brief.get("the one request to the reader", "call to action")) or "Tell us what you think.",
        "See you soon,",
    ]
    ending.append(brief.get("signed by") or "Your editorial team")
    room = ((brief.words or 300) - count(blocks) - count(ending)) // max(1, len(items))
    for item in items:
        blocks += [
            f"### {title(_words_of(item), 48)}",
            f"{ended(item)} {prose.paragraph(max(14, room - count(item) - 6))}".strip(),
        ]
    return _joined([*blocks, *ending])


def press_release(brief: Brief, prose: Prose) -> str:
    """Headline, place and date, lead, facts, what was said, about, contact."""
    where = brief.get("place and date") or "[Place, date]"
    organisation = brief.get("organisation") or "[Organisation]"
    facts = [ended(fact) for fact in brief.material]
    embargo = brief.get("embargo until")
    blocks = [f"EMBARGO until {embargo}"] if embargo else []
    blocks += [
        f"# {title(brief.topic, 90)}",
        f"*{organisation} names the date and the facts.*",
        f"**{where}**: {ended(capital(brief.topic))} {' '.join(facts[:2])}".rstrip(),
        " ".join(facts[2:]),
        f"{prose.sentence('press')} {prose.sentence('press')} {prose.sentence('press')}",
        brief.get("<quotation>"),
        f"## About {organisation}",
        brief.get("<boilerplate>") or "[Two sentences about the organisation]",
        f"Press contact: {brief.get('press contact') or '[Name, telephone, e-mail]'}",
        "###",
    ]
    return _joined(blocks)


def interview(brief: Brief, prose: Prose) -> str:
    """Numbered questions in three parts, each with a follow-up."""
    wanted = _number(brief.system, "numbered questions") or _number(" ".join(brief.fields.values()), "questions") or 10
    subject = f"the {brief.noun} question"
    pool = [question.format(subject=subject) for question in prose.shuffled(phrases.QUESTIONS)]
    asked = pool[: max(3, min(wanted, len(pool)))]
    ends = max(1, len(asked) // 5)
    guest = brief.get("guest") or "the guest"
    blocks = [f"# Questions for {guest}: {title(brief.topic)}"]
    parts = (("To begin", asked[:ends]), ("At the heart", asked[ends:-ends]), ("To end", asked[-ends:]))
    place = 0
    for heading, questions in parts:
        blocks.append(f"## {heading}")
        for question in questions:
            place += 1
            follow_up = phrases.FOLLOW_UPS[place % len(phrases.FOLLOW_UPS)]
            blocks.append(f"{place}. {question}\n   - {follow_up}")
    return _joined(blocks)


def answer(brief: Brief, prose: Prose) -> str:
    """A plain answer to whatever was asked."""
    words = brief.words or 120
    greets = count(brief.topic) < 5 and not _GREETINGS.isdisjoint(brief.topic.lower().replace("!", "").split())
    lead = phrases.GREETING if greets else f"You asked about this: {ended(brief.topic)} {phrases.SIMULATED}"
    if greets and brief.words is None:
        return lead
    if words <= count(lead):
        return ended(" ".join(lead.split()[:words]))
    points = [f"- {capital(point)}" for point in brief.points[:8]]
    body = prose.paragraphs(words - count(lead) - count(points), each=48)
    return _joined([lead, *(["\n".join(points)] if points else []), *body])


def _sections(brief: Brief, prose: Prose, words: int) -> list[str]:
    headings = [capital(point) for point in brief.points] or prose.shuffled(phrases.HEADINGS)
    wanted = len(brief.points) or max(_MIN_SECTIONS, min(_MAX_SECTIONS, round(words / _WORDS_A_SECTION)))
    headings = headings[: min(wanted, _MAX_SECTIONS + 2)]
    blocks: list[str] = []
    for place, heading in enumerate(headings):
        facts = brief.material[place :: len(headings)]
        lead = " ".join(ended(fact) for fact in facts) or prose.sentence("lead")
        room = (words - count(blocks)) // (len(headings) - place) - count(heading) - count(lead) - 1
        blocks += [f"## {title(heading)}", lead, *prose.paragraphs(room)]
    return blocks


def _closing(brief: Brief, prose: Prose) -> list[str]:
    asked = brief.get("it ends with this call to action", "call to action")
    closing = [f"{prose.sentence('closing')} {prose.sentence('closing')}".strip()]
    return [*closing, f"**{ended(capital(asked))}**"] if asked else closing


def _number(text: str, before: str) -> int:
    words = text.partition(before)[0].split()
    return int(words[-1]) if before in text and words and words[-1].isdigit() else 0


def _plain(text: str) -> str:
    """A topic or a reader as it stands within a sentence."""
    return text.rstrip(".")


def _words_of(item: str) -> str:
    """An item without its link."""
    return item.partition("http")[0].strip() or item


def _joined(blocks: list[str]) -> str:
    return "\n\n".join(block for block in blocks if block)
