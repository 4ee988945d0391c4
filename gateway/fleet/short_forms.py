"""The shorter forms: social post, script, video description, summary, rewrite, product text, release notes."""

from __future__ import annotations

import re
from collections.abc import Callable

from gateway.fleet import articles, phrases
from gateway.fleet.brief import Brief
from gateway.fleet.prose import Prose, capital, count, ended, hashtags, title

_SECONDS = re.compile(r"ends at (\d{1,4}) seconds|\b(\d{1,4})[ -]second")
_VARIANTS = re.compile(r"(?:write )?(\d) variants", re.IGNORECASE)
_SMALL = {"x": 280, "twitter": 280, "tweet": 280, "bluesky": 300, "tiktok": 150, "mastodon": 500, "threads": 500}
_SWAPS = (
    ("We are proud to announce that ", ""),
    ("We are proud to announce ", ""),
    ("innovative ", ""),
    ("solution", "product"),
    ("leverage", "use"),
    ("seamless", "smooth"),
    ("utilize", "use"),
    ("in order to", "to"),
    ("!", "."),
)
_SIGNS = (
    ("BREAKING", "You need to act"),
    ("feat", "New"),
    ("add", "New"),
    ("fix", "Fixed"),
    ("chore", ""),
    ("", "Better"),
)


def social(brief: Brief, prose: Prose) -> str:
    """One post or several variants, within the network's limit, hashtags last."""
    found = _VARIANTS.search(brief.system)
    variants = int(found.group(1)) if found else 1
    posts = [_post(brief, prose, place) for place in range(max(1, variants))]
    if len(posts) == 1:
        return posts[0]
    return "\n\n".join(f"Variant {place}\n\n{post}" for place, post in enumerate(posts, 1))


def _post(brief: Brief, prose: Prose, place: int) -> str:
    asked = f"{brief.system} {brief.topic}".lower()
    limit = next((size for name, size in _SMALL.items() if f"the network is {name}" in asked), 600)
    wanted = brief.get("use these hashtags, as far as the network's custom allows")
    tags = tuple(word.strip("# ") for word in re.split(r"[,;]", wanted) if word.strip()) or brief.keywords
    tail = [part for part in (brief.get("link"), hashtags(tags, 3 if limit > 300 else 1)) if part]
    body = [ended(capital(brief.topic))]
    facts = [ended(fact) for fact in brief.material[:2]]
    thoughts = [
        prose.sentence(pool)
        for pool in (("idea", "practice"), ("example", "closing"), ("opening", "practice"))[place % 3]
    ]
    for sentence in [*facts, *thoughts]:
        size = len("\n\n".join([" ".join(body), sentence, *tail]))
        if size <= limit and (brief.words is None or count([*body, sentence]) <= brief.words):
            body.append(sentence)
    return "\n\n".join(["\n\n".join([body[0], " ".join(body[1:])]).strip(), *tail])


