"""How the outbox gathers: what one statement cannot carry goes by itself, large batches get smaller, looks are apart."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from gateway.errors import Fault
from gateway.ledger import outbox
from gateway.store.tables import DeadLetter
from gateway.types import Price


async def settled(world: Any, build: Any, name: str, **members: Any) -> None:
    intent = build.intent(name)
    await world.ledger.open(build.record(name, **members), None, intent)
    await world.ledger.settle(build.settlement(name, build.result(intent, 7)))


@pytest.mark.parametrize("odd", ["a\0b", "\ud800", "\udc00 \ud800"])
async def test_text_that_no_batch_can_carry_is_booked_by_itself(scaled: Any, build: Any, odd: str) -> None:
    one = await scaled.worker()
    for name, tags in (("before", ("plain",)), ("odd", (odd,)), ("after", ("é \u2028 🙂",))):
        await settled(one, build, name, tags=tags)
    await one.ledger.consumer.drain()
    for name in ("before", "odd", "after"):
        request = await one.request(name)
        assert (request["status"], request["cost_nano"]) == ("completed", 7)
        assert [line["price"]["input"] for line in await one.lines(name)] == [1_000]
    assert (await one.request("after"))["tags"] == ["é \u2028 🙂"]
    assert await one.rows(select(DeadLetter.__table__)) == []


async def test_every_value_of_a_row_comes_out_as_it_went_in(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    big = 2**63 - 1
    intent = build.intent("g1")
    await one.ledger.open(build.record("g1", user='ad"a\\', route="x: 100 %", created_at=0.1 + 0.2), None, intent)
    result = build.result(intent, 10**16, ttft=1 / 3, finish_reason="stop")
    await one.ledger.settle(build.settlement("g1", result, ended_at=1e9 + 1 / 7, ttft=0.0005))
    await one.ledger.consumer.drain()
    request, (line,) = await one.request("g1"), await one.lines("g1")
    assert (request["user"], request["route"], request["created_at"]) == ('ad"a\\', "x: 100 %", 0.1 + 0.2)
    assert (request["ended_at"], request["ttft_ms"], request["stream"]) == (1e9 + 1 / 7, 0.5, True)
    assert (line["cost_nano"], line["ttft_ms"], line["late"], line["fault"]) == (10**16, 333.333, False, None)
    assert line["output_tokens"] == 10**16 < big


async def test_texts_that_are_large_come_in_smaller_batches(scaled: Any, build: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(outbox, "MUCH", 1_000)
    one = await scaled.worker()
    consumer = one.ledger.consumer
    for number in range(8):
        await settled(one, build, f"g{number}")
    consumer._batch = 4
    assert [await consumer.drain_once() for _ in range(4)] == [4, 2, 1, 1]
    assert await consumer.drain_once() == 0
    assert consumer._batch > 1, "it grows again"


async def test_only_a_full_batch_is_followed_at_once(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    consumer = one.ledger.consumer
    for number in range(3):
        await settled(one, build, f"g{number}")
    consumer._batch = 2
    assert await consumer.step() == 0.0
    assert await consumer.step() == outbox.GATHER
    assert await consumer.step() == outbox.GATHER
    assert (await one.request("g2"))["status"] == "completed"


async def test_a_row_is_the_same_whichever_way_it_goes_in(scaled: Any, build: Any) -> None:
    one = await scaled.worker()
    consumer = one.ledger.consumer
    found = []
    for name, together in (("g1", True), ("g2", False)):
        price = Price(input=1, output=2**53 + 1, cached_input=0, long_from=7, long=Price(input=3))
        intent = replace(build.intent(name), price=price)
        members = {"tags": ('é "q" \\', "🙂", ""), "template": None, "user": "ü", "simulated": True}
        await one.ledger.open(build.record(name, request_id="r", **members), None, intent)
        result = build.result(intent, 3, error="a\nb", fault=Fault.TIMEOUT, ttft=1e-7, ended_at=1e9 + 1 / 3)
        await one.ledger.settle(build.settlement(name, result, error_code="x", ttft=None))
        entries = await one.ledger.counters.oldest(10)
        if together:
            await consumer.drain()
        else:
            assert [await consumer._alone(entry) for entry in entries] == [True]
        request, (line,) = await one.request(name), await one.lines(name)
        assert request.pop("id") == line.pop("request_id") == name
        line.pop("seq"), line.pop("booked_at")
        found.append((request, line))
    assert found[0] == found[1]
    assert found[0][0]["tags"] == ['é "q" \\', "🙂", ""]
    assert found[0][1]["price"]["output"] == 2**53 + 1
