"""Acts of one turn of the loop share a transaction of the embedded ledger: each sees what those before it did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway import errors
from gateway.store.tables import UNDER_WAY
from gateway.types import Balance, HoldRefused, HoldRequest, Opened

DAY = 86_400.0
BOTH = ("key:k_1", "team:blog")


@pytest.fixture
def world(sqlite_world: Any) -> Any:
    """The embedded set-up only."""
    return sqlite_world


@pytest.fixture
def settlement(world: Any, build: Any) -> Callable[[str, int], Any]:
    """A settlement of a request's first attempt at a cost."""
    return lambda name, cost: build.settlement(name, build.result(build.intent(name), cost))


async def traced(world: Any) -> list[str]:
    """The statements that the ledger's writer runs from now on."""
    statements: list[str] = []
    await world.ledger._writer.run(lambda books: books._connection.set_trace_callback(statements.append))
    statements.clear()
    return statements


async def broken(world: Any) -> None:
    """An act that is wrong in itself."""

    def act(_books: object) -> None:
        raise LookupError("broken")

    await world.ledger._writer.run(act)


async def test_a_turns_acts_are_one_transaction_and_read_each_account_once(world: Any) -> None:
    await world.account("key:k_1", 1000)
    statements = await traced(world)
    assert await asyncio.gather(*(world.open_with(f"g{n}", 100) for n in range(5))) == [None] * 5
    assert statements.count("COMMIT") == 1
    assert sum("FROM account" in statement for statement in statements) == 1
    assert sum(statement.startswith("UPDATE account") for statement in statements) == 1
    assert (await world.balance()).held == 500


