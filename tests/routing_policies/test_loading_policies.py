"""Policies by name: the built-in ones and those of an admin's own folder, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ports import Signals
from routing_policies import BUILT_IN, PolicyError, load, load_path, reads_of

GOOD = """
from __future__ import annotations
from dataclasses import dataclass
from gateway.types import Candidate, Plan

@dataclass(slots=True)
class Policy:
    name = "backwards"
    label: str = "last first"

    def rank(self, body, deployments, signals):
        return Plan(tuple(Candidate(d, self.label) for d in reversed(deployments)), self.name, self.label)
"""


def test_the_built_in_policies_are_known_by_their_files_names():
    folder = Path(__file__).parents[2] / "routing_policies"
    assert set(BUILT_IN) == {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert {name: load(name).name for name in BUILT_IN} == {name: name for name in BUILT_IN}


def test_a_policy_of_ones_own_comes_in_by_the_same_door(tmp_path):
    (tmp_path / "backwards.py").write_text(GOOD)
    (tmp_path / "_shared.py").write_text("raise RuntimeError('never run')")
    own = load_path(tmp_path)
    assert set(own) == {"backwards"}
    policy = load("backwards", own, label="z to a")
    assert policy.rank({}, [], Signals(frozenset(), {}, {}, 0.0)).reason == "z to a"
    assert load("priority", own).name == "priority"


def test_an_unknown_policy_is_answered_with_those_there_are():
    with pytest.raises(
        PolicyError, match=r"no routing policy 'nope'\. Known are: complexity, cost, latency, .*, weighted\."
    ):
        load("nope")


def test_an_unknown_parameter_is_answered_with_those_there_are():
    with pytest.raises(PolicyError, match=r"'complexity' has no parameter 'fast'\. It takes: fast_below, best_from"):
        load("complexity", fast=0.2)
    with pytest.raises(PolicyError, match=r"'priority' has no parameter 'x'\. It takes: none"):
        load("priority", x=1)


def test_a_parameter_of_the_wrong_kind_is_refused():
    with pytest.raises(PolicyError, match="'complexity' cannot be set up"):
        load("complexity", fast_below="low")


def test_a_policy_that_takes_any_parameter_is_given_it(tmp_path):
    source = (
        "class Policy:\n    name = 'open'\n    def __init__(self, **more): self.more = more\n    def rank(self): ...\n"
    )
    (tmp_path / "open.py").write_text(source)
    assert load("open", load_path(tmp_path), anything=1).more == {"anything": 1}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("broken", "x = (", "line 1: '\\(' was never closed"),
        ("missing", "\nimport nothing_of_that_name", "line 2: ModuleNotFoundError"),
        ("wrong", "x = 1\ny = z", "line 2: NameError"),
        ("empty", "", "must define a class named Policy"),
        ("function", "def Policy(): ...", "must define a class named Policy"),
        ("nameless", "class Policy: ...", "must have name = 'nameless'"),
        ("misnamed", "class Policy:\n    name = 'other'", "must have name = 'misnamed'"),
        (
            "nosy",
            "class Policy:\n    name = 'nosy'\n    reads = {'mail'}\n    def rank(self): ...",
            "`reads` names 'mail'",
        ),
        ("rankless", "class Policy:\n    name = 'rankless'", "must have a method rank"),
        ("priority", GOOD, "name of a built-in policy"),
    ],
)
def test_a_file_that_is_no_policy_is_refused_with_its_path(tmp_path, name, source, message):
    (tmp_path / f"{name}.py").write_text(source)
    with pytest.raises(PolicyError, match=message) as caught:
        load_path(tmp_path)
    assert str(tmp_path / f"{name}.py") in str(caught.value)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PolicyError, match="does not exist"):
        load_path(tmp_path / "nowhere")


def test_what_a_policy_reads_is_what_it_says_beside_its_rank(tmp_path):
    source = """
from routing_policies import weighted

class Policy(weighted.Policy):
    name = "{name}"
    {more}
"""
    (tmp_path / "same.py").write_text(source.format(name="same", more=""))
    (tmp_path / "anew.py").write_text(source.format(name="anew", more="def rank(self, *given): ..."))
    (tmp_path / "said.py").write_text(source.format(name="said", more="reads = {'body'}; rank = None.__init__"))
    (tmp_path / "other.py").write_text(
        source.format(name="other", more="def rank(self): ...\n    def reads(self): ...")
    )
    own = load_path(tmp_path)
    reads = {name: reads_of(type(load(name, own))) for name in own}
    everything = {"body", "draw", "in_flight", "latency", "requests", "tokens"}
    assert reads == {"same": {"draw"}, "anew": everything, "said": {"body"}, "other": everything}
