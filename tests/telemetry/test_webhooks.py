"""A webhook is told in its form, again when that makes sense, and its address never shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from gateway.config.watching_models import Webhook
from gateway.telemetry.alerts import Alert, Notice
from gateway.telemetry.webhooks import PAUSES, Webhooks, duration, plain, slack

RAISED = Notice("raised", Alert("deployment", "d1 <&>", "Out of service.", 1_800_000_000.0), 1_800_000_060.0)
CLEARED = Notice("cleared", RAISED.alert, 1_800_000_000.0 + 3_900)


class Receiver:
    """Answers with these statuses in turn, the last one for ever, and keeps what it was sent."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[dict[str, object]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append(json.loads(await request.read()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, text="x" * 100_000, headers={"location": "/elsewhere"})


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[Webhooks]:
    app = web.Application()
    app.router.add_post("/hook", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=secret-of-the-hook"
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    webhooks = Webhooks("gw-1", sleep)
    webhooks.slept = slept  # type: ignore[attr-defined]
    try:
        yield webhooks
    finally:
        await webhooks.close()
        await runner.cleanup()


async def test_json_says_everything() -> None:
    receiver = Receiver(200)
    async with receiving(receiver) as webhooks:
        assert await webhooks.send(Webhook(url=receiver.url), RAISED) is None
    assert receiver.got == [
        {
            "object": "alert",
            "state": "raised",
            "kind": "deployment",
            "subject": "d1 <&>",
            "message": "Out of service.",
            "since": 1_800_000_000.0,
            "at": 1_800_000_060.0,
            "host": "gw-1",
        }
    ]


async def test_slack_gets_one_text() -> None:
    receiver = Receiver(200)
    async with receiving(receiver) as webhooks:
        assert await webhooks.send(Webhook(url=receiver.url, format="slack"), RAISED) is None
    (got,) = receiver.got
    assert got == {
        "text": ":rotating_light: *deployment* raised: d1 &lt;&amp;&gt; (gw-1)\nOut of service. Since 2027-01-15 08:00 UTC."
    }
    assert slack(CLEARED, "gw-1")["text"].endswith("d1 &lt;&amp;&gt; (gw-1), after 1 h 5 min")


def test_what_is_over_is_not_told_as_if_it_went_on() -> None:
    told = plain(CLEARED, "gw-1")
    assert (told["state"], told["message"]) == ("cleared", "Over after 1 h 5 min.")


@pytest.mark.parametrize("message", ["It is out", "It is out."])
def test_slack_gets_whole_sentences(message) -> None:
    notice = replace(RAISED, alert=replace(RAISED.alert, message=message))
    assert slack(notice, "gw-1")["text"].endswith("\nIt is out. Since 2027-01-15 08:00 UTC.")


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_it_tries_again_with_longer_pauses(status) -> None:
    receiver = Receiver(status, status, 204)
    async with receiving(receiver) as webhooks:
        assert await webhooks.send(Webhook(url=receiver.url), RAISED) is None
        assert webhooks.slept == list(PAUSES[:2])  # type: ignore[attr-defined]
    assert len(receiver.got) == 3


async def test_it_gives_up_after_a_few() -> None:
    receiver = Receiver(500)
    async with receiving(receiver) as webhooks:
        assert await webhooks.send(Webhook(url=receiver.url), RAISED) == "status 500"
    assert len(receiver.got) == 1 + len(PAUSES)


@pytest.mark.parametrize("status", [301, 400, 404, 410])
async def test_what_will_not_change_is_not_tried_again_and_no_redirect_is_followed(status) -> None:
    receiver = Receiver(status)
    async with receiving(receiver) as webhooks:
        assert await webhooks.send(Webhook(url=receiver.url), RAISED) == f"status {status}"
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("url", "reason", "tries"),
    [
        ("http://127.0.0.1:1/secret-of-the-hook", "ConnectError", 1 + len(PAUSES)),
        ("http://127.0.0.1:port/secret-of-the-hook", "the address is no URL", 1),
    ],
)
async def test_whatever_goes_wrong_is_a_reason_without_the_address(url, reason, tries) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    webhooks = Webhooks("gw-1", sleep)
    assert await webhooks.send(Webhook(url=url), RAISED) == reason
    assert len(pauses) == tries - 1
    await webhooks.close()


async def test_a_stop_ends_it_at_once() -> None:
    asked = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    receiver = Receiver(200)
    receiver.answer = hang  # type: ignore[method-assign]
    async with receiving(receiver) as webhooks:
        task = asyncio.create_task(webhooks.send(Webhook(url=receiver.url), RAISED))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(("seconds", "words"), [(-1, "0 s"), (59.4, "59 s"), (60, "1 min"), (7_265, "2 h 1 min")])
def test_durations_are_for_people(seconds, words) -> None:
    assert duration(seconds) == words
