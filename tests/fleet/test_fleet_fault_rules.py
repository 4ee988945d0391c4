"""Which request a fault strikes, how often, and what becomes of one that is misspelt."""

from __future__ import annotations

import httpx
import pytest

from gateway.fleet import RunningFleet, Settings, faults
from tests.fleet.fleet_clients import Asker


async def test_a_provider_can_refuse_all_connections_until_cleared(fleet: RunningFleet, asker: Asker) -> None:
    port = fleet.urls["openai"]
    await asker.send("openai", "x")
    admin = f"{fleet.origin('admin')}/_sim/faults"
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.post(admin, json={"kind": "refused", "provider": "openai"})
        with pytest.raises(httpx.ConnectError):
            await asker.send("openai", "x")
        assert (await asker.send("gemini", "x")).status_code == 200
        await client.delete(admin, params={"provider": "openai"})
    assert (await asker.send("openai", "x")).status_code == 200
    assert fleet.urls["openai"] == port


async def test_only_the_last_user_message_is_looked_at(asker: Asker) -> None:
    marker = "[[sim:500]]"
    messages = [
        {"role": "system", "content": marker},
        {"role": "user", "content": marker},
        {"role": "assistant", "content": marker},
        {"role": "user", "content": "fine"},
        {"role": "assistant", "content": marker},
    ]
    assert (await asker.send("openai", "", messages=messages)).status_code == 200
    messages[3]["content"] = marker
    assert (await asker.send("openai", "", messages=messages)).status_code == 500


async def test_a_fault_strikes_as_often_as_it_was_told(fleet: RunningFleet, asker: Asker) -> None:
    fleet.fault("503", model="weak", times=2)
    statuses = [
        (await asker.send("openai", "x", model=model)).status_code for model in ("weak", "strong", "weak", "weak")
    ]
    assert statuses == [503, 200, 503, 200]


async def test_a_fault_can_be_for_one_provider_and_be_cleared(fleet: RunningFleet, asker: Asker) -> None:
    fleet.fault("500", provider="anthropic")
    assert (await asker.send("openai", "x")).status_code == 200
    assert (await asker.send("anthropic", "x")).status_code == 500
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.delete(f"{fleet.origin('openai')}/_sim/faults")
    assert (await asker.send("anthropic", "x")).status_code == 200


async def test_a_rate_strikes_some_and_the_same_ones_for_the_same_seed(fleet: RunningFleet, asker: Asker) -> None:
    fleet.fault("500", rate=0.5)
    statuses = [(await asker.send("openai", "x")).status_code for _ in range(24)]
    assert set(statuses) == {200, 500}


@pytest.mark.parametrize("marker", ["nonsense", "429 retry=2", "reset after=many", "", "reset after=-1"])
async def test_a_misspelt_marker_is_refused(asker: Asker, marker: str) -> None:
    answer = await asker.send("openai", f"x [[sim:{marker}]]")
    assert answer.status_code == 400
    assert "marker" in answer.json()["error"]["message"]


@pytest.mark.parametrize("members", [{"kind": "nonsense"}, {"kind": "429", "rate": 2}, {"kind": "429", "time": 1}, {}])
async def test_a_misspelt_admin_fault_is_refused(fleet: RunningFleet, http: httpx.AsyncClient, members: object) -> None:
    answer = await http.post(f"{fleet.origin('admin')}/_sim/faults", json=members)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_every_fault_is_documented() -> None:
    assert [kind for kind in faults.KINDS if kind not in (faults.__doc__ or "")] == []


async def test_a_fault_that_would_close_a_listener_is_not_lost(fleet: RunningFleet) -> None:
    with pytest.raises(ValueError, match="refuse"):
        fleet.fault("refused", provider="openai")
    with pytest.raises(ValueError, match="no provider"):
        await fleet.refuse("admin")


async def test_embeddings_meet_faults_too(fleet: RunningFleet, http: httpx.AsyncClient) -> None:
    fleet.fault("usage_absent", model="text-embedding-3-small", times=1)
    body = {"model": "text-embedding-3-small", "input": "x"}
    answer = await http.post(f"{fleet.urls['openai']}/embeddings", json=body)
    assert "usage" not in answer.json()
    [record] = fleet.journal.ended
    assert (record.usage, record.billed.input) == (None, 1)


async def test_a_reset_fleet_is_as_new(fleet: RunningFleet, asker: Asker) -> None:
    fleet.fault("500")
    await fleet.refuse("gemini")
    fleet.configure(Settings(speed=0, known_models=()))
    await fleet.reset()
    assert (await asker.send("gemini", "x")).status_code == 200
    assert len(fleet.journal.ended) == 1
