"""The breaker and the cooldowns of a deployment, on a clock that the test turns."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Fault, Interrupted, ProviderError, Reason
from gateway.resilience.health import SAYS_NOTHING, DeploymentHealth, Rules

FAILURES = sorted(set(Fault) - SAYS_NOTHING - {Fault.RATE_LIMITED, Fault.CREDENTIALS, Fault.CONNECT})


class TestClock:
    __test__ = False

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def health(clock: TestClock) -> DeploymentHealth:
    return DeploymentHealth(clock)


def fail(
    health: DeploymentHealth, fault: Fault = Fault.SERVER, times: int = 1, retry_after: float | None = None
) -> None:
    for _ in range(times):
        health.failed("a", ProviderError(fault, "no", retry_after=retry_after))


def opened(health: DeploymentHealth) -> DeploymentHealth:
    fail(health, times=5)
    assert health.state("a") == "open"
    return health


def test_an_unknown_deployment_is_healthy(health):
    assert health.state("a") == "closed"
    assert health.usable("a")
    assert health.claim("a")
    assert health.retry_after("a") == 0
    assert health.latencies(["a"]) == {}
    health.abandoned("a")


@pytest.mark.parametrize("fault", FAILURES)
def test_five_failures_in_a_row_open_it(health, fault):
    fail(health, fault, times=4)
    assert health.usable("a")
    fail(health, fault)
    assert health.state("a") == "open"
    assert not health.usable("a")
    assert not health.claim("a")
    assert health.retry_after("a") == 5
    assert health.usable("b")


def test_three_connection_failures_in_a_row_open_it(health):
    fail(health, Fault.CONNECT, times=2)
    fail(health, Fault.SERVER)
    fail(health, Fault.CONNECT, times=1)
    assert health.state("a") == "closed"
    health.succeeded("a", 0.1)
    fail(health, Fault.CONNECT, times=2)
    assert health.state("a") == "closed"
    fail(health, Fault.CONNECT)
    assert health.state("a") == "open"


def test_refused_credentials_open_it_at_once(health):
    fail(health, Fault.CREDENTIALS)
    assert health.state("a") == "open"


def test_a_success_starts_the_count_anew(health):
    fail(health, times=4)
    health.succeeded("a", 0.1)
    fail(health, times=4)
    assert health.state("a") == "closed"


@pytest.mark.parametrize("fault", sorted(SAYS_NOTHING))
def test_the_callers_own_mistakes_count_neither_way(health, fault):
    fail(health, times=4)
    fail(health, fault, times=20)
    assert health.state("a") == "closed"
    fail(health)
    assert health.state("a") == "open"


@pytest.mark.parametrize("error", [Interrupted(Reason.CLIENT_GONE), ValueError("a bug of ours")])
def test_what_is_no_providers_error_counts_neither_way(health, error):
    for _ in range(20):
        health.failed("a", error)
    assert health.usable("a")


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 5), (0.0, 0), (12.0, 12), (1e9, 300), (-3.0, 5), (math.nan, 5), (math.inf, 300)]
)
def test_a_429_cools_it_for_as_long_as_the_provider_asks(health, clock, asked, seconds):
    fail(health, Fault.RATE_LIMITED, times=20, retry_after=asked)
    assert health.state("a") == "closed"
    assert health.retry_after("a") == seconds
    assert health.usable("a") is (seconds == 0)
    clock.time += seconds
    assert health.usable("a")


def test_a_shorter_wish_does_not_end_a_cooldown_early(health):
    fail(health, Fault.RATE_LIMITED, retry_after=20)
    fail(health, Fault.RATE_LIMITED, retry_after=1)
    health.succeeded("a", 0.1)
    assert health.retry_after("a") == 20


def test_a_429_leaves_the_count_of_failures_alone(health):
    fail(health, times=4)
    fail(health, Fault.RATE_LIMITED, times=3)
    assert health.state("a") == "closed"
    fail(health)
    assert health.state("a") == "open"


def test_when_its_time_is_over_one_probe_is_let_through(health, clock):
    opened(health)
    clock.time += 4.999
    assert not health.claim("a")
    clock.time += 0.001
    assert health.state("a") == "half_open"
    assert health.usable("a")
    assert health.claim("a")
    assert health.state("a") == "half_open"
    assert not health.usable("a")
    assert not health.claim("a")


def test_a_good_probe_closes_it(health, clock):
    opened(health)
    clock.time += 5
    assert health.claim("a")
    health.succeeded("a", 0.1)
    assert health.state("a") == "closed"
    assert health.claim("a")
    assert health.claim("a")
    fail(health, times=4)
    assert health.state("a") == "closed"


def test_each_failed_probe_doubles_the_time_up_to_the_cap(health, clock):
    opened(health)
    waits = []
    for _ in range(9):
        waits.append(health.retry_after("a"))
        clock.time += waits[-1]
        assert health.claim("a")
        fail(health)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    clock.time += 300
    health.succeeded("a", 0.1)
    opened(health)
    assert health.retry_after("a") == 5


def test_failures_while_it_is_open_do_not_prolong_it(health):
    opened(health)
    fail(health, times=50)
    fail(health, Fault.CREDENTIALS)
    assert health.retry_after("a") == 5


def test_a_success_while_it_is_open_closes_it(health):
    opened(health)
    health.succeeded("a", 0.1)
    assert health.usable("a")


@pytest.mark.parametrize("error", [ProviderError(Fault.CALLER, "no"), Interrupted(Reason.CLIENT_GONE), None])
def test_a_probe_that_says_nothing_is_given_back(health, clock, error):
    opened(health)
    clock.time += 5
    assert health.claim("a")
    if error is None:
        health.abandoned("a")
    else:
        health.failed("a", error)
    assert health.state("a") == "half_open"
    assert health.claim("a")


def test_a_probe_that_meets_a_429_waits_for_the_cooldown_and_probes_again(health, clock):
    opened(health)
    clock.time += 5
    assert health.claim("a")
    fail(health, Fault.RATE_LIMITED, retry_after=7)
    assert health.state("a") == "half_open"
    assert health.retry_after("a") == 7
    clock.time += 7
    assert health.claim("a")


def test_a_probe_that_nobody_reported_on_is_not_waited_for_for_ever(health, clock):
    opened(health)
    clock.time += 5
    assert health.claim("a")
    assert health.retry_after("a") == 60
    clock.time += 60
    assert health.claim("a")


def test_latency_is_smoothed_and_the_unknown_is_left_out(health):
    health.succeeded("a", 0.0)
    health.succeeded("b", math.nan)
    assert health.latencies(["a", "b", "c"]) == {}
    health.succeeded("a", 1.0)
    assert health.latencies(["a"]) == {"a": 1.0}
    health.succeeded("a", 2.0)
    assert health.latencies(["a", "b"]) == {"a": pytest.approx(1.3)}


def test_with_cooldowns_disabled_nothing_is_ever_taken_out(clock):
    health = DeploymentHealth(clock, Rules(disabled=True))
    for fault in Fault:
        fail(health, fault, times=20, retry_after=9)
    health.succeeded("a", 0.5)
    assert health.state("a") == "closed"
    assert health.claim("a")
    assert health.retry_after("a") == 0
    assert health.latencies(["a"]) == {"a": 0.5}


def test_the_rules_can_be_set(clock):
    health = DeploymentHealth(clock, Rules(failures=1, open_for=2, open_cap=3, cooldown=9))
    fail(health, Fault.RATE_LIMITED)
    assert health.retry_after("a") == 9
    clock.time += 9
    fail(health)
    assert health.retry_after("a") == 2
    clock.time += 2
    fail(health)
    assert health.retry_after("a") == 3


STEP = st.one_of(
    st.tuples(st.just("claim"), st.none()),
    st.tuples(st.just("ok"), st.floats(0, 2)),
    st.tuples(st.just("fail"), st.sampled_from(list(Fault))),
    st.tuples(st.just("wait"), st.floats(0, 400)),
    st.tuples(st.just("abandon"), st.none()),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEP, max_size=60))
def test_whatever_happens_it_comes_back_by_itself_and_probes_are_single(steps):
    clock = TestClock()
    health = DeploymentHealth(clock)
    probe_ends = 0.0
    for kind, value in steps:
        if kind == "claim":
            was = health.state("a")
            granted = health.claim("a")
            assert not (granted and clock.time < probe_ends), "a second probe beside the first"
            if granted and was == "half_open":
                probe_ends = clock.time + Rules().probe_timeout
        elif kind == "wait":
            clock.time += value
        else:
            probe_ends = 0.0
            if kind == "ok":
                health.succeeded("a", value)
            elif kind == "fail":
                fail(health, value)
            else:
                health.abandoned("a")
        assert 0 <= health.retry_after("a") <= 300
        assert health.usable("a") is (health.retry_after("a") == 0)
        assert not (health.state("a") == "open" and health.usable("a"))
    clock.time += 300
    assert health.usable("a")


NAMED = Rules(
    failures=5, failures_by_error={"rate_limited": 3, "bad_request": 2, "credentials": 2, "server": 7, "timeout": 1}
)


def test_a_kind_of_error_may_have_a_number_of_its_own(clock):
    health = DeploymentHealth(clock, NAMED)
    fail(health, Fault.CONNECT, times=6)
    assert health.usable("a")
    fail(health, Fault.SERVER)
    assert health.state("a") == "open"


@pytest.mark.parametrize(
    ("fault", "times"), [(Fault.RATE_LIMITED, 3), (Fault.CALLER, 2), (Fault.CREDENTIALS, 2), (Fault.TIMEOUT, 1)]
)
def test_named_kinds_count_even_where_they_usually_do_not(clock, fault, times):
    health = DeploymentHealth(clock, NAMED)
    fail(health, fault, times=times - 1, retry_after=100)
    assert health.usable("a")
    fail(health, fault)
    assert health.state("a") == "open"


def test_other_kinds_go_by_the_usual_number(clock):
    health = DeploymentHealth(clock, NAMED)
    fail(health, Fault.CONTENT_POLICY, times=20)
    assert health.usable("a")
    health = DeploymentHealth(clock, Rules(failures_by_error={"timeout": 1}))
    fail(health, Fault.SERVER, times=4)
    assert health.usable("a")


def test_what_is_known_of_healthy_deployments_does_not_grow_for_ever(clock, monkeypatch):
    monkeypatch.setattr("gateway.resilience.health.MOST_RECORDS", 10)
    health = DeploymentHealth(clock)
    opened(health)
    health.failed("cooling", ProviderError(Fault.RATE_LIMITED, "no", retry_after=100))
    for number in range(100):
        health.succeeded(f"d{number}", 0.1)
    assert len(health._records) <= 20
    assert health.state("a") == "open"
    assert not health.usable("cooling")


def test_new_rules_count_from_now_on_and_a_forgotten_deployment_begins_anew(clock):
    health = DeploymentHealth(clock)
    fail(health, times=3)
    health.configure(Rules(failures=4))
    fail(health)
    assert health.state("a") == "open"
    health.forget("a")
    health.forget("unknown")
    assert health.state("a") == "closed"


def test_with_a_wildcards_entry_all_its_models_begin_anew(clock):
    health = DeploymentHealth(clock)
    for name in ("wild", "wild/openai/m", "wilder/openai/m"):
        health.failed(name, ProviderError(Fault.CREDENTIALS, "no"))
    health.forget("wild")
    assert [health.usable(name) for name in ("wild", "wild/openai/m", "wilder/openai/m")] == [True, True, False]
