"""A credential becomes an identity: by its whole digest, remembered for a while, since whoever changes it says so.

With the store away, credentials that were looked up a short while ago go on, unless a message has revoked them; unknown
ones get a 503, never a 401. A store that hangs is waited for once, then asked in the background only.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import secrets
from dataclasses import dataclass
from itertools import islice

from gateway.accounts import rights
from gateway.accounts.actor import MASTER_ID
from gateway.accounts.rights import WRONG, Defaults
from gateway.errors import Unauthenticated, Unavailable
from gateway.ports import Clock, Digests, Directory, Found
from gateway.types import Identity

SESSION_PREFIX = "sess-atl-"
MASTER = Identity(key_id=MASTER_ID, name="master key", role="admin")
MOST_REMEMBERED = 10_000
LONGEST_AWAY = 900.0  # seconds that a credential stays good while the store is away
LONGEST_KEY = 512  # characters
PATIENCE = 0.25  # seconds that a known credential waits for its look-up
LONGEST_LOOK_UP = 3.0  # seconds that an unknown one does
PROBE_EVERY = 1.0  # seconds between look-ups while the store is away
PIECES = 4  # of a wait, see `_in_time`


@dataclass(slots=True)
class _Known:
    """What the last look-up found. `looked_up`, `fresh_until`: monotonic; it ends at once when a change is heard of.

    `good_until`: Unix seconds, see `rights.good_until`: what is found never changes, so it is worked out once.
    `concerned` names whatever decides about it: ("key", "k_1"), ("membership", "red/ada"), …
    """

    found: Found
    identity: Identity
    looked_up: float
    fresh_until: float
    good_until: float
    concerned: frozenset[tuple[str, str | None]]
    revoked: bool = False

    @classmethod
    def of(cls, found: Found, identity: Identity, now: float, ttl: float) -> _Known:
        keys = (found.key, *found.ancestors)
        owners = (
            ("user", identity.user),
            ("team", identity.team),
            ("session", identity.session_id),
            ("membership", f"{identity.team}/{identity.user}"),
        )
        concerned = frozenset((*(("key", key.id) for key in keys if key is not None), *owners))
        return cls(found, identity, now, now + ttl, rights.good_until(found), concerned)


class KeyIdentities:
    """Implements ports.Identities over the directory; the master key is an admin.

    What is remembered stands under a mark of the credential: a digest with a key of this process's own, that nothing
    else knows. The store's digest is worked out when the store is asked.

    `ttl`: seconds that an answer is remembered. `sessions` digests session tokens; without it there are none.
    """

    def __init__(
        self,
        directory: Directory,
        digests: Digests,
        clock: Clock,
        master_key: str | None,
        ttl: float,
        *,
        sessions: Digests | None = None,
        defaults: Defaults | None = None,
    ) -> None:
        self._directory = directory
        self._digests = digests
        self._sessions = sessions
        self._clock = clock
        self._marking = hashlib.blake2b(key=secrets.token_bytes(32), digest_size=32)
        self._known: dict[bytes, _Known] = {}  # the longest unasked first
        self._running: dict[bytes, asyncio.Task[_Known | None]] = {}
        self._tasks: set[asyncio.Task[_Known | None]] = set()  # the loop itself holds them weakly
        self._away_until: float | None = None  # monotonic: the store is away, and is asked again then
        self.configure(master_key, ttl, defaults or Defaults())

    def configure(self, master_key: str | None, ttl: float, defaults: Defaults) -> None:
        """What the admin set; whoever is known is looked up again, because it decides about them."""
        self._master = self._mark(master_key) if master_key else None
        self._ttl = ttl
        self._defaults = defaults
        self.forget()

    async def identify(self, credential: str | None) -> Identity:
        """Raise Unauthenticated for no key, an unknown, expired, blocked or revoked one."""
        if not credential:
            raise Unauthenticated(
                "You did not provide an API key. Send it as 'Authorization: Bearer YOUR_KEY' or in 'x-api-key'."
            )
        if len(credential) > LONGEST_KEY or not credential.isascii():
            raise Unauthenticated(WRONG)
        mark = self._mark(credential)
        if self._master is not None and hmac.compare_digest(mark, self._master):
            return MASTER
        known = self._known.get(mark)
        if known is None or self._clock.monotonic() >= known.fresh_until:
            known = await self._look_up(credential, mark, known)
        if known is None:
            raise Unauthenticated(WRONG)
        now = self._clock.now()
        if now >= known.good_until and (refused := rights.refusal(known.found, now)) is not None:
            raise refused
        return known.identity

    def forget(self, kind: str | None = None, object_id: str | None = None) -> None:
        """Something was changed: a "key", "user", "team", "session" or "membership" ("team/user"), or who knows what.

        What it concerns is looked up again, and is unknown until then; without a name everything is looked up again.
        """
        self._running.clear()  # what they will find may be older than the change
        if kind is None or object_id is None:
            for known in self._known.values():
                known.fresh_until = -math.inf
            return
        for mark in self._concerned(kind, object_id):
            del self._known[mark]

    def revoked(self, kind: str, object_id: str) -> None:
        """Refuse what this concerns, until a look-up says otherwise; the store may be away."""
        self._running.clear()
        for mark in self._concerned(kind, object_id):
            self._known[mark].revoked = True
            self._known[mark].fresh_until = -math.inf

    def _concerned(self, kind: str, object_id: str) -> list[bytes]:
        named = (kind, object_id)
        return [mark for mark, known in self._known.items() if named in known.concerned]

    def _mark(self, credential: str) -> bytes:
        """A digest of the whole credential, made without letting another thread have its turn."""
        marking = self._marking.copy()
        marking.update(credential.encode("utf-8", "surrogatepass"))
        return marking.digest()

    async def _look_up(self, credential: str, mark: bytes, known: _Known | None) -> _Known | None:
        """Ask the store, together with whoever asks for the same; with the store away, what is known may do."""
        now = self._clock.monotonic()
        usable = known is not None and now - known.looked_up < LONGEST_AWAY
        was_away = self._away_until is not None
        if self._away_until is not None and now < self._away_until:
            return _instead(known if usable else None)
        if was_away:
            self._away_until = now + PROBE_EVERY  # this one goes to see; the others go on
        task = self._running.get(mark) or self._start(credential, mark)
        if was_away and usable:
            return _instead(known)
        done = await self._in_time(task, PATIENCE if usable else LONGEST_LOOK_UP)
        if done and not isinstance(task.exception(), Unavailable):
            return task.result()
        if not done:
            self._away_until = self._clock.monotonic() + PROBE_EVERY
        return _instead(known if usable else None)

    async def _in_time(self, task: asyncio.Task[_Known | None], seconds: float) -> bool:
        """Whether it ended within `seconds`. Time in which this process was held up itself says nothing of the store."""
        piece = seconds / PIECES
        counted = 0
        for _ in range(4 * PIECES):
            began = self._clock.monotonic()
            await asyncio.wait({task}, timeout=piece)
            counted += self._clock.monotonic() - began < 2 * piece
            if task.done() or counted == PIECES:
                break
        return task.done()

    def _start(self, credential: str, mark: bytes) -> asyncio.Task[_Known | None]:
        task = asyncio.create_task(self._ask(credential, mark))
        self._running[mark] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._finished(mark, done))
        return task

    async def _ask(self, credential: str, mark: bytes) -> _Known | None:
        this = asyncio.current_task()
        try:
            if self._sessions is not None and credential.startswith(SESSION_PREFIX):
                found = await self._directory.session(self._sessions.digest(credential))
            else:
                digest = self._digests.digest(credential)
                found = await self._directory.key(digest, hashlib.sha256(credential.encode()).hexdigest())
        except Unavailable:
            self._away_until = self._clock.monotonic() + PROBE_EVERY
            raise
        self._away_until = None
        if found is None:
            answer = None
        else:
            answer = _Known.of(found, rights.identity(found, self._defaults), self._clock.monotonic(), self._ttl)
        if self._running.get(mark) is this:  # otherwise a change was heard of meanwhile
            self._remember(mark, answer)
        return answer

    def _finished(self, mark: bytes, task: asyncio.Task[_Known | None]) -> None:
        self._tasks.discard(task)
        if self._running.get(mark) is task:
            del self._running[mark]
        if not task.cancelled():
            task.exception()  # nobody may be waiting for it any more

    def _remember(self, mark: bytes, answer: _Known | None) -> None:
        self._known.pop(mark, None)
        if answer is None:
            return
        for oldest in list(islice(self._known, max(0, len(self._known) - MOST_REMEMBERED + 1))):
            del self._known[oldest]
        self._known[mark] = answer


def _instead(known: _Known | None) -> _Known | None:
    """What does in place of an answer of the store; raises Unavailable where nothing does."""
    if known is None:
        raise Unavailable(
            "The gateway cannot look your key up at the moment; try again shortly.",
            code="store_unavailable",
            retry_after=PROBE_EVERY,
        )
    return None if known.revoked else known
