"""04: aliases, access groups and ids by request; fallbacks under an alias's name."""

from __future__ import annotations

import pytest

FILE = "04"


@pytest.mark.parametrize(
    ("model", "asked"),
    [("gpt-4", "gpt-6-luna"), ("cheap", "claude-haiku-5-5"), ("gpt-6-astra", "gpt-6-astra")],
)
def test_an_alias_is_its_group(pair, model: str, asked: str) -> None:
    assert pair.theirs(model) == [asked]
    assert pair.ours(model) == [asked]


def test_fallbacks_under_an_alias_count_for_it(pair) -> None:
    asked = ["gpt-6-luna", "claude-haiku-5-5"]

    assert pair.theirs("gpt-4", {"gpt-6-luna": "500"}) == asked
    assert pair.ours("gpt-4", {"gpt-6-luna": "500"}) == asked


@pytest.mark.parametrize(
    ("models", "may", "may_not"),
    [
        (["editors"], ["gpt-6-luna", "gpt-4", "claude-haiku-5-5"], ["gpt-6-astra"]),
        (["everyday"], ["gpt-6-luna", "gpt-4"], ["cheap", "gpt-6-astra"]),
        (["gpt-6-astra"], ["gpt-6-astra"], ["gpt-4"]),
    ],
)
def test_a_key_may_use_the_groups_behind_an_access_group(pair, models, may, may_not) -> None:
    pair.ours("gpt-4")  # nothing is broken
    key = pair.gateway.key(models=models)
    with pair.gateway.http(key) as http:
        for name in (*may, *may_not):
            body = {"model": name, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
            assert (http.post("/v1/chat/completions", json=body).status_code == 200) is (name in may), name


def test_ids_and_the_header_of_the_file(pair) -> None:
    body = {"model": "gpt-4", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    with pair.gateway.http(None) as http:
        answer = http.post(
            "/v1/chat/completions", json=body, headers={"X-LiteLLM-Key": f"Bearer {pair.gateway.master}"}
        )

    assert answer.headers["x-atelier-deployment"] == "luna-eu"
