"""Follows the configuration's files: a change that is valid as a whole is served from then on, any other changes nothing.

What is broken is told at once (log, alert, `/health/ready`, the dashboard), and the version before goes on serving. One
load at a time; requests wait for none. The file is looked at often instead of listening for events: that works on every
file system, and for Kubernetes' and editors' way of putting another file in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.diff import Difference, differences
from gateway.config.files import Signature, signature
from gateway.config.history import ON_DISK, History, grouped
from gateway.config.problems import ConfigError, Problem
from gateway.errors import Unavailable
from gateway.ports import Clock
from gateway.serving import Serving
from gateway.telemetry.alerts import Alerts
from gateway.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.4  # seconds
MOST_TOLD = 20  # problems, or differences, in one log line
MESSAGE = "config"  # the kind of message by which processes tell each other
ALERT = "config"  # the kind of alert

Texts = Mapping[Path, str]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Files that cannot be served. `at`: Unix seconds."""

    at: float
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What the files would mean, and how that differs from what is served."""

    config: Config
    resolved: Resolved
    differences: tuple[Difference, ...]


class Listener(Protocol):
    """Who is told what became of the files. Called on the loop; must not raise."""

    def adopted(self, serving: Serving, by: str, changes: Sequence[Difference]) -> Awaitable[None]: ...
    def rejected(self, rejection: Rejection, serving: Serving, by: str) -> None: ...


class Reloader:
    """`prepare` reads the files (`texts` in place of some) and makes all that they decide; it raises ConfigError.

    `adopt` puts it in the place of what is served. The first version is the one that the process began with.
    """

    def __init__(
        self,
        serving: Serving,
        prepare: Callable[[Texts], Awaitable[Serving]],
        adopt: Callable[[Serving], Awaitable[None]],
        listener: Listener,
        clock: Clock,
    ) -> None:
        self._first = serving
        self._serving = serving
        self._prepare = prepare
        self._adopt = adopt
        self._listener = listener
        self._clock = clock
        self._rejected: Rejection | None = None
        self._lock = asyncio.Lock()
        self._poked = asyncio.Event()
        self._files: tuple[Path, ...] = serving.config.sources.files
        self._seen: Signature = ()  # nothing yet: the files may have changed since this process read them first

    @property
    def serving(self) -> Serving:
        return self._serving

    @property
    def rejected(self) -> Rejection | None:
        """Why the files, as they are now, are not served; None when they are."""
        return self._rejected

    @property
    def restart(self) -> tuple[str, ...]:
        """Keys whose new value waits for a restart."""
        first, now = self._first, self._serving
        if first is now:
            return ()
        found = differences(first.config, now.config, first.resolved, now.resolved)
        return tuple(dict.fromkeys(each.key for each in found if each.restart))

    def poke(self) -> None:
        """Look at once: somebody says that the files were changed."""
        self._poked.set()

    async def watch(self) -> None:
        """For ever: load what was changed, once it has stood still for a moment or somebody said so."""
        settling = self._seen
        while True:
            poked = await self._rest()
            found = await asyncio.to_thread(self._look)
            if found == self._seen:
                continue
            if found != settling and not poked:  # somebody may still be writing
                settling = found
                continue
            try:
                await self.reload(ON_DISK)
            except ConfigError:
                settling = self._seen

    async def reload(self, by: str) -> Serving:
        """Read the files now: what they say is served from then on, or nothing changes. Raises ConfigError."""
        async with self._lock:
            self._seen = await asyncio.to_thread(self._look)
            try:
                made = await self._prepare({})
            except ConfigError as error:
                self._reject(error, by)
                raise
            self._files = made.config.sources.files
            self._seen = await asyncio.to_thread(self._as_read, made.config.sources.folders)
            before, self._rejected = self._rejected, None
            if made.version == self._serving.version and before is None:
                return self._serving
            changes = self._changes(made)
            await self._adopt(made)
            self._serving = made
            facts = [each.what for each in changes[:MOST_TOLD]]
            log.info("config_loaded", version=made.version, by=by, changes=facts, more=len(changes) - len(facts))
            await self._listener.adopted(made, by, changes)
            return made

    async def try_texts(self, texts: Texts) -> Trial:
        """What would be served if the files had these texts; changes nothing. Raises ConfigError."""
        made = await self._prepare(texts)
        return Trial(made.config, made.resolved, self._changes(made))

    def _changes(self, made: Serving) -> tuple[Difference, ...]:
        before = self._serving
        return differences(before.config, made.config, before.resolved, made.resolved)

    def _reject(self, error: ConfigError, by: str) -> None:
        self._files = tuple(dict.fromkeys((*self._serving.config.sources.files, *error.files)))
        self._seen = self._as_read(self._serving.config.sources.folders)
        self._rejected = Rejection(self._clock.now(), error.problems)
        facts = [str(problem) for problem in error.problems[:MOST_TOLD]]
        log.error("config_rejected", by=by, serving=self._serving.version, problems=facts)
        self._listener.rejected(self._rejected, self._serving, by)

    def _look(self) -> Signature:
        return signature(self._files, self._serving.config.sources.folders)

    def _as_read(self, folders: Iterable[Path]) -> Signature:
        """How the files were when they were last looked at, which is before they were read: what changed since shows.

        One that nobody had looked at yet counts as absent, so that it is read once more.
        """
        known = {name: stamp for name, *stamp in self._seen}
        now = signature(self._files, folders)
        return tuple((name, *known.get(name, (0, 0, 0))) for name, *_ in now)

    async def _rest(self) -> bool:
        """Wait for the next look; whether somebody asked for it."""
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await self._poked.wait()
        except TimeoutError:
            return False
        self._poked.clear()
        return True


class News:
    """The usual listener: keeps what was served, raises the alert, counts, and wakes the other processes.

    `record` gets a change that nobody made over HTTP: the version before, the new one, what is different.
    """

    def __init__(
        self,
        history: History,
        metrics: Metrics,
        alerts: Alerts,
        announce: Callable[[dict[str, str]], Awaitable[None]] | None,
        record: Callable[[str, str, Sequence[str]], Awaitable[None]],
    ) -> None:
        self._history = history
        self._record = record
        self._metrics = metrics
        self._alerts = alerts
        self._announce = announce

    async def began(self, serving: Serving) -> None:
        """The version that this process starts with."""
        self._metrics.config_serves(serving.version, serving.loaded_at)
        await self._keep(serving, ON_DISK, ())

    async def adopted(self, serving: Serving, by: str, changes: Sequence[Difference]) -> None:
        self._metrics.config_reloaded(serving.version, serving.loaded_at)
        self._alerts.turn(ALERT, serving.config.path.name, on=False)
        await self._keep(serving, by, [each.what for each in changes])
        if by != ON_DISK and self._announce is not None:
            try:
                await self._announce({"type": MESSAGE, "id": serving.version, "action": "config.reload"})
            except Unavailable as error:
                log.warning("config_not_announced", error=error.message)

    def rejected(self, rejection: Rejection, serving: Serving, by: str) -> None:  # noqa: ARG002 - who is the log's matter
        self._metrics.config_rejected()
        first, more = rejection.problems[0], len(rejection.problems) - 1
        said = f"{first}" + (f" (and {more} more)" if more else "")
        message = f"The files cannot be served; version {serving.version} serves on. {said}"
        self._alerts.turn(ALERT, serving.config.path.name, on=True, message=message)

    async def _keep(self, serving: Serving, by: str, what: Sequence[str]) -> None:
        texts = serving.config.sources.texts
        before = await asyncio.to_thread(self._history.keep, serving.version, texts, by, what)
        if before is None:
            return
        try:
            await self._record(before, serving.version, grouped(what))
        except Unavailable as error:
            log.warning("config_change_not_recorded", version=serving.version, error=error.message)
