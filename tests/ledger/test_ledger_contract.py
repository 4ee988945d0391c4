"""What every `ports.Ledger` promises. Runs on each implementation that the `world` fixture names."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from gateway import errors
from gateway.errors import Fault
from gateway.store.tables import Content
from gateway.types import Balance, HoldRefused, HoldRequest, Status, StoredContent, Usage

DAY = 86_400.0


async def test_a_hold_within_the_limit_is_admitted_and_counted(world: Any) -> None:
    await world.account("key:k_1", 1000)
    assert await world.open("g1", 400) is None
    assert await world.balance() == Balance("key:k_1", limit=1000, spent=0, held=400)
    assert (await world.request("g1"))["status"] is None


async def test_a_hold_may_use_the_limit_to_the_last_nano(world: Any) -> None:
    await world.account("key:k_1", 1000)
    assert await world.open("g1", 1000) is None
    assert await world.open("g2", 1) == HoldRefused(Balance("key:k_1", 1000, spent=0, held=1000), busy=True)


async def test_a_refused_request_leaves_nothing_behind(world: Any) -> None:
    await world.account("key:k_1", 10)
    assert await world.open("g1", 11) is not None
    assert await world.request("g1") is None
    assert (await world.balance()).held == 0


async def test_held_is_not_spent_so_only_holds_in_the_way_mean_busy(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 60)
    refused = await world.open("g2", 60)
    assert refused.busy
    assert (refused.balance.spent, refused.balance.held) == (0, 60)


async def test_money_that_is_spent_means_not_busy(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 60)
    await world.dispatch("g1")
    await world.settle("g1", 60)
    refused = await world.open("g2", 60)
    assert refused == HoldRefused(Balance("key:k_1", 100, spent=60, held=0), busy=False)


async def test_a_request_larger_than_the_whole_limit_is_never_busy(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 60)
    assert not (await world.open("g2", 101)).busy


async def test_a_hold_is_taken_on_every_scope_or_on_none(world: Any) -> None:
    await world.account("key:k_1", 1000)
    await world.account("team:blog", 50)
    refused = await world.open("g1", 60, scopes=("key:k_1", "team:blog"))
    assert refused.balance.scope == "team:blog"
    assert (await world.balance("key:k_1")).held == 0
    assert await world.open("g2", 50, scopes=("key:k_1", "team:blog")) is None
    assert [b.held for b in await world.ledger.balances(["team:blog", "key:k_1"])] == [50, 50]


async def test_an_exhausted_scope_is_named_before_a_busy_one(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.account("team:blog", 10)
    await world.open("g1", 90)
    refused = await world.open("g2", 20, scopes=("key:k_1", "team:blog"))
    assert (refused.balance.scope, refused.busy) == ("team:blog", False)


async def test_a_scope_that_is_named_twice_pays_once(world: Any) -> None:
    await world.open("g1", 30, scopes=("key:k_1", "key:k_1"))
    assert (await world.balance()).held == 30


async def test_an_unknown_scope_has_no_limit_and_is_tracked_all_the_same(world: Any) -> None:
    await world.open("g1", 10**15)
    await world.dispatch("g1")
    await world.settle("g1", 7)
    assert await world.balance() == Balance("key:k_1", limit=None, spent=7, held=0)


async def test_a_thousand_concurrent_holds_of_seven_against_a_thousand_admit_142(world: Any) -> None:
    await world.account("key:k_1", 1000)
    answers = await asyncio.gather(*(world.open(f"g{n}", 7) for n in range(1000)))
    assert answers.count(None) == 142
    assert all(answer.busy for answer in answers if answer is not None)
    assert (await world.balance()).held == 142 * 7
    assert len(await world.open_requests()) == 142


async def test_opening_a_request_twice_is_a_conflict(world: Any) -> None:
    await world.open("g1", 10)
    with pytest.raises(errors.Conflict):
        await world.open("g1", 10)
    assert (await world.balance()).held == 10


async def test_an_attempt_is_written_down_before_it_is_sent(world: Any) -> None:
    await world.open("g1", 100)
    assert await world.dispatch("g1", bound=100) is None
    (intent,) = await world.written()
    assert (intent["request_id"], intent["number"], intent["bound"]) == ("g1", 1, 100)


async def test_a_first_attempt_is_written_down_with_its_request(world: Any) -> None:
    await world.account("key:k_1", 1000)
    assert await world.open_with("g1", 400, bound=300) is None
    (intent,) = await world.written()
    assert (intent["request_id"], intent["number"], intent["bound"]) == ("g1", 1, 300)
    assert await world.balance() == Balance("key:k_1", limit=1000, spent=0, held=400)
    with pytest.raises(errors.Conflict):
        await world.dispatch("g1", 1)
    assert await world.dispatch("g1", 2, bound=50, hold=450) is None
    await world.settle("g1", 123, 7)
    assert [(line["number"], line["cost_nano"]) for line in await world.lines("g1")] == [(1, 123), (2, 7)]
    assert await world.balance() == Balance("key:k_1", limit=1000, spent=130, held=0)


async def test_a_first_attempt_of_a_refused_request_is_not_written(world: Any) -> None:
    await world.account("key:k_1", 10)
    assert await world.open_with("g1", 11) is not None
    assert await world.written() == []
    with pytest.raises(errors.Conflict):
        await world.dispatch("g1")


async def test_a_request_that_is_opened_twice_keeps_its_first_attempt(world: Any) -> None:
    await world.open_with("g1", 10, bound=10)
    with pytest.raises(errors.Conflict):
        await world.open_with("g1", 10, bound=99)
    assert [intent["bound"] for intent in await world.written()] == [10]
    assert (await world.balance()).held == 10


async def test_a_first_attempt_that_nobody_reports_is_charged_at_its_bound(world: Any, build: Any) -> None:
    await world.open_with("g1", 400, bound=77)
    await world.ledger.settle(build.settlement("g1", status=Status.FAILED))
    assert [(line["cost_nano"], line["estimated"]) for line in await world.lines("g1")] == [(77, 1)]
    await world.open_with("g2", 400, bound=33)
    assert (await world.recover()).cost == 33
    assert await world.balance() == Balance("key:k_1", limit=None, spent=110, held=0)


async def test_a_first_attempt_needs_no_hold(world: Any, build: Any) -> None:
    await world.ledger.open(build.record("g1", key="k_9"), None, build.intent("g1", bound=40))
    await world.ledger.settle(build.settlement("g1", build.result(build.intent("g1"), 12)))
    assert (await world.balance("key:k_9")).spent == 12
    assert [line["cost_nano"] for line in await world.lines("g1")] == [12]


async def test_dispatching_raises_a_hold_that_is_too_small(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 10)
    assert await world.dispatch("g1", hold=70) is None
    assert (await world.balance()).held == 70
    assert await world.dispatch("g1", 2, hold=20) is None
    assert (await world.balance()).held == 70


async def test_a_hold_that_cannot_be_raised_keeps_the_attempt_from_being_written(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 10)
    await world.open("g2", 50)
    assert await world.dispatch("g1", hold=60) == HoldRefused(Balance("key:k_1", 100, spent=0, held=60), busy=True)
    assert not (await world.dispatch("g1", hold=101)).busy
    assert (await world.balance()).held == 60
    assert await world.written() == []


@pytest.mark.parametrize("known", [True, False])
async def test_an_attempt_of_a_request_that_is_not_open_is_a_conflict(world: Any, known: bool) -> None:
    if known:
        await world.open("g1", 10)
        await world.settle("g1")
    with pytest.raises(errors.Conflict):
        await world.dispatch("g1")
    assert await world.written() == []


async def test_an_attempt_number_is_dispatched_once(world: Any) -> None:
    await world.open("g1", 10)
    await world.dispatch("g1")
    with pytest.raises(errors.Conflict):
        await world.dispatch("g1")


async def test_settling_moves_what_was_held_to_what_was_spent(world: Any) -> None:
    await world.account("key:k_1", 1000)
    await world.account("team:blog", 1000)
    await world.open("g1", 400, scopes=("key:k_1", "team:blog"))
    await world.dispatch("g1")
    await world.settle("g1", 123)
    for balance in await world.ledger.balances(["key:k_1", "team:blog"]):
        assert (balance.spent, balance.held) == (123, 0)
    (line,) = await world.lines("g1")
    assert (line["cost_nano"], line["late"], line["status"]) == (123, 0, "completed")
    request = await world.request("g1")
    assert (request["status"], request["cost_nano"], request["http_status"]) == ("completed", 123, 200)


async def test_every_attempt_is_a_line_and_the_request_is_their_sum(world: Any, build: Any) -> None:
    await world.open("g1", 400)
    await world.dispatch("g1", 1)
    await world.dispatch("g1", 2)
    first, second = world.intents["g1"]
    failed = build.result(
        first, 0, status=Status.FAILED, fault=Fault.SERVER, error="status 500", usage=Usage(), finish_reason=None
    )
    usage = Usage(input=9, output=5, cached_input=2, cache_write=1, reasoning=3, audio_input=1, audio_output=1)
    served = build.result(second, 50, usage=usage, ttft=0.25, finish_reason="stop")
    await world.ledger.settle(build.settlement("g1", failed, served, ttft=0.5, deployment_id="dep-2"))
    one, two = await world.lines("g1")
    assert (one["status"], one["fault"], one["error"], one["cost_nano"]) == ("failed", "server", "status 500", 0)
    assert (two["finish_reason"], two["ttft_ms"], two["cost_nano"]) == ("stop", 250.0, 50)
    request = await world.request("g1")
    assert (request["cost_nano"], request["ttft_ms"], request["duration_ms"]) == (50, 500.0, 2000.0)
    names = ("input", "output", "cached_input", "cache_write", "reasoning", "audio_input", "audio_output")
    for row in (two, request):
        assert [row[f"{name}_tokens"] for name in names] == [9, 5, 2, 1, 3, 1, 1]


async def test_settling_without_a_charge_gives_everything_back(world: Any) -> None:
    await world.open("g1", 400)
    await world.settle("g1")
    assert await world.balance() == Balance("key:k_1", limit=None, spent=0, held=0)
    assert await world.holds() == []


async def test_settling_twice_changes_nothing(world: Any, build: Any) -> None:
    await world.open("g1", 400)
    await world.dispatch("g1")
    await world.settle("g1", 123)
    before = (await world.balance(), await world.lines("g1"), await world.request("g1"))
    await world.settle("g1", 123)
    for intent in (world.intents["g1"][0], build.intent("g1", 9)):
        other = build.result(intent, 999)
        await world.ledger.settle(build.settlement("g1", other, status=Status.FAILED))
    assert (await world.balance(), await world.lines("g1"), await world.request("g1")) == before


async def test_settlements_of_one_request_at_once_count_once(world: Any) -> None:
    await world.open("g1", 400)
    await world.dispatch("g1")
    await asyncio.gather(*(world.settle("g1", 123) for _ in range(50)))
    assert (await world.balance()).spent == 123
    assert len(await world.lines("g1")) == 1


async def test_a_result_that_is_named_twice_is_booked_once(world: Any, build: Any) -> None:
    await world.open("g1", 400)
    await world.dispatch("g1")
    result = build.result(world.intents["g1"][0], 10)
    await world.ledger.settle(build.settlement("g1", result, result))
    assert (await world.balance()).spent == 10


async def test_an_attempt_that_nobody_reports_is_charged_at_its_bound(world: Any, build: Any) -> None:
    await world.open("g1", 400)
    await world.dispatch("g1", bound=77)
    await world.ledger.settle(build.settlement("g1", status=Status.FAILED))
    (line,) = await world.lines("g1")
    assert (line["cost_nano"], line["estimated"], line["status"]) == (77, 1, "expired")
    assert (await world.balance()).spent == 77


async def test_settling_an_unknown_request_is_harmless(world: Any, build: Any) -> None:
    await world.ledger.settle(build.settlement("nobody"))
    assert await world.request("nobody") is None


async def test_a_cost_above_the_hold_is_charged_in_full(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 50)
    await world.dispatch("g1")
    await world.settle("g1", 500)
    assert await world.balance() == Balance("key:k_1", limit=100, spent=500, held=0)
    assert not (await world.open("g2", 1)).busy


async def test_an_expired_hold_is_given_back(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 100, lifetime=60)
    world.clock.time += 59.9
    assert (await world.open("g2", 1)).busy
    world.clock.time += 0.2
    assert await world.open("g2", 100) is None
    assert (await world.request("g1"))["status"] is None


async def test_an_extended_hold_lives_longer(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 100, lifetime=60)
    await world.ledger.extend(["g1", "unknown"], world.clock.now() + 120)
    await world.ledger.extend(["g1"], world.clock.now() + 10)
    world.clock.time += 119
    assert (await world.balance()).held == 100
    world.clock.time += 1
    assert (await world.balance()).held == 0


async def test_a_late_heartbeat_does_not_bring_an_expired_hold_back(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 100, lifetime=60)
    world.clock.time += 61
    await world.open("g2", 100)
    await world.ledger.extend(["g1"], world.clock.now() + 120)
    assert (await world.balance()).held == 100


async def test_what_comes_after_its_hold_expired_is_debt_and_never_dropped(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 100, lifetime=60)
    await world.dispatch("g1")
    world.clock.time += 61
    await world.open("g2", 100)
    await world.settle("g1", 80)
    assert await world.balance() == Balance("key:k_1", limit=100, spent=80, held=100)
    assert (await world.lines("g1"))[0]["late"] == 1
    assert (await world.request("g1"))["status"] == "completed"


async def test_an_attempt_after_its_hold_expired_takes_it_again(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 70, lifetime=60)
    world.clock.time += 61
    assert await world.dispatch("g1", hold=80) is None
    assert (await world.balance()).held == 80
    await world.open("g2", 20, lifetime=600)
    world.clock.time += 61
    assert await world.dispatch("g1", 2) is None
    assert (await world.balance()).held == 100


async def test_an_attempt_whose_expired_hold_has_no_room_any_more_is_refused(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 70, lifetime=60)
    world.clock.time += 61
    await world.open("g2", 60)
    assert (await world.dispatch("g1")).busy
    assert await world.written() == []


async def test_sweeping_tells_how_many_holds_it_ended(world: Any) -> None:
    for number in range(3):
        await world.open(f"g{number}", 10, lifetime=60 + number)
    world.clock.time += 61
    assert await world.ledger.sweep() == 2
    assert await world.ledger.sweep() == 0
    assert (await world.balance()).held == 10


async def test_a_budget_starts_again_with_its_window_and_holds_stay(world: Any) -> None:
    await world.account("key:k_1", 100, window_days=1)
    start = world.clock.now()
    await world.open("g1", 90)
    await world.dispatch("g1")
    await world.settle("g1", 90)
    await world.open("g2", 10, lifetime=10 * DAY)
    world.clock.time = start + DAY - 1
    assert not (await world.open("g3", 20)).busy
    world.clock.time = start + DAY
    assert await world.open("g3", 90, lifetime=10 * DAY) is None
    assert await world.balance() == Balance("key:k_1", 100, spent=0, held=100, resets_at=start + 2 * DAY)


async def test_windows_that_nobody_looked_at_are_stepped_over(world: Any) -> None:
    await world.account("key:k_1", 100, window_days=7)
    start = world.clock.now()
    world.clock.time = start + 30 * DAY
    assert (await world.balance()).resets_at == start + 35 * DAY


async def test_a_charge_belongs_to_the_window_in_which_it_is_booked(world: Any) -> None:
    await world.account("key:k_1", 100, window_days=1)
    await world.open("g1", 90, lifetime=10 * DAY)
    await world.dispatch("g1")
    world.clock.time += DAY + 1
    await world.settle("g1", 30)
    assert (await world.balance()).spent == 30


async def test_a_request_that_needed_no_provider_is_recorded_at_once(world: Any, build: Any) -> None:
    settlement = build.settlement("g1", cache="hit")
    await world.ledger.record(build.record("g1"), settlement)
    await world.ledger.record(build.record("g1"), settlement)
    request = await world.request("g1")
    assert (request["status"], request["cache"], request["cost_nano"]) == ("completed", "hit", 0)
    assert await world.lines("g1") == []


@pytest.mark.parametrize("hold", [None, HoldRequest((), 50, 4e9)])
async def test_without_a_hold_the_keys_own_account_pays(world: Any, build: Any, hold: HoldRequest | None) -> None:
    await world.ledger.open(build.record("g1", key="k_9"), hold)
    await world.dispatch("g1", hold=50)
    await world.settle("g1", 12)
    assert (await world.balance("key:k_9")).spent == 12


async def test_recovery_ends_what_a_dead_process_left_open(world: Any) -> None:
    await world.account("key:k_1", 1000)
    await world.open("dispatched", 300)
    await world.dispatch("dispatched", 1, bound=100)
    await world.dispatch("dispatched", 2, bound=60)
    await world.open("waiting", 200)
    await world.open("done", 100)
    await world.dispatch("done")
    await world.settle("done", 7)
    found = await world.recover()
    assert (found.requests, found.attempts, found.cost) == (2, 2, 160)
    assert [(line["status"], line["cost_nano"], line["estimated"]) for line in await world.lines("dispatched")] == [
        ("expired", 100, 1),
        ("expired", 60, 1),
    ]
    assert [(await world.request(name))["status"] for name in ("dispatched", "waiting")] == ["expired", "expired"]
    assert (await world.request("waiting"))["cost_nano"] == 0
    assert await world.balance() == Balance("key:k_1", 1000, spent=167, held=0)
    assert (await world.recover()).requests == 0


LONG = {"surrogate": "\ud800 lone", "nul": "nul \0 byte", "wide": "\U0001f389 \u202e", "endless": "x" * 100_000}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_no_text_of_a_provider_keeps_a_settlement_out(world: Any, build: Any, text: str) -> None:
    await world.ledger.open(build.record("g1", model_requested=text, tags=(text, text)), None)
    await world.dispatch("g1")
    result = build.result(world.intents["g1"][0], 5, error=text, finish_reason=text)
    await world.ledger.settle(build.settlement("g1", result, error_code=text))
    (line,) = await world.lines("g1")
    readable = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    assert line["error"] == readable[:2000]
    assert (await world.request("g1"))["tags"] == [text, text]


@pytest.mark.parametrize("count", [-5, 2**63, 10**30])
async def test_absurd_counts_of_a_provider_do_not_keep_a_settlement_out(world: Any, build: Any, count: int) -> None:
    await world.open("g1", 10)
    await world.dispatch("g1")
    usage = Usage(input=count, output=count, reasoning=count)
    await world.ledger.settle(build.settlement("g1", build.result(world.intents["g1"][0], count, usage=usage)))
    (line,) = await world.lines("g1")
    assert 0 <= line["cost_nano"] <= 10**16
    assert 0 <= line["input_tokens"] < 2**63
    assert (await world.balance()).spent == line["cost_nano"]


async def test_what_was_asked_and_answered_is_kept_where_a_settlement_brings_it(world: Any, build: Any) -> None:
    prompt = [{"role": "user", "content": "caf\u00e9 \ud800 \0"}]
    for name, keep_for in (("g1", 60.0), ("g2", None)):
        await world.ledger.open(build.record(name, user="ada"), None)
        content = StoredContent(prompt, "an \0 answer", keep_for)
        await world.ledger.settle(build.settlement(name, content=content))
    await world.open("g3", 10)
    await world.settle("g3")
    one, two = await world.rows(select(Content.__table__).order_by(Content.request_id))
    assert (one["request_id"], one["tenant"], one["user"], one["prompt"]) == ("g1", "key:k_1", "ada", prompt)
    assert (one["answer"], one["expires_at"] - one["created_at"]) == ("an \ufffd answer", 62.0)
    assert two["expires_at"] is None
