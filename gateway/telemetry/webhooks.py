"""Tells a webhook of an alert: our JSON or a message that Slack shows, tried a few times.

The address is a secret: it is in no log line and no answer, nor is what the other side says, which may repeat it. A
webhook that cannot be told is a reason in a few words, never an exception.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from gateway.config.watching_models import Webhook
from gateway.telemetry.alerts import Notice

TIMEOUT = 10.0  # seconds for one try
PAUSES = (1.0, 5.0, 25.0)  # seconds before each further try
AGAIN = frozenset({408, 425, 429})  # and every 5xx
MARKS = {"raised": ":rotating_light:", "ongoing": ":hourglass_flowing_sand:", "cleared": ":white_check_mark:"}


class Webhooks:
    """Sends over one client, which is made when the first alert is told."""

    def __init__(self, host: str | None = None, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """`host`: how this gateway is called in messages; its host's name where none is given."""
        self._host = host or socket.gethostname()
        self._sleep = sleep
        self._client: httpx.AsyncClient | None = None

    async def send(self, webhook: Webhook, notice: Notice) -> str | None:
        """None when it was taken; else why the last try failed."""
        body = slack(notice, self._host) if webhook.format == "slack" else plain(notice, self._host)
        failure, again = await self._post(webhook, body)
        for pause in PAUSES:
            if failure is None or not again:
                break
            await self._sleep(pause)
            failure, again = await self._post(webhook, body)
        return failure

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, webhook: Webhook, body: dict[str, Any]) -> tuple[str | None, bool]:
        """Why it failed, and whether another try makes sense. The answer's body is not read."""
        if self._client is None:
            self._client = await asyncio.to_thread(httpx.AsyncClient, timeout=TIMEOUT)  # reads certificates
        try:
            async with self._client.stream("POST", webhook.url.get_secret_value(), json=body) as answer:
                if answer.is_success:
                    return None, False
                return f"status {answer.status_code}", answer.status_code in AGAIN or answer.is_server_error
        except httpx.TransportError as error:
            return type(error).__name__, True
        except httpx.InvalidURL:
            return "the address is no URL", False


def plain(notice: Notice, host: str) -> dict[str, Any]:
    """As docs/observability.md describes it. What has ended is not told as if it went on."""
    alert = notice.alert
    over = f"Over after {duration(notice.at - alert.since)}."
    message = over if notice.state == "cleared" else alert.message
    return {
        "object": "alert",
        "state": notice.state,
        "kind": alert.kind,
        "subject": alert.subject,
        "message": message,
        "since": alert.since,
        "at": notice.at,
        "host": host,
    }


def slack(notice: Notice, host: str) -> dict[str, Any]:
    alert = notice.alert
    words = f"{MARKS[notice.state]} *{alert.kind}* {notice.state}: {shown(alert.subject)} ({shown(host)})"
    if notice.state == "cleared":
        return {"text": f"{words}, after {duration(notice.at - alert.since)}"}
    since = datetime.fromtimestamp(alert.since, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {"text": f"{words}\n{shown(sentence(alert.message))} Since {since}."}


def sentence(text: str) -> str:
    """With a full stop, if it ends with nothing of the kind."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def shown(text: str) -> str:
    """Slack's three special characters, escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{whole} s"
