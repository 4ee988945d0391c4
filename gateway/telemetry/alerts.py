"""What is wrong at the moment, and who is told: a log line and a gauge at each edge, and the admin's webhooks.

`turn` only notes; `deliver` tells, in order for each webhook, beside the requests and beside each other. A webhook that is
away loses what does not fit its line; nothing here raises or waits in a request's way. With several workers each has its
own alerts: `first` decides which of them tells the same thing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from gateway.config import watching_models
from gateway.config.watching_models import Webhook
from gateway.ports import Clock
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

TICK = 1.0  # seconds between looks for what is to be repeated
MOST_WAITING = 100  # notices in a webhook's line
ALIKE = (
    60.0  # seconds in which several workers' notices of the same edge count as one, unless there was another between
)
ONCE = {
    "budget": 31 * 86_400.0
}  # kinds that are told when they begin and not again, by seconds that this is remembered
State = Literal["raised", "ongoing", "cleared"]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong. `since`: Unix seconds."""

    kind: str
    subject: str
    message: str
    since: float


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook is told. `at`: Unix seconds."""

    state: State
    alert: Alert
    at: float


Send = Callable[[Webhook, Notice], Awaitable[str | None]]  # None, or why it could not be delivered; never raises
First = Callable[[str, str, float], Awaitable[bool]]  # nobody said this last of a name, within so many seconds


async def always(_name: str, _what: str, _seconds: float) -> bool:
    """Of one process, everything is the first."""
    return True


class Alerts:
    """`send` tells one webhook, tries included. `first` asks the other workers; without them, `always`."""

    def __init__(
        self, clock: Clock, metrics: Metrics, settings: watching_models.Alerts, send: Send, first: First = always
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._send = send
        self._first = first
        self._active: dict[tuple[str, str], Alert] = {}
        self._told_at: dict[tuple[str, str], float] = {}  # monotonic
        self._counts: Counter[str] = Counter()
        self._lines: dict[Webhook, deque[Notice]] = {}
        self._wake = asyncio.Event()
        self.configure(settings)

    def configure(self, settings: watching_models.Alerts) -> None:
        """Tell these webhooks from now on; what waits for one that stays is kept."""
        self._settings = settings
        self._lines = {webhook: self._lines.get(webhook, deque()) for webhook in settings.webhooks}

    def turn(self, kind: str, subject: str, *, on: bool, message: str = "") -> None:
        """It is so now. What is said twice is told once; a message that changed is kept for who asks."""
        key = (kind, subject)
        alert = self._active.get(key)
        if on and alert is None:
            self._raise(key, Alert(kind, subject, message, self._clock.now()))
        elif on and alert is not None and message != alert.message:
            self._active[key] = replace(alert, message=message)
        elif not on and alert is not None:
            self._clear(key, alert)

    def active(self) -> list[Alert]:
        """What goes on, the oldest first."""
        return list(self._active.values())

    async def deliver(self) -> None:
        """For ever: empty the lines, and repeat what goes on."""
        telling: dict[Webhook, asyncio.Task[None]] = {}
        try:
            while True:
                self._repeat()
                self._wake.clear()
                telling = {webhook: task for webhook, task in telling.items() if not task.done()}
                for webhook, line in self._lines.items():
                    if line and webhook not in telling:
                        telling[webhook] = asyncio.create_task(self._empty(webhook, line))
                await self._rest()
        finally:
            for task in telling.values():
                task.cancel()
            await asyncio.gather(*telling.values(), return_exceptions=True)

    def _raise(self, key: tuple[str, str], alert: Alert) -> None:
        self._active[key] = alert
        self._told_at[key] = self._clock.monotonic()
        log.warning("alert_raised", kind=alert.kind, subject=alert.subject, message=alert.message)
        self._count(alert.kind, 1)
        self._tell("raised", alert)

    def _clear(self, key: tuple[str, str], alert: Alert) -> None:
        del self._active[key], self._told_at[key]
        seconds = round(self._clock.now() - alert.since, 3)
        log.warning("alert_cleared", kind=alert.kind, subject=alert.subject, seconds=seconds)
        self._count(alert.kind, -1)
        if alert.kind not in ONCE:
            self._tell("cleared", alert)

    def _count(self, kind: str, change: int) -> None:
        self._counts[kind] += change
        self._metrics.alerts(kind, self._counts[kind])

    def _repeat(self) -> None:
        now = self._clock.monotonic()
        for key, alert in self._active.items():
            if alert.kind not in ONCE and now - self._told_at[key] >= self._settings.repeat_after:
                self._told_at[key] = now
                self._tell("ongoing", alert)

    def _tell(self, state: State, alert: Alert) -> None:
        notice = Notice(state, alert, self._clock.now())
        for webhook, line in self._lines.items():
            if webhook.kinds and alert.kind not in webhook.kinds:
                continue
            if len(line) >= MOST_WAITING:
                line.popleft()
                self._metrics.alert_delivered("dropped")
            line.append(notice)
        self._wake.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(TICK):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _empty(self, webhook: Webhook, line: deque[Notice]) -> None:
        while line:
            notice = line.popleft()
            if not await self._first(name_of(webhook, notice), notice.state, self._alike(notice)):
                continue
            failure = await self._send(webhook, notice)
            self._metrics.alert_delivered("sent" if failure is None else "failed")
            if failure is not None:
                log.warning("alert_not_delivered", webhook=self._position(webhook), state=notice.state, reason=failure)

    def _alike(self, notice: Notice) -> float:
        """Seconds in which another worker's notice would say the same."""
        if notice.state == "ongoing":
            return self._settings.repeat_after * 0.9
        return ONCE.get(notice.alert.kind, ALIKE)

    def _position(self, webhook: Webhook) -> int | None:
        """Its place in the file, from 0, as nothing else of it may be shown."""
        webhooks = self._settings.webhooks
        return webhooks.index(webhook) if webhook in webhooks else None


def name_of(webhook: Webhook, notice: Notice) -> str:
    """The same for the same alert of any worker, at its edges and while it goes on; says nothing of the address."""
    edge = str(notice.state != "ongoing")
    parts = (webhook.url.get_secret_value(), notice.alert.kind, notice.alert.subject, edge)
    return "alert:" + hashlib.sha256("\n".join(parts).encode(errors="replace")).hexdigest()[:32]
