"""The key's money: a hold that covers the request, a wait while others hold, a refusal that says why, nothing leaked."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import BudgetExhausted, Interrupted, NotFound, RateLimited, Reason, Unavailable
from gateway.ledger.prices import bound
from gateway.measure import measure
from gateway.stages.spend import LEAST_OUTPUT, Spend, settlement
from gateway.stages.spend_limits import LimitDefaults, attempt_at, limit_at, output_tokens, with_limit
from gateway.types import (
    AttemptResult,
    Call,
    Deployment,
    Endpoint,
    Options,
    Outcome,
    Price,
    Settlement,
    Status,
    Usage,
)
from tests.core.fakes import PRICE, FakeClock, FakeLedger, Words, asking, deployment, person, ticks

DEFAULTS = LimitDefaults(max_tokens=1_000, max_tokens_reasoning=4_000, max_wait=30)
DONE = Outcome(Status.COMPLETED)
D1 = deployment()


class Bench:
    """The stage on one budget account."""

    def __init__(self, clock: FakeClock, limit: int | None = None) -> None:
        self.clock, self.ledger = clock, FakeLedger(limit)
        self.stage = Spend(self.ledger, Words(), clock, DEFAULTS)

    def call(self, *deployments: Deployment, **changes: object) -> Call:
        return asking(self.clock, *(deployments or [D1]), **changes)

    def price(self, call: Call, output: int) -> int:
        """What the request may cost by its bytes, with so much output."""
        return bound(PRICE, measure(call.body).token_bound(), output)


async def test_the_hold_covers_input_by_bytes_and_all_output(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(body={"max_tokens": 50})
    await bench.stage.enter(call)
    ((record, hold),) = bench.ledger.opened
    assert hold is not None
    assert (hold.scopes, hold.amount) == (("key:k_1",), bench.price(call, 50))
    assert hold.expires_at == clock.now() + 60 + 60
    assert call.input_bound >= len(b"three short words")
    assert (call.held, call.recorded, record.id) == (hold.amount, True, "gen-1")


async def test_the_dearest_deployment_of_the_plan_counts(clock: FakeClock) -> None:
    bench = Bench(clock)
    dear = deployment("d2", price=Price(input=10_000, output=50_000))
    call = bench.call(D1, dear, body={"max_tokens": 50})
    await bench.stage.enter(call)
    assert call.held == bound(dear.price, call.input_bound, 50)


async def test_every_choice_counts(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(body={"max_tokens": 50, "n": 3})
    await bench.stage.enter(call)
    assert call.held == bound(PRICE, call.input_bound, 50, 3)


async def test_text_is_counted_only_when_its_bytes_are_refused(clock: FakeClock) -> None:
    long = {"messages": [{"role": "user", "content": "antidisestablishmentarianism " * 50}], "max_tokens": 50}
    roomy = Bench(clock)
    call = roomy.call(body=long)
    await roomy.stage.enter(call)
    by_bytes = call.input_bound
    tight = Bench(clock, roomy.price(call, 50) - 1)
    call = tight.call(body=long)
    await tight.stage.enter(call)
    assert call.input_bound < by_bytes / 5
    assert call.input_bound >= 50
    assert "x-atelier-max-tokens" not in call.headers


async def test_without_a_limit_of_its_own_the_output_shrinks_to_what_is_left(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call()
    counted = measure(call.body).token_bound(Words().count("user\nthree short words"))
    bench.ledger.limit = bound(PRICE, counted, 300)
    await bench.stage.enter(call)
    assert call.bound_tokens == 300
    assert call.headers["x-atelier-max-tokens"] == "300"
    assert call.held <= bench.ledger.limit


async def test_a_clients_own_limit_is_never_lowered(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(body={"max_tokens": 400})
    bench.ledger.limit = bench.price(call, 300)
    with pytest.raises(BudgetExhausted) as caught:
        await bench.stage.enter(call)
    assert caught.value.headers()["x-should-retry"] == "false"
    assert "x-atelier-max-tokens" not in call.headers
    assert (bench.ledger.holds, call.recorded) == ({}, False)


async def test_a_budget_that_is_gone_says_so_with_its_figures(clock: FakeClock) -> None:
    bench = Bench(clock, 1_000_000_000)
    bench.ledger.spent = 999_999_999
    call = bench.call()
    with pytest.raises(BudgetExhausted) as caught:
        await bench.stage.enter(call)
    budget = caught.value.body()["error"]["budget"]
    assert budget == {"scope": "key:k_1", "limit": "1", "spent": "0.999999999", "held": "0", "resets_at": None}
    assert "x-atelier-max-tokens" not in call.headers
    assert bench.ledger.holds == {}


@pytest.mark.parametrize("body", [{}, {"max_tokens": LEAST_OUTPUT}])
async def test_a_few_tokens_are_the_least_that_is_begun(clock: FakeClock, body: dict[str, object]) -> None:
    bench = Bench(clock)
    call = bench.call(body=body)
    counted = measure(call.body).token_bound(Words().count("user\nthree short words"))
    bench.ledger.limit = bound(PRICE, counted, LEAST_OUTPUT) - 1
    with pytest.raises(BudgetExhausted):
        await bench.stage.enter(call)


async def test_a_model_of_few_tokens_is_not_raised_to_the_least(clock: FakeClock) -> None:
    bench = Bench(clock, 1)
    call = bench.call(deployment(max_output=4))
    with pytest.raises(BudgetExhausted):
        await bench.stage.enter(call)
    assert call.bound_tokens == 4


async def test_embeddings_hold_their_input_and_shrink_nothing(clock: FakeClock) -> None:
    bench = Bench(clock, 1)
    call = bench.call(endpoint=Endpoint.EMBEDDINGS, body={"input": "some text", "messages": None})
    with pytest.raises(BudgetExhausted):
        await bench.stage.enter(call)
    assert (call.bound_tokens, call.headers) == (0, {})


async def test_it_waits_while_only_holds_stand_in_the_way(clock: FakeClock) -> None:
    bench = Bench(clock)
    first = bench.call(body={"max_tokens": 50})
    bench.ledger.limit = bench.price(first, 60)
    second = bench.call(id="gen-2", body={"max_tokens": 50})
    await bench.stage.enter(first)
    waiting = asyncio.create_task(bench.stage.enter(second))
    await in_line(bench)
    assert not waiting.done()
    await bench.stage.exit(first, DONE)
    await ticks()
    assert waiting.done()
    await waiting
    assert set(bench.ledger.holds) == {"gen-2"}


async def in_line(bench: Bench) -> None:
    """Until both requests have asked for their hold, the second by bytes and by tokens, and it has begun to wait."""
    while len(bench.ledger.opened) < 3:
        await bench.ledger.asked.acquire()
    await ticks()


@pytest.mark.parametrize(("patience", "deadline"), [(5.0, 60.0), (600.0, 5.0), (600.0, 60.0)])
async def test_it_gives_up_when_the_caller_would(clock: FakeClock, patience: float, deadline: float) -> None:
    bench = Bench(clock)
    first = bench.call(body={"max_tokens": 50})
    bench.ledger.limit = bench.price(first, 60)
    await bench.stage.enter(first)
    until = min(patience, deadline, DEFAULTS.max_wait)
    second = bench.call(
        id="gen-2",
        body={"max_tokens": 50},
        options=Options(patience=patience),
        deadline=clock.monotonic() + deadline,
    )
    waiting = asyncio.create_task(bench.stage.enter(second))
    await in_line(bench)
    clock.advance(until - 1)
    await notify(bench)
    assert not waiting.done()
    clock.advance(1)
    await notify(bench)
    with pytest.raises(RateLimited) as caught:
        await waiting
    assert caught.value.code == "budget_busy"
    assert caught.value.headers()["x-should-retry"] == "true"
    assert "retry-after" in caught.value.headers()
    assert set(bench.ledger.holds) == {"gen-1"}


async def notify(bench: Bench) -> None:
    """Another request of the gateway settles, which wakes those that wait."""
    await bench.stage.exit(asking(bench.clock, D1, id="other"), DONE)
    await ticks()


async def test_an_interrupted_wait_ends_at_once(clock: FakeClock) -> None:
    bench = Bench(clock)
    first, second = bench.call(body={"max_tokens": 50}), bench.call(id="gen-2", body={"max_tokens": 50})
    bench.ledger.limit = bench.price(first, 60)
    await bench.stage.enter(first)
    waiting = asyncio.create_task(bench.stage.enter(second))
    await in_line(bench)
    second.interruption.request(Reason.CLIENT_GONE)
    await ticks()
    assert waiting.done()
    with pytest.raises(Interrupted):
        await waiting
    assert set(bench.ledger.holds) == {"gen-1"}


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 30])
async def test_an_interrupted_wait_leaves_no_hold(clock: FakeClock, steps: int) -> None:
    bench = Bench(clock)
    first = bench.call(body={"max_tokens": 50})
    bench.ledger.limit = bench.price(first, 60)
    await bench.stage.enter(first)
    second = bench.call(id="gen-2", body={"max_tokens": 50})
    waiting = asyncio.create_task(bench.stage.enter(second))
    await in_line(bench)
    leaving = asyncio.create_task(bench.stage.exit(first, DONE))
    await ticks(steps)
    second.interruption.request(Reason.CLIENT_GONE)
    (found,) = await asyncio.gather(waiting, return_exceptions=True)
    await leaving
    if isinstance(found, Interrupted):
        assert bench.ledger.holds == {}
    else:  # it had its hold already, and gives it back in `exit`
        assert found is None
        await bench.stage.exit(second, DONE)
        assert bench.ledger.holds == {}


async def test_a_store_that_is_away_refuses_the_request(clock: FakeClock) -> None:
    bench = Bench(clock)
    bench.ledger.away = True
    call = bench.call()
    with pytest.raises(Unavailable):
        await bench.stage.enter(call)
    assert not call.recorded


async def test_a_key_that_pays_from_nowhere_holds_nothing(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(identity=person(scopes=()))
    await bench.stage.enter(call)
    assert bench.ledger.opened[0][1] is None
    assert call.recorded


async def test_the_first_attempt_is_written_down_with_its_request_within_the_hold(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(body={"max_tokens": 50})
    await bench.stage.enter(call)
    ((intent, held),) = bench.ledger.intents
    assert (intent.number, intent.deployment_id, intent.request_id) == (1, "d1", "gen-1")
    assert intent.bound <= held == call.held
    assert call.opened is intent


async def test_a_first_attempt_that_was_never_sent_ends_and_owes_nothing(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(body={"max_tokens": 50})
    await bench.stage.enter(call)
    await bench.stage.exit(call, Outcome(Status.CANCELLED, reason=Reason.CLIENT_GONE, http_status=499))
    ((result,),) = (settled.results for settled in bench.ledger.settled)
    assert (result.intent.number, result.status, result.cost, result.usage) == (1, Status.CANCELLED, 0, Usage())
    assert call.attempts == []


async def test_nothing_is_written_down_for_words_of_the_callers_own(clock: FakeClock) -> None:
    bench = Bench(clock)
    await bench.stage.enter(bench.call(options=Options(mock_response="mine")))
    assert bench.ledger.intents == []


async def test_everything_ends_in_one_settlement(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(body={"max_tokens": 50})
    await bench.stage.enter(call)
    intent, call.opened = call.opened, None
    assert intent is not None
    call.attempts.append(AttemptResult(intent, Status.COMPLETED, Usage(1, 2), 5, clock.now()))
    call.served, call.first_byte_at = D1, call.started + 1.5
    call.headers["x-atelier-cache"] = "miss"
    clock.advance(3)
    await bench.stage.exit(call, Outcome(Status.INCOMPLETE, finish_reason="length"))
    assert bench.ledger.settled == [
        Settlement(
            "gen-1",
            tuple(call.attempts),
            Status.INCOMPLETE,
            200,
            None,
            clock.now(),
            ttft=1.5,
            deployment_id="d1",
            cache="miss",
        )
    ]
    assert (bench.ledger.spent, bench.ledger.holds) == (5, {})


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(Status.FAILED, error=NotFound("x", code="model_not_found"), http_status=404), "model_not_found"),
        (Outcome(Status.CANCELLED, reason=Reason.CLIENT_GONE, http_status=499), "client_disconnected"),
        (Outcome(Status.COMPLETED), None),
    ],
)
def test_the_code_of_an_ending(clock: FakeClock, outcome: Outcome, code: str | None) -> None:
    found = settlement(asking(clock, D1), outcome, clock.now(), None)
    assert (found.error_code, found.http_status) == (code, outcome.http_status)


async def test_what_the_ledger_is_told_at_the_start(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(
        deployment(simulated=True),
        identity=person(user="ann", tags=("desk",)),
        options=Options(tags=("spring",)),
        brand="lumen",
        template="blog_post",
        template_version="2",
        stream=True,
    )
    await bench.stage.enter(call)
    record = bench.ledger.opened[0][0]
    assert (record.key_id, record.tenant, record.user, record.team) == ("k_1", "team:red", "ann", "red")
    assert (record.brand, record.template, record.template_version) == ("lumen", "blog_post", "2")
    assert (record.tags, record.route, record.simulated) == (("desk", "spring"), "priority: in order", True)
    assert (record.model_requested, record.stream, record.endpoint) == ("fast", True, Endpoint.CHAT)


@pytest.mark.parametrize(
    ("body", "deployments", "tokens"),
    [
        ({}, [D1], 1_000),
        ({}, [deployment(reasoning=True)], 4_000),
        ({}, [deployment(max_output=300)], 300),
        ({}, [deployment(max_output=300), deployment("d2", reasoning=True, max_output=2_000)], 2_000),
        ({"max_tokens": 7}, [D1], 7),
        ({"max_tokens": 7, "max_completion_tokens": 9}, [D1], 9),
        ({"max_tokens": 7, "max_completion_tokens": None}, [D1], 7),
    ],
)
def test_output_tokens(clock: FakeClock, body: dict[str, object], deployments: list[Deployment], tokens: int) -> None:
    assert output_tokens(asking(clock, *deployments, body=body), DEFAULTS) == tokens


@pytest.mark.parametrize("further", [[], [deployment("d2", price=Price(input=10_000, output=50_000))]])
@pytest.mark.parametrize(("body", "money"), [({}, 10**12), ({}, 400_000), ({"max_tokens": 50, "n": 3}, 10**12)])
async def test_the_first_attempt_is_bound_by_what_it_can_cost_where_it_goes(
    clock: FakeClock, body: dict[str, object], money: int, further: list[Deployment]
) -> None:
    bench, first = Bench(clock, money), deployment(max_output=900)
    call = bench.call(first, *further, body=body)
    await bench.stage.enter(call)
    ((intent, held),) = bench.ledger.intents
    assert intent == attempt_at(first, call, 1, clock.now())
    assert intent.bound <= held
    assert (intent.bound == held) is (not further)


async def test_texts_to_embed_have_no_output_to_bind(clock: FakeClock) -> None:
    bench = Bench(clock)
    call = bench.call(endpoint=Endpoint.EMBEDDINGS, body={"input": "some text", "messages": None, "max_tokens": 10**6})
    await bench.stage.enter(call)
    ((intent, held),) = bench.ledger.intents
    assert intent.bound == held == bench.price(call, 0)


def test_a_limit_is_told_only_where_money_depends_on_it(clock: FakeClock) -> None:
    free, paying = asking(clock, D1, bound_tokens=90), asking(clock, D1, bound_tokens=90)
    paying.budgeted = True
    assert (limit_at(D1, free), limit_at(D1, paying)) == (None, 90)
    assert with_limit(free.body, None) is free.body
    assert with_limit({"max_tokens": 3}, 3) == {"max_tokens": 3}
    assert with_limit({"model": "m"}, 90) == {"model": "m", "max_completion_tokens": 90}
