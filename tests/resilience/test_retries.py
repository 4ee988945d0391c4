"""Which attempt comes next: within a group, the group once more, its fallbacks; by hand, without any waiting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Fault, ProviderError
from gateway.resilience.retries import MAY_PASS, NOT_ELSEWHERE, Retries, Walk
from gateway.types import Candidate, Deployment, Endpoint, Price

MINUTE = 60.0


def candidates(*names: str, after: Fault | None = None) -> list[Candidate]:
    """`f1` is a deployment of the group `f`."""
    faults = frozenset() if after is None else frozenset({after})
    return [
        Candidate(Deployment(name, name[0], "openai", f"openai/{name}", Endpoint.CHAT, Price()), "", name[0], faults)
        for name in names
    ]


def walked(
    plan: list[Candidate],
    retries: Retries,
    *faults: Fault | ProviderError,
    asked: int | None = None,
    left: float = MINUTE,
    draw: Callable[[], float] = lambda: 0.5,
) -> list[str]:
    """Deployments in the order in which they are tried when each attempt fails so, the last fault for ever; `+` after a pause."""
    walk, out = Walk(plan, retries, draw, asked), []
    while (step := walk.next(left)) is not None:
        out.append(step.deployment.id + ("+" if step.pause else ""))
        fault = faults[min(len(out), len(faults)) - 1]
        walk.failed(fault if isinstance(fault, ProviderError) else ProviderError(fault, "no"), step.deployment)
        assert len(out) < 50
    return out


TWO = candidates("f1", "f2")
CHAIN = candidates("f1", "f2", "s1")


@pytest.mark.parametrize("fault", sorted(MAY_PASS))
def test_with_nowhere_else_to_go_a_deployment_is_tried_again_after_a_pause(fault: Fault) -> None:
    assert walked(candidates("f1"), Retries(3), fault) == ["f1", "f1+", "f1+"]


@pytest.mark.parametrize("fault", sorted(set(Fault) - MAY_PASS))
def test_what_does_not_pass_is_not_tried_again(fault: Fault) -> None:
    assert walked(candidates("f1"), Retries(3), fault) == ["f1"]


def test_everything_new_comes_before_anything_again() -> None:
    assert walked(CHAIN, Retries(5), Fault.SERVER) == ["f1", "f2", "s1", "f1+", "f2"]


def test_a_group_has_its_attempts_before_its_fallbacks() -> None:
    assert walked(CHAIN, Retries(10, per_group=3), Fault.SERVER) == ["f1", "f2", "f1+", "s1", "s1+", "s1+"]


def test_each_order_of_a_group_has_its_attempts() -> None:
    """As in LiteLLM, whose router goes on to the next order like to a fallback."""
    main, spare, other = candidates("f1", "f2", "s1")
    plan = [main, replace(spare, deployment=replace(spare.deployment, order=2)), other]
    assert walked(plan, Retries(10, per_group=2), Fault.SERVER) == ["f1", "f1+", "f2", "f2+", "s1", "s1+"]
    assert walked(plan, Retries(10, per_group=2), Fault.SERVER, asked=0) == ["f1", "f2", "s1"]
    assert walked(plan, Retries(4), Fault.SERVER) == ["f1", "f2", "s1", "f1+"]


def test_attempts_bound_all_groups_together() -> None:
    assert walked(CHAIN, Retries(4, per_group=3), Fault.SERVER) == ["f1", "f2", "f1+", "s1"]


def test_one_attempt_a_group_goes_on_at_once() -> None:
    assert walked(CHAIN, Retries(10, per_group=1), Fault.SERVER) == ["f1", "s1"]


@pytest.mark.parametrize(("asked", "tried"), [(0, ["f1", "s1"]), (1, ["f1", "f2", "s1", "s1+"]), (9, None)])
def test_a_requests_own_retries_only_lower_a_groups_and_keep_its_fallbacks(asked: int, tried: list[str] | None) -> None:
    usual = walked(CHAIN, Retries(10, per_group=3), Fault.SERVER)
    assert walked(CHAIN, Retries(10, per_group=3), Fault.SERVER, asked=asked) == (tried or usual)


def test_after_a_429_the_fallbacks_are_quicker_than_a_pause() -> None:
    retries = Retries(10, per_group=3)
    assert walked(CHAIN, retries, Fault.RATE_LIMITED)[:3] == ["f1", "f2", "s1"]
    assert walked(TWO, retries, Fault.RATE_LIMITED) == ["f1", "f2", "f1+"]


def test_kinds_of_error_have_their_own_number() -> None:
    retries = Retries(10, per_group=2, by_error={"timeout": 1, "server": 4, "credentials": 3})
    assert walked(candidates("f1", "s1"), retries, Fault.TIMEOUT) == ["f1", "s1"]
    assert walked(candidates("f1"), retries, Fault.SERVER) == ["f1", "f1+", "f1+", "f1+"]
    assert walked(candidates("f1"), retries, Fault.RATE_LIMITED) == ["f1", "f1+"]
    assert walked(candidates("f1"), retries, Fault.CREDENTIALS) == ["f1", "f1+", "f1+"]


def test_a_named_kind_stays_in_the_group_even_without_a_number_for_groups() -> None:
    assert walked(CHAIN, Retries(10, by_error={"server": 3}), Fault.SERVER)[:4] == ["f1", "f2", "f1+", "s1"]


@pytest.mark.parametrize("fault", sorted(NOT_ELSEWHERE))
def test_the_callers_mistake_is_no_reason_to_go_on(fault: Fault) -> None:
    assert walked(CHAIN, Retries(10, per_group=3), Fault.SERVER, fault) == ["f1", "f2"]
    assert walked(CHAIN, Retries(10, per_group=3), fault) == ["f1"]


def test_a_mistake_that_the_admin_wants_tried_again_stays_in_its_group() -> None:
    retries = Retries(10, by_error={"bad_request": 2})
    assert walked(candidates("f1", "s1"), retries, Fault.CALLER) == ["f1", "f1+"]


def test_a_prompt_that_is_too_long_goes_straight_to_the_fallbacks_for_it() -> None:
    plan = [*TWO, *candidates("w1", "w2", after=Fault.CONTEXT_WINDOW), *candidates("s1")]
    assert walked(plan, Retries(10), Fault.CONTEXT_WINDOW, Fault.SERVER)[:4] == ["f1", "w1", "w2", "s1"]
    assert walked(plan, Retries(10, per_group=1), Fault.SERVER) == ["f1", "s1"]


def test_without_such_fallbacks_it_goes_to_the_ordinary_ones() -> None:
    assert walked(CHAIN, Retries(10), Fault.CONTEXT_WINDOW) == ["f1", "f2", "s1"]


def test_refused_content_goes_to_the_fallbacks_for_it_and_nowhere_else() -> None:
    plan = [*TWO, *candidates("p1", after=Fault.CONTENT_POLICY), *candidates("s1")]
    assert walked(plan, Retries(10), Fault.CONTENT_POLICY) == ["f1", "p1"]
    assert walked(plan, Retries(10), Fault.CONTENT_POLICY, Fault.NOT_FOUND) == ["f1", "p1", "s1"]


def test_fallbacks_for_one_fault_are_for_the_group_before_them() -> None:
    plan = [*candidates("f1"), *candidates("s1"), *candidates("w1", after=Fault.CONTEXT_WINDOW), *candidates("t1")]
    assert walked(plan, Retries(10), Fault.CONTEXT_WINDOW)[:3] == ["f1", "s1", "w1"]
    assert walked(plan, Retries(10), Fault.CONTEXT_WINDOW, Fault.SERVER, Fault.NOT_FOUND) == ["f1", "s1", "t1", "s1+"]


def test_a_group_that_is_a_fallback_twice_is_tried_once() -> None:
    plan = [*candidates("f1"), *candidates("s1", after=Fault.CONTEXT_WINDOW), *candidates("s1")]
    assert walked(plan, Retries(10), Fault.CONTEXT_WINDOW) == ["f1", "s1"]
    assert walked(plan, Retries(10), Fault.SERVER, Fault.CONTEXT_WINDOW)[:2] == ["f1", "s1"]


def test_a_providers_retry_after_is_kept_to() -> None:
    walk = Walk(TWO, Retries(4, per_group=4), lambda: 0.5)
    for name, seconds in (("f1", 30.0), ("f2", 7.0)):
        step = walk.next(MINUTE)
        assert step is not None
        assert (step.deployment.id, step.pause, step.again) == (name, 0.0, False)
        walk.failed(ProviderError(Fault.RATE_LIMITED, "no", retry_after=seconds), step.deployment)
    step = walk.next(MINUTE)
    assert step is not None
    assert (step.deployment.id, step.pause, step.again) == ("f2", 7.0, True)


@pytest.mark.parametrize(("asked_for", "left"), [(61.0, 300.0), (10.0, 9.0), (10.0, 10.0)])
def test_a_wait_that_does_not_fit_is_not_begun(asked_for: float, left: float) -> None:
    error = ProviderError(Fault.SERVER, "no", retry_after=asked_for)
    assert walked(candidates("f1"), Retries(3, per_group=3), error, left=left) == ["f1"]


@pytest.mark.parametrize("fault", [Fault.RATE_LIMITED, Fault.SERVER])
def test_a_longer_retry_after_is_the_clients_unless_the_admin_asks_for_patience(fault: Fault) -> None:
    short, long = (ProviderError(fault, "no", retry_after=seconds) for seconds in (5, 6))
    assert walked(candidates("f1"), Retries(2), short) == ["f1", "f1+"]
    assert walked(candidates("f1"), Retries(2), long) == ["f1"]
    assert walked(candidates("f1"), Retries(2, per_group=2), long) == ["f1", "f1+"]
    assert walked(candidates("f1"), Retries(2, by_error={"timeout": 2}), long) == ["f1", "f1+"]


def test_pauses_grow_with_the_rounds() -> None:
    walk, pauses = Walk(candidates("f1"), Retries(5), lambda: 0.5), []
    while (step := walk.next(MINUTE)) is not None:
        pauses.append(step.pause)
        walk.failed(ProviderError(Fault.SERVER, "no"), step.deployment)
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8]


def test_without_time_for_a_pause_everything_is_tried_once() -> None:
    assert walked(CHAIN, Retries(9, per_group=3), Fault.SERVER, left=0.0) == ["f1", "f2", "s1"]


def test_passing_a_deployment_by_is_no_attempt() -> None:
    walk = Walk(TWO, Retries(3), lambda: 0.5)
    assert [step.deployment.id for _ in range(2) if (step := walk.next(MINUTE))] == ["f1", "f2"]
    assert walk.next(MINUTE) is None


@given(
    plan=st.lists(
        st.tuples(st.sampled_from(["f1", "f2", "s1", "s2", "t1"]), st.sampled_from([None, *sorted(Fault)])), max_size=8
    ),
    faults=st.lists(st.sampled_from(sorted(Fault)), min_size=1, max_size=12),
    attempts=st.integers(1, 10),
    per_group=st.none() | st.integers(1, 10),
    asked=st.none() | st.integers(0, 5),
)
def test_it_always_ends_within_the_bounds(
    plan: list[tuple[str, Fault | None]], faults: list[Fault], attempts: int, per_group: int | None, asked: int | None
) -> None:
    found = [each for name, after in plan for each in candidates(name, after=after)]
    tried = [name.rstrip("+") for name in walked(found, Retries(attempts, per_group), *faults, asked=asked)]
    assert len(tried) <= attempts
    if found and not found[0].after:
        assert tried[0] == found[0].deployment.id
