"""From choices to the request that is sent."""

from __future__ import annotations

from dashboard.views import ordering
from tests.dashboard.stub import BRANDS, MODELS, TEMPLATES


def test_auto_comes_first_then_groups_then_single_models_and_no_embeddings():
    assert ordering.chat_models(MODELS) == {
        "auto": "auto: picked for each text",
        "fast": "fast: gpt and 1 more",
        "claude": "claude",
    }


def test_brands_are_those_that_the_key_may_use():
    assert ordering.brands_for(BRANDS, {"brands": None}, {}) == {
        "": "No brand voice",
        "lumen": "Lumen",
        "harbour": "Harbour",
    }
    assert ordering.brands_for(BRANDS, {"brands": ["lumen"]}, {}) == {"": "No brand voice", "lumen": "Lumen"}
    assert ordering.brands_for(BRANDS, {"brands": []}, {}) == {"": "No brand voice"}


def test_a_key_with_a_brand_of_its_own_cannot_go_without_one():
    assert ordering.brands_for(BRANDS, {"brands": None, "default_brand": "lumen"}, {}) == {
        "lumen": "Lumen",
        "harbour": "Harbour",
    }


def test_a_template_that_needs_a_brand_gets_one():
    needs = {"needs_brand": True}
    assert list(ordering.brands_for(BRANDS, {"brands": ["lumen"]}, needs)) == ["lumen"]
    assert list(ordering.brands_for([], {"brands": None}, needs)) == [""]


def test_the_current_version_is_the_one_that_is_named():
    assert ordering.current_version(TEMPLATES[0])["version"] == "2"
    assert ordering.current_version({"current": "9", "versions": [{"version": "1"}]})["version"] == "1"
    assert ordering.current_version({"current": "1"}) == {}


def test_a_template_is_asked_for_with_what_was_filled_in():
    order = ordering.template_order("fast", TEMPLATES[0], {"topic": "Bread", "words": 30, "goal": None}, "lumen")
    assert order.body == {
        "model": "fast",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [],
        "prompt": {"id": "blog_post", "version": "2", "variables": {"topic": "Bread", "words": 30}},
    }
    assert order.headers == {"x-atelier-on-disconnect": "cancel", "x-atelier-brand": "lumen"}
    assert (order.title, order.words) == ("Blog post", 30)


def test_a_free_prompt_is_one_message_and_names_no_brand_unless_one_was_chosen():
    order = ordering.free_order("auto", "Three headlines", "")
    assert order.body["messages"] == [{"role": "user", "content": "Three headlines"}]
    assert "x-atelier-brand" not in order.headers
