"""The simulated model's texts: of the kind that was asked for, about what was asked, as long as was asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.fleet.brief import noun_of, read
from gateway.fleet.shapes import Image
from gateway.fleet.text import compose

FORM = """Write a blog post of about 300 words.

Topic: "How a small bakery plans its week"
Readers: "people who bake"
It ends with this call to action: "Download the planning sheet"

Points to make:
- "Order flour by the oven plan"
- "Leave Friday free"

Material to draw on:
<material-0123456789abcdef>
Waste went from 9 % to 4 % in the first year.
</material-0123456789abcdef>"""


@pytest.mark.parametrize(
    ("prompt", "signs"),
    [
        ("Write a blog post about sea kayaks", ["# Sea kayaks", "## "]),
        ("Write a LinkedIn post about sea kayaks", ["Sea kayaks", "#Kayaks"]),
        ("Write a 60 second video script about sea kayaks", ["| Time | Picture | Words |", "0:00", "Sea kayaks"]),
        ("Summarise this: Kayaks are narrow. They tip. Paddles help.", ["- Kayaks are narrow.", "- Paddles help."]),
        ("Write a newsletter about sea kayaks", ["## Subject lines", "## Preview text", "sea kayaks"]),
        ("Write a product description for a sea kayak", ["## Title line", "## Bullet points", "ea kayak"]),
        ("Write a documentation page about storing kayaks", ["# Storing kayaks", "## Steps", "1. "]),
        ("Write release notes for Kayak 2", ["# Kayak 2"]),
        ("Write a press release about a new kayak", ["###", "Press contact", "new kayak"]),
        ("Give me interview questions about kayaks", ["## To begin", "1. ", "kayaks"]),
        ("Rewrite: We are proud to announce our innovative kayak!", ["Our kayak."]),
        ("Write a video description about kayaks", ["## Titles", "## Tags", "kayaks"]),
        ("Are kayaks safe?", ["kayaks", "simulated"]),
        ("Hello!", ["Hello!"]),
    ],
)
def test_the_kind_of_text_is_recognised(prompt: str, signs: list[str]) -> None:
    text = compose(prompt)
    assert [sign for sign in signs if sign not in text] == [], text


def test_a_system_message_can_say_what_kind_it_is() -> None:
    assert "| Time |" in compose("Subject: kayaks", "You write scripts that can be filmed.")


def test_a_form_is_read_and_its_material_used() -> None:
    text = compose(FORM)
    for sign in (
        "# How a small bakery plans its week",
        "## Order flour by the oven plan",
        "## Leave Friday free",
        "Waste went from 9 % to 4 % in the first year.",
        "**Download the planning sheet.**",
    ):
        assert sign in text
    assert "material-0123456789abcdef" not in text
    assert abs(len(text.split()) - 300) <= 30


@pytest.mark.parametrize("words", [60, 150, 300, 700])
@pytest.mark.parametrize("kind", ["blog post", "essay", "note"])
def test_a_length_in_words_is_kept(kind: str, words: int) -> None:
    length = len(compose(f"Write a {kind} about sharpening kitchen knives in {words} words").split())
    assert abs(length - words) <= max(12, words // 10)


@pytest.mark.parametrize(
    ("prompt", "sign"),
    [
        ("Write about coffee in German", "Am Anfang steht"),
        ('Write a blog post about coffee.\nLanguage: "French"', "question simple"),
        ("Cuéntame del café en español", "pregunta sencilla"),
    ],
)
def test_a_language_is_kept(prompt: str, sign: str) -> None:
    assert sign in compose(prompt)


def test_posts_for_a_small_network_keep_its_limit() -> None:
    system = "You write posts for social networks. Write 3 variants. The network is X. At most 280 characters in all."
    posts = compose("Subject: Our second workshop opens in Lyon on the fourth of May", system).split("Variant ")[1:]
    assert len(posts) == 3
    assert all(len(post.partition("\n\n")[2].strip()) <= 280 for post in posts)


def test_the_same_request_gives_the_same_text_and_another_seed_another() -> None:
    assert compose("Write about tea", "Be calm", 1) == compose("Write about tea", "Be calm", 1)
    assert compose("Write about tea", "Be calm", 1) != compose("Write about tea", "Be calm", 2)


def test_a_playful_voice_is_heard() -> None:
    assert "fun" in compose("Write about tea", "Our voice is playful.")
    assert "allowed to be fun" not in compose("Write about tea", "Our voice is sober.")


def test_images_are_described() -> None:
    text = compose(
        "Describe", images=[Image("image/jpeg", 40, 30), Image("image/webp"), Image("image", url="http://x/y")]
    )
    assert "JPEG image of 40 × 30 pixels" in text  # noqa: RUF001
    assert "WEBP image" in text
    assert "http://x/y" in text


@pytest.mark.parametrize(
    ("topic", "noun"),
    [
        ("How to sharpen a kitchen knife on a stone", "kitchen knife"),
        ("urban gardening for beginners", "urban gardening"),
        ("coffee", "coffee"),
        ("the NASA budget", "NASA budget"),
        ("what is it", "everyday"),
    ],
)
def test_the_noun_of_a_topic_can_stand_before_another(topic: str, noun: str) -> None:
    assert noun_of(topic) == noun


def test_no_sentence_comes_twice() -> None:
    sentences = [
        part for part in compose("Write a blog post about tea in 900 words").replace("\n", " ").split(". ") if part
    ]
    assert len(sentences) == len(set(sentences))


@given(st.text(max_size=400), st.text(max_size=200))
def test_any_prompt_gets_some_text(prompt: str, system: str) -> None:
    assert compose(prompt, system).strip()


@pytest.mark.parametrize("piece", ["<a-1>\n", "A: ", "about ", "- x\n", "x. ", "in ", "1 ", "a", " ", "[[sim:"])
def test_a_huge_prompt_is_read_in_time(piece: str) -> None:
    assert read(piece * 20_000, piece * 20_000).kind