def script(brief: Brief, prose: Prose) -> str:
    """A table of scenes with time, picture and words."""
    found = _SECONDS.search(brief.system) or _SECONDS.search(brief.topic)
    seconds = int(next(filter(None, found.groups()))) if found else 90
    pictures = [*brief.points, *(picture for picture, _ in phrases.SCENES)]
    said = [*(ended(fact) for fact in brief.material), *(words for _, words in phrases.SCENES)]
    number = max(3, min(9, seconds // 10))
    rows = ["| Time | Picture | Words |", "| --- | --- | --- |"]
    for scene in range(number):
        at = seconds * scene // number
        words = said[scene % len(said)] if scene else f"{capital(brief.topic)}. {said[0]}"
        rows.append(f"| {at // 60}:{at % 60:02d} | {pictures[scene % len(pictures)]} | {words} |")
    last = brief.get("it closes with") or prose.sentence("closing")
    rows.append(f"| {seconds // 60}:{seconds % 60:02d} | Title card | {ended(last)} |")
    return f"# {title(brief.topic)}: {seconds} seconds\n\n" + "\n".join(rows)


def video_description(brief: Brief, prose: Prose) -> str:
    """Titles, description, chapters, tags."""
    keyword = brief.get("search terms").split(",")[0].strip(' "') or brief.noun
    timed = [fact for fact in brief.material if re.match(r"\d+:\d\d ", fact)]
    plain = " ".join(ended(re.sub(r"^\d+:\d\d ", "", fact)) for fact in brief.material[:3]) or ended(
        capital(brief.topic)
    )
    chapters = "\n".join(timed) if len(timed) > 2 else "No time codes in the material."
    links = brief.get("put these links at the end of the description")
    ways = (f"{title(keyword)}: from the first step to the last", f"{title(keyword)}, slowly and clearly")
    titles = (*ways, f"What helps with {keyword}")
    blocks = [
        "## Titles",
        "\n".join(f"- {one}" for one in titles),
        "## Description",
        plain,
        f"{prose.sentence('practice')} {prose.sentence('closing')}",
        links.replace(", ", "\n"),
        "## Chapters",
        chapters,
        "## Tags",
        ", ".join(dict.fromkeys([keyword, brief.noun, *brief.keywords])),
    ]
    return "\n\n".join(block for block in blocks if block)


def summary(brief: Brief, prose: Prose) -> str:
    """The statements of the text, shortened, as running text or as bullet points."""
    limit = brief.words or 80
    facts = list(brief.material) or [f"The text is about {brief.topic}"]
    if "one sentence of at most" in brief.system:
        return ended(" ".join(facts[0].split()[:35]))
    kept: list[str] = []
    for fact in facts:
        if kept and count([*kept, fact]) > limit:
            break
        kept.append(ended(fact))
    if count(kept) > limit:
        return ended(" ".join(kept[0].split()[:limit]))
    if "Form: running text" in brief.system:
        return " ".join(kept)
    if len(kept) == 1:
        kept += [point for point in prose.shuffled(phrases.TAKEAWAYS)[:2] if count([*kept, point]) <= limit]
    return "\n".join(f"- {fact}" for fact in kept[:6])


def rewrite(brief: Brief, prose: Prose) -> str:
    """The same text in plainer words."""
    text = " ".join(brief.material) or brief.topic
    for old, new in _SWAPS:
        text = text.replace(old, new)
    rewritten = " ".join(ended(capital(part.strip())) for part in re.split(r"(?<=[.?])\s+", text) if part.strip())
    if 'then a line "---"' not in brief.system:
        return rewritten
    return f"{rewritten}\n\n---\n\n- Plainer words, because the voice is plain.\n- {prose.sentence('idea')}"


def product(brief: Brief, prose: Prose) -> str:
    """Title line, short text, long text, bullet points, what is missing."""
    facts = list(brief.material) or list(brief.points) or ["Details follow"]
    name = title(brief.topic)
    buyer = brief.get("buyer") or "people who use it every day"
    long = [f"It begins with a moment: you reach for it, and it is right. {' '.join(ended(fact) for fact in facts)}"]
    while count(long) + 8 < (brief.words or 110) and (more := prose.sentence("product")):
        long.append(more)
    blocks = [
        "## Title line",
        name,
        "## Short text",
        f"{name}, for {buyer.rstrip('.')}.",
        "## Long text",
        " ".join(long),
        "## Bullet points",
        "\n".join(f"- {ended(fact)}" for fact in facts[:6]),
        "## Missing",
        "Price and delivery time.",
    ]
    return "\n\n".join(blocks)


def release_notes(brief: Brief, prose: Prose) -> str:
    """The changes under "You need to act", "New", "Better" and "Fixed"."""
    changes = list(brief.material) or list(brief.points) or [f"Work on {brief.topic}"]
    groups: dict[str, list[str]] = {heading: [] for _, heading in _SIGNS if heading}
    for change in changes:
        heading = next(heading for sign, heading in _SIGNS if change.lower().startswith(sign.lower()))
        if heading:
            groups[heading].append(f"- {ended(capital(change.partition(': ')[2] or change))}")
    version = brief.get("version")
    product_name = brief.get("product") or title(brief.topic)
    highlight = brief.get("most important") or prose.sentence("idea")
    blocks = [f"# {product_name} {version}".rstrip(), ended(capital(highlight))]
    for heading in ("You need to act", "New", "Better", "Fixed"):
        if groups[heading]:
            blocks += [f"## {heading}", "\n".join(groups[heading])]
    return "\n\n".join(blocks)


WRITERS: dict[str, Callable[[Brief, Prose], str]] = {
    "answer": articles.answer,
    "blog": articles.blog,
    "documentation": articles.documentation,
    "interview": articles.interview,
    "newsletter": articles.newsletter,
    "press_release": articles.press_release,
    "product": product,
    "release_notes": release_notes,
    "rewrite": rewrite,
    "script": script,
    "social": social,
    "summary": summary,
    "video_description": video_description,
}
