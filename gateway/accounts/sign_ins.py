"""Sessions of people: signed in with a password or by an identity provider. Only digests of their tokens are kept.

While the store is away nobody signs in (`errors.Unavailable`). Who is wrong about a password and who does not exist
get the same answer after the same time.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, select

from gateway import errors
from gateway.accounts import fields, roles
from gateway.accounts.actor import Actor
from gateway.accounts.passwords import Passwords
from gateway.accounts.roles import Reach
from gateway.accounts.transaction import Act, Transactions
from gateway.accounts.values import NewSession, SessionInfo
from gateway.ports import Throttle
from gateway.store.directory import Membership, SignIn, Team, User
from gateway.store.infos import user_info
from gateway.store.secrets import SESSION_PREFIX, Digesters, new_id, new_key

WINDOW = 900.0  # seconds
TRIES_BY_EMAIL = 10
TRIES_BY_ADDRESS = 50
WRONG = "The e-mail address or the password is wrong."
_NOBODY = Actor("system", roles.VIEWER)


class SignIns:
    """Raises Unauthenticated (code "invalid_credentials") for whoever may not sign in, RateLimited for too many tries."""

    def __init__(
        self, store: Transactions, digests: Digesters, passwords: Passwords, throttle: Throttle | None
    ) -> None:
        self._store = store
        self._digests = digests.sessions
        self._passwords = passwords
        self._throttle = throttle

    async def sign_in(self, email: str, password: str, address: str | None = None) -> NewSession:
        """Begin a session. `address`: the client's, for counting tries."""
        try:
            known_as = fields.email("email", email)
        except errors.Unprocessable:
            known_as = ""
        await self.count_try(known_as, address)
        query = select(User).where(col(User.email) == known_as, col(User.erased_at).is_(None))
        async with self._store.read() as session:
            user = (await session.exec(query)).first()
        hashed = user.password_hash if user is not None and user.blocked_at is None else None
        if not await self._passwords.verify(password, hashed) or user is None:
            raise wrong()
        async with self._store.act(Actor(f"user:{user.id}", user.role, user=user.id)) as act:
            row = await act.session.get(User, user.id)
            if row is None or row.password_hash != hashed or row.blocked_at is not None:
                raise wrong()  # changed while the password was being checked
            begun = await self.begin(act, row)
        if self._throttle is not None:
            await self._throttle.forget(_counted("email", known_as))
        return begun

    async def sign_in_with(self, subject: str, email: str | None, *, email_verified: bool) -> NewSession:
        """Begin a session for whom an identity provider has named ("issuer subject"): existing users only.

        A user without a subject is known by its verified e-mail once, and by the subject from then on.
        """
        fields.known_subject(subject)
        async with self._store.act(_NOBODY) as act:
            user = (await act.session.exec(select(User).where(col(User.oidc_subject) == subject))).first()
            bound = user is None
            if user is None and email is not None and email_verified:
                address = fields.email("email", email)
                query = select(User).where(col(User.email) == address, col(User.oidc_subject).is_(None))
                user = (await act.session.exec(query)).first()
            if user is None or user.blocked_at is not None or user.erased_at is not None:
                raise errors.Unauthenticated(
                    "Nobody here is known by this sign-in. Ask an admin for an invitation.", code="invalid_credentials"
                )
            act.actor = Actor(f"user:{user.id}", user.role, user=user.id)
            if bound:
                user.oidc_subject = subject
                act.record("user.edit", user.id, after={"oidc_subject": "changed"})
            return await self.begin(act, user)

    async def begin(self, act: Act, user: User) -> NewSession:
        """A session of this user, in the team that it has been in for longest: a step of an act."""
        memberships = select(Membership.team_id).where(col(Membership.user_id) == user.id)
        by_age = memberships.order_by(col(Membership.created_at), col(Membership.team_id))
        team = (await act.session.exec(by_age)).first() if user.role != roles.ADMIN else None
        token = new_key(prefix=SESSION_PREFIX)
        row = SignIn(
            id=new_id("s"),
            digest=self._digests.digest(token),
            user_id=user.id,
            team=team,
            created_at=act.now,
            expires_at=act.now + self._store.settings.session_ttl,
        )
        act.session.add(row)
        act.record("session.create", row.id, team=team)
        return NewSession(token, row.id, user_info(user), row.expires_at, team)

    async def list(self, actor: Actor, user_id: str | None = None) -> Sequence[SessionInfo]:
        """Sessions that run, newest first: the actor's own, or those of `user_id`. Raises NotFound."""
        wanted = user_id if user_id is not None else actor.user
        if roles.require(actor.role, "session.list") is not Reach.ALL and wanted != actor.user:
            raise fields.unknown("user", user_id)
        if wanted is None:
            return []
        query = select(SignIn).where(
            col(SignIn.user_id) == fields.known_id(wanted, "user"),
            col(SignIn.ended_at).is_(None),
            col(SignIn.expires_at) > self._store.clock.now(),
        )
        async with self._store.read() as session:
            if user_id is not None and await session.get(User, wanted) is None:
                raise fields.unknown("user", user_id)
            rows = (await session.exec(query.order_by(col(SignIn.created_at).desc(), col(SignIn.id)))).all()
        return [_info(row, actor) for row in rows]

    async def end(self, actor: Actor, session_id: str) -> None:
        """Raises NotFound. Ending an ended session changes nothing."""
        reach = roles.require(actor.role, "session.end")
        async with self._store.act(actor) as act:
            row = await act.session.get(SignIn, fields.known_id(session_id, "session"))
            if row is None or (reach is not Reach.ALL and row.user_id != actor.user):
                raise fields.unknown("session", session_id)
            _end(act, row)

    async def end_all(self, actor: Actor, user_id: str) -> int:
        """End every session of a user; how many there were. Raises NotFound."""
        if roles.require(actor.role, "session.end") is not Reach.ALL and user_id != actor.user:
            raise fields.unknown("user", user_id)
        async with self._store.act(actor) as act:
            if await act.session.get(User, fields.known_id(user_id, "user")) is None:
                raise fields.unknown("user", user_id)
            return await end_sessions(act, user_id)

    async def work_for(self, actor: Actor, team: str | None) -> SessionInfo:
        """Turn the calling session to another of its user's teams. Raises NotFound for a team that is not."""
        async with self._store.act(actor) as act:
            row = await act.session.get(SignIn, _session_of(actor))
            if row is None:
                raise fields.unknown("session", actor.session)
            if team is not None:
                known = await act.session.get(Team, fields.known_id(team, "team"))
                member = await act.session.get(Membership, (team, row.user_id))
                if known is None or (member is None and actor.role != roles.ADMIN):
                    raise fields.unknown("team", team)
            if row.team != team:
                act.record("session.edit", row.id, team=team, before={"team": row.team}, after={"team": team})
                row.team = team
        return _info(row, actor)

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Change the calling person's password and end its other sessions.

        Raises Unauthenticated (invalid_credentials) for a wrong old one, Unprocessable (param "new"), RateLimited,
        Forbidden for a caller that is no session.
        """
        _session_of(actor)
        await self.count_try(f"user:{actor.user}", None)
        async with self._store.read() as session:
            user = await session.get(User, actor.user)
        if user is None or not await self._passwords.verify(old, user.password_hash):
            raise errors.Unauthenticated("The old password is wrong.", code="invalid_credentials", param="old")
        hashed = await self._passwords.hash(new, user.email, param="new")
        async with self._store.act(actor) as act:
            row = await act.session.get(User, user.id)
            if row is None or row.password_hash != user.password_hash:
                raise errors.Conflict("The password was changed meanwhile.", code="version_conflict")
            row.password_hash = hashed
            row.version += 1
            act.record("user.password", row.id)
            await end_sessions(act, row.id, but=actor.session)

    async def count_try(self, name: str, address: str | None) -> None:
        """Raises RateLimited when there were too many for this name, or from this address."""
        if self._throttle is None:
            return
        counted = (("email", name, TRIES_BY_EMAIL), ("address", address, TRIES_BY_ADDRESS))
        for kind, value, limit in counted:
            if not value:
                continue
            wait = await self._throttle.hit(_counted(kind, value), limit, WINDOW)
            if wait is not None:
                raise errors.RateLimited("Too many tries to sign in; wait a while.", retry_after=wait)


async def end_sessions(act: Act, user_id: str, *, but: str | None = None) -> int:
    """End a user's sessions, all but one: a step of an act."""
    query = select(SignIn).where(
        col(SignIn.user_id) == user_id, col(SignIn.ended_at).is_(None), col(SignIn.expires_at) > act.now
    )
    rows = [row for row in (await act.session.exec(query)).all() if row.id != but]
    for row in rows:
        _end(act, row)
    return len(rows)


def _counted(kind: str, value: str) -> str:
    """The name under which tries are counted."""
    return f"sign-in:{kind}:{value}"


def wrong() -> errors.Unauthenticated:
    return errors.Unauthenticated(WRONG, code="invalid_credentials")


def _end(act: Act, row: SignIn) -> None:
    if row.ended_at is None:
        row.ended_at = act.now
        act.record("session.end", row.id, team=row.team)


def _session_of(actor: Actor) -> str:
    if actor.session is None:
        raise errors.Forbidden("Only a signed-in person can do this; this is a key.")
    return actor.session


def _info(row: SignIn, actor: Actor) -> SessionInfo:
    return SessionInfo(
        row.id, row.user_id, row.created_at, row.expires_at, row.team, row.ended_at, current=row.id == actor.session
    )
