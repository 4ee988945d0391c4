"""01: the shares of requests by weight, rpm and tpm are LiteLLM's; rpm and parallel bounds spill over."""

from __future__ import annotations

import random
from collections import Counter
from types import MappingProxyType

import pytest

import routing_policies
from gateway.config import load
from gateway.config.deployments import resolve
from gateway.ports import Signals
from gateway.providers.facts import model_facts
from tests.litellm_files.conftest import environment, file_of, oracle

FILE = "01"
DRAWS = 4000


def shares(names: list[str]) -> dict[str, float]:
    return {name: count / len(names) for name, count in Counter(names).items()}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("chat", {"chat-large": 0.75, "chat-small": 0.25}),
        ("drafts", {"drafts-one": 0.75, "drafts-two": 0.25}),
        ("notes", {"notes-one": 0.25, "notes-two": 0.75}),
    ],
)
def test_shares_are_litellms(fleet, group: str, expected: dict[str, float]) -> None:
    from litellm.router_strategy.simple_shuffle import simple_shuffle

    env = environment(fleet.urls)
    resolved = resolve(load(file_of(FILE), env), env, model_facts, None)
    policy = routing_policies.load("weighted", {})
    signals = [Signals(frozenset(d.id for d in resolved.groups[group]), {}, {}, draw / DRAWS) for draw in range(DRAWS)]
    ours = [policy.rank({}, resolved.groups[group], each).candidates[0].deployment.model_name for each in signals]
    random.seed(7)
    members = [each for each in oracle(FILE, fleet).model_list if each["model_name"] == group]
    picked = [simple_shuffle(lambda _: None, members, group, MappingProxyType({})) for _ in range(DRAWS)]
    theirs = [each["litellm_params"]["model"].partition("/")[2] for each in picked]

    assert shares(theirs) == pytest.approx(expected, abs=0.03)
    assert shares(ours) == pytest.approx(expected, abs=0.03)


def test_requests_a_minute_spill_over_to_the_other_deployment(pair) -> None:
    asked = [model for _ in range(3) for model in pair.ours("narrow")]

    assert Counter(asked) == {"narrow-one": 2, "narrow-two": 1}


@pytest.mark.parametrize("group", ["notes", "chat"])
def test_a_group_is_tried_as_often(pair, group: str) -> None:
    """`num_retries: "2"`: three attempts; which deployments they go to is chance in both."""
    faults = dict.fromkeys(("notes-one", "notes-two", "chat-large", "chat-small", "chat-spare"), "500")

    assert len(pair.theirs(group, faults)) == 3
    assert len(pair.ours(group, faults)) == 3
