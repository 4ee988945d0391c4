"""Who is signed in. A browser holds a random id in a cookie; the key or session token behind it never goes there.

A session lasts twelve hours at most. With files to keep it in, it is found again after a restart, without its drafts.
While the gateway is away, a viewer that it knew a quarter of an hour ago may go on reading.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dashboard.accounts import Accounts
from dashboard.client import UNREADABLE, Client, JsonObject, Problem
from dashboard.draft import Draft, Order
from dashboard.session_files import SessionFiles
from gateway.reports import Viewer

LIFE = 12 * 3600.0  # seconds
MOST = 10_000  # sessions
FRESH = 5.0  # seconds for which the gateway's word about a viewer is taken
GRACE = 15 * 60.0  # the same, while the gateway does not answer
CATALOGUE_LIFE = 30.0
WATCHED = 120.0  # seconds without a look after which nobody is there; a browser's hidden tab looks once a minute
MOST_DRAFTS = 20

Clock = Callable[[], float]


class SignedOut(Exception):
    """The key or session behind this sign-in is none any more."""


@dataclass(frozen=True, slots=True)
class Me:
    """The viewer as `GET /v1/me` describes it. `answers`: False when the gateway could not be asked just now."""

    viewer: Viewer
    facts: JsonObject
    answers: bool = True

    @property
    def simulated(self) -> bool:
        return bool(self.facts.get("simulated"))

    @property
    def person(self) -> str | None:
        """The id of the user behind the key or the session."""
        return _id(self.facts.get("user"))

    @property
    def team(self) -> str | None:
        """The id of the team that the viewer works for at the moment."""
        return _id(self.facts.get("team"))

    @property
    def role(self) -> str:
        return str(self.facts.get("role"))

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_lead(self) -> bool:
        return self.role == "lead" and self.team is not None

    @property
    def may_write(self) -> bool:
        return self.role != "viewer"

    def leads(self, team: object) -> bool:
        """Whether this is the team that the viewer leads."""
        return self.is_lead and team == self.team

    @property
    def spend(self) -> Mapping[str, Any]:
        spend: Mapping[str, Any] = self.facts.get("spend") or {}
        return spend


def _id(thing: object) -> str | None:
    """`GET /v1/me` gives an id, or an object that has one."""
    found = thing.get("id") if isinstance(thing, dict) else thing
    return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What the viewer's key may use."""

    models: list[JsonObject]
    templates: list[JsonObject]
    brands: list[JsonObject]


class Session:
    """One sign-in. Shared by its tabs; any thread may use it. `facts`: of the viewer; None where nobody asked yet.

    `age`: seconds that it has lasted already. `kept`: whether there is a file of it.
    """

    def __init__(
        self, client: Client, facts: JsonObject | None, clock: Clock, *, age: float = 0.0, kept: bool = False
    ) -> None:
        self.kept = kept
        self.client = client
        self.accounts = Accounts(client, clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._me = Me(Viewer.from_me(facts), facts) if facts is not None else None
        self._asked = self._known = self._seen = clock()
        self.began = self._seen - age
        self._catalogue: tuple[float, Catalogue] | None = None
        self._drafts: dict[str, Draft] = {}

    def me(self) -> Me:
        """The viewer, asked of the gateway again every few seconds. Raises SignedOut, Problem."""
        with self._lock:
            now = self._seen = self._clock()
            if self._me is not None and now - self._asked < FRESH:
                return self._me
            self._me = self._ask(now)
            self._asked = now
            return self._me

    def _ask(self, now: float) -> Me:
        try:
            facts = self.client.me()
        except Problem as problem:
            if problem.signed_out:
                raise SignedOut from problem
            if self._me is None or now - self._known > GRACE:
                raise
            return Me(self._me.viewer, self._me.facts, answers=False)
        self._known = now
        return Me(Viewer.from_me(facts), facts)

    def catalogue(self) -> Catalogue:
        """Models, templates and brand voices, half a minute old at most. Raises Problem."""
        with self._lock:
            now = self._clock()
            if self._catalogue is None or now - self._catalogue[0] > CATALOGUE_LIFE:
                library = self.client.library()
                found = Catalogue(self.client.models(), library.get("templates", []), library.get("brands", []))
                self._catalogue = (now, found)
            return self._catalogue[1]

    def write(self, order: Order) -> str:
        """Start a text; its id."""
        draft_id = secrets.token_urlsafe(9)
        with self._lock:
            while len(self._drafts) >= MOST_DRAFTS:
                self._drafts.pop(next(iter(self._drafts))).stop()
            self._drafts[draft_id] = Draft(order, self.client, self.watched).start()
        return draft_id

    def draft(self, draft_id: str | None) -> Draft | None:
        return self._drafts.get(draft_id) if draft_id else None

    def watched(self) -> bool:
        """Whether a page of this session was drawn lately."""
        return self._clock() - self._seen < WATCHED

    def spent(self) -> None:
        """Money has moved: ask the gateway at the next look."""
        self._asked = float("-inf")

    def close(self) -> None:
        """Stop what is being written. A sign-in with a password ends at the gateway too, if that can be reached."""
        for draft in self._drafts.values():
            draft.stop()
        if self._me is None or self._me.facts.get("session_id"):
            with suppress(Problem):
                self.client.post("/auth/sign-out")


class Sessions:
    """All sign-ins of this process, and those in `files` of others that share them or were before it."""

    def __init__(
        self,
        connect: Callable[[str | None], Client],
        clock: Clock = time.monotonic,
        new_id: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        files: SessionFiles | None = None,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._new_id = new_id
        self._files = files
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def enter(self, door: str, body: JsonObject) -> str:
        """Have the gateway make a session at one of its public routes; its id here. Raises Problem."""
        visitor = self._connect(None)
        try:
            token = visitor.post(door, body).get("token")
        finally:
            visitor.close()
        if not isinstance(token, str):
            raise Problem(UNREADABLE)
        return self.open(token)

    def open(self, key: str) -> str:
        """Sign in with a key or a session's token; the new session's id. Raises Problem with the gateway's own words."""
        client = self._connect(key)
        facts, session_id = client.me(), self._new_id()
        kept = self._files is not None and self._files.keep(session_id, key)
        session = Session(client, facts, self._clock, kept=kept)
        with self._lock:
            self._sweep()
            self._sessions[session_id] = session
        return session_id

    def get(self, session_id: str | None) -> Session | None:
        """The session, while it lives."""
        if not session_id:
            return None
        session = self._sessions.get(session_id) or self._recall(session_id)
        if session is None or self._clock() - session.began > LIFE:
            return None
        if session.kept and self._files is not None and not self._files.has(session_id):  # ended by another process
            self.end(session_id)
            return None
        return session

    def _recall(self, session_id: str) -> Session | None:
        """One that this process has not seen yet. Nobody is asked: `Session.me` does that."""
        found = self._files.recall(session_id) if self._files is not None else None
        if found is None:
            return None
        session = Session(self._connect(found.key), None, self._clock, age=found.age, kept=True)
        with self._lock:
            self._sweep()
            return self._sessions.setdefault(session_id, session)

    def end(self, session_id: str | None) -> None:
        """Sign out: whatever is being written is stopped."""
        session = self._sessions.pop(session_id or "", None)
        if session_id and self._files is not None:
            self._files.forget(session_id)
        if session is not None:
            session.close()

    def _sweep(self) -> None:
        now = self._clock()
        dead = [name for name, session in self._sessions.items() if now - session.began > LIFE]
        for name in dead or (list(self._sessions)[:1] if len(self._sessions) >= MOST else ()):
            self.end(name)