async def test_a_hold_sees_what_was_settled_before_it_in_its_turn(world: Any, settlement: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open_with("g1", 100)
    refused, _, admitted = await asyncio.gather(
        world.open("g2", 70), world.ledger.settle(settlement("g1", 30)), world.open("g3", 70)
    )
    assert refused == HoldRefused(Balance("key:k_1", 100, spent=0, held=100), busy=True)
    assert admitted is None
    assert await world.balance() == Balance("key:k_1", 100, spent=30, held=70)


async def test_holds_of_one_turn_are_taken_on_every_scope_or_on_none(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.account("team:blog", 50)
    answers = await asyncio.gather(
        world.open("g1", 40, scopes=BOTH),
        world.open("g2", 20, scopes=BOTH),
        world.open("g3", 60, scopes=("key:k_1",)),
        world.open("g4", 10, scopes=BOTH[::-1]),
        world.open("g5", 10, scopes=("team:blog",)),
    )
    assert [None if each is None else (each.balance.scope, each.busy) for each in answers] == [
        None,
        ("team:blog", True),
        None,
        ("key:k_1", True),
        None,
    ]
    assert [each.held for each in await world.ledger.balances(BOTH)] == [100, 50]
    assert sorted(await world.holds()) == ["g1", "g3", "g5"]


@pytest.mark.parametrize("first", ["settle", "open"])
async def test_an_expired_hold_that_is_settled_meanwhile_is_given_back_once(
    world: Any, settlement: Any, first: str
) -> None:
    await world.account("key:k_1", 100)
    await world.open_with("g1", 100)
    world.clock.time += 61
    acts = {"settle": lambda: world.ledger.settle(settlement("g1", 40)), "open": lambda: world.open("g2", 60)}
    order = ["settle", "open"] if first == "settle" else ["open", "settle"]
    await asyncio.gather(*(acts[each]() for each in order))
    assert await world.balance() == Balance("key:k_1", 100, spent=40, held=60)
    assert [line["late"] for line in await world.lines("g1")] == [int(first == "open")]


async def test_expired_holds_are_looked_for_only_when_one_is_due(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 60, lifetime=60)
    await world.open("g2", 40, lifetime=600)
    statements = await traced(world)
    world.clock.time += 59
    assert (await world.open("g3", 1)).busy
    assert not any("expires_at <= " in statement for statement in statements)
    world.clock.time += 1
    assert await world.open("g3", 60, lifetime=60) is None
    world.clock.time += 60
    assert (await world.balance()).held == 40
    await world.ledger.extend(["g2"], world.clock.now() + 1_000)
    world.clock.time += 999
    assert (await world.balance()).held == 40
    world.clock.time += 1
    assert (await world.balance()).held == 0


async def test_a_hold_whose_sweep_was_undone_is_swept_again(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 100, lifetime=60)
    world.clock.time += 61
    found: Any = await asyncio.gather(world.ledger.sweep(), broken(world), return_exceptions=True)
    assert [found[0], type(found[1])] == [1, LookupError]
    assert await world.open("g2", 100) is None
    assert await world.holds() == ["g2"]


async def test_a_window_that_ended_is_left_behind_once_a_turn(world: Any, settlement: Any) -> None:
    await world.account("key:k_1", 100, window_days=1)
    start = world.clock.now()
    for name in ("g1", "g2"):
        await world.open_with(name, 50)
    await world.ledger.settle(settlement("g1", 50))
    world.clock.time = start + DAY
    _, refused, balances = await asyncio.gather(
        world.ledger.settle(settlement("g2", 30)), world.open("g3", 71), world.ledger.balances(["key:k_1"])
    )
    now = Balance("key:k_1", 100, spent=30, held=0, resets_at=start + 2 * DAY)
    assert (refused, balances) == (HoldRefused(now, busy=False), [now])


async def test_a_whole_life_may_pass_in_one_turn(world: Any, build: Any) -> None:
    intents = [build.intent("g1", number) for number in (1, 2)]
    done = build.settlement("g1", *(build.result(intent, 7) for intent in intents))
    hold = HoldRequest(BOTH, 10, world.clock.now() + 60)
    statements = await traced(world)
    opened, raised, _, balances, again = await asyncio.gather(
        world.ledger.open(build.record("g1"), hold, intents[0]),
        world.ledger.dispatch(intents[1], 20),
        world.ledger.extend(["g1"], world.clock.now() + 90),
        world.ledger.settle(done),
        world.ledger.settle(done),
    )
    assert opened == Opened(tuple(Balance(scope, None, spent=0, held=10) for scope in BOTH))
    assert raised is None
    assert statements.count("COMMIT") == 1
    assert balances == tuple(Balance(scope, None, spent=14, held=0) for scope in BOTH)
    assert again == ()
    assert [line["cost_nano"] for line in await world.lines("g1")] == [7, 7]
    (row,) = world.read("SELECT * FROM request")
    assert [row[name] for name in UNDER_WAY] == [None] * len(UNDER_WAY), "its hold and its attempts end with it"


async def test_what_a_turn_changes_of_a_request_is_in_its_row(world: Any, build: Any) -> None:
    hold = HoldRequest(BOTH, 10, world.clock.now() + 60)
    await world.ledger.open(build.record("g1"), hold, build.intent("g1"))
    world.clock.time += 1
    await asyncio.gather(
        world.ledger.dispatch(build.intent("g1", 2), 20), world.ledger.extend(["g1"], world.clock.now() + 90)
    )
    (row,) = world.read("SELECT * FROM request")
    assert [attempt["number"] for attempt in json.loads(row["attempts"])] == [1, 2]
    assert (json.loads(row["hold_scopes"]), row["hold_nano"], row["hold_state"]) == ([*BOTH], 20, "held")
    assert (row["hold_since"], row["hold_expires_at"]) == (world.clock.now() - 1, world.clock.now() + 90)


async def test_an_attempt_after_the_end_is_refused_in_the_same_turn_too(world: Any, build: Any) -> None:
    await world.open_with("g1", 100)
    settled = build.settlement("g1", build.result(build.intent("g1"), 5))
    found: Any = await asyncio.gather(
        world.ledger.settle(settled), world.ledger.dispatch(build.intent("g1", 2), 0), return_exceptions=True
    )
    assert isinstance(found[1], errors.Conflict)
    assert (await world.balance()).spent == 5


async def test_a_request_that_is_opened_twice_in_a_turn_is_opened_once(world: Any) -> None:
    await world.open("g0", 10)
    found = await asyncio.gather(
        *(world.open_with(name, 10) for name in ("g1", "g1", "g0", "g2")), return_exceptions=True
    )
    assert [type(each) for each in found] == [type(None), errors.Conflict, errors.Conflict, type(None)]
    assert "g0" in str(found[2])
    assert (await world.balance()).held == 30
    assert sorted(await world.open_requests()) == ["g0", "g1", "g2"]


async def test_an_act_that_breaks_in_the_middle_spoils_nobody_else(world: Any, settlement: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open_with("g1", 60)
    found = await asyncio.gather(
        world.open_with("g2", 40),
        world.ledger.settle(settlement("g1", 25)),
        broken(world),
        world.open_with("g3", 36),
        world.open_with("g4", 35),
        return_exceptions=True,
    )
    assert [type(each) for each in found] == [type(None), tuple, LookupError, HoldRefused, type(None)]
    assert await world.balance() == Balance("key:k_1", 100, spent=25, held=75)
    assert len(await world.lines("g1")) == 1
    assert sorted(intent["request_id"] for intent in await world.written()) == ["g2", "g4"]


async def test_lines_of_one_turn_are_numbered_in_their_order(world: Any, settlement: Any) -> None:
    for name in ("g1", "g2", "g3"):
        await world.open_with(name, 10)
    for turn in (["g3", "g1"], ["g2"]):
        await asyncio.gather(*(world.ledger.settle(settlement(name, 1)) for name in turn))
    assert [(await world.lines(name))[0]["seq"] for name in ("g3", "g1", "g2")] == [1, 2, 3]


async def test_a_limit_that_is_changed_from_outside_counts_at_once(world: Any) -> None:
    await world.account("key:k_1", 100)
    await world.open("g1", 50)
    async with world.engine.begin() as sql:
        await sql.exec_driver_sql("UPDATE account SET limit_nano = 60")
    assert (await world.open("g2", 50)).busy
    assert await world.open("g3", 10) is None
