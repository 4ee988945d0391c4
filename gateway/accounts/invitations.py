"""Links that make one account, once. Only digests of their tokens are kept. Unavailable: the store is away."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from gateway import errors
from gateway.accounts import fields, paging, roles
from gateway.accounts.actor import Actor
from gateway.accounts.passwords import Passwords
from gateway.accounts.roles import Reach
from gateway.accounts.sign_ins import SignIns, end_sessions
from gateway.accounts.transaction import Act, Transactions
from gateway.accounts.users import new_user
from gateway.accounts.values import InvitationInfo, NewSession, Page
from gateway.store.directory import Invitation, Membership, Team, User
from gateway.store.secrets import INVITATION_PREFIX, Digesters, new_id, new_key

WEEK = 7 * 86_400.0
SHORTEST, LONGEST = 60.0, 90 * 86_400.0  # seconds
LONGEST_TOKEN = 512


class Invitations:
    """Every method but `accept` takes the actor first and raises NotFound, Forbidden, Unprocessable."""

    def __init__(self, store: Transactions, digests: Digesters, passwords: Passwords, sign_ins: SignIns) -> None:
        self._store = store
        self._digests = digests.invitations
        self._passwords = passwords
        self._sign_ins = sign_ins

    async def create(
        self,
        actor: Actor,
        *,
        email: str | None = None,
        role: str = "member",
        team: str | None = None,
        expires_in: float = WEEK,
        user: str | None = None,
    ) -> tuple[InvitationInfo, str]:
        """The invitation and its token, told this once. `role` is the one in `team`, or else the user's own.

        With `user`, who accepts it gets a new password for that user; for admins alone. `expires_in`: 60 s to 90 days.
        """
        reach = roles.require(actor.role, "invitation.create")
        if not SHORTEST <= expires_in <= LONGEST:
            raise errors.Unprocessable("An invitation is good for a minute to 90 days.", param="expires_in")
        if reach is not Reach.ALL:
            team = team if team is not None else actor.team
            if team is None or team != actor.team:
                raise errors.Forbidden("You can invite into your own team only.", param="team")
            if user is not None:
                raise errors.Forbidden("Only an admin may reset a password.", param="user")
        allowed = roles.TEAM_ROLES if team is not None else roles.USER_ROLES
        role = fields.one_of(*allowed)("role", role)
        address = fields.email("email", email) if email is not None else None
        token = new_key(prefix=INVITATION_PREFIX)
        async with self._store.act(actor) as act:
            await _check_objects(act, team, user)
            row = Invitation(
                id=new_id("i"),
                digest=self._digests.digest(token),
                email=address,
                role=role,
                team=team,
                user_id=user,
                created_by=actor.id,
                created_at=act.now,
                expires_at=act.now + expires_in,
            )
            act.session.add(row)
            after = {"role": role, "team": team, "user": user, "email": address}
            act.record("invitation.create", row.id, team=team, after={k: v for k, v in after.items() if v is not None})
        return _info(row), token

    async def list(self, actor: Actor, *, after: str | None = None, limit: int = 50) -> Page[InvitationInfo]:
        """Newest first; used, expired and revoked ones too."""
        query = select(Invitation).where(*_reached(actor, "invitation.list"))
        query = paging.newest_first(query, col(Invitation.created_at), col(Invitation.id), after, limit)
        async with self._store.read() as session:
            rows = (await session.exec(query)).all()
        return paging.page(rows, limit, _info, lambda row: (row.created_at, row.id))

    async def revoke(self, actor: Actor, invitation_id: str) -> InvitationInfo:
        """A used one stays used. The first revocation counts."""
        reached = _reached(actor, "invitation.revoke")
        wanted = col(Invitation.id) == fields.known_id(invitation_id, "invitation")
        async with self._store.act(actor) as act:
            row = (await act.session.exec(select(Invitation).where(wanted, *reached))).first()
            if row is None:
                raise fields.unknown("invitation", invitation_id)
            if row.revoked_at is None and row.used_at is None:
                row.revoked_at = act.now
                act.record("invitation.revoke", row.id, team=row.team)
        return _info(row)

    async def accept(
        self, token: str, *, email: str, name: str | None, password: str, address: str | None = None
    ) -> NewSession:
        """Make the account and sign it in; of two at once, one wins. `address`: the client's, for counting tries.

        Raises NotFound for a token that is unknown, used, expired or revoked (one message for all), Conflict
        (already_exists) for an e-mail that is taken, Unprocessable (param password, email, name), RateLimited.
        """
        await self._sign_ins.count_try("", address)
        known_as = fields.email("email", email)
        called = fields.text("name", name) if name else None
        digest = self._digests.digest(token[:LONGEST_TOKEN])
        async with self._store.read() as session:
            row = (await session.exec(select(Invitation).where(col(Invitation.digest) == digest))).first()
        _check_usable(row, known_as, self._store.clock.now())
        hashed = await self._passwords.hash(password, known_as)
        async with self._store.act(Actor("system", roles.ADMIN)) as act:
            query = select(Invitation).where(col(Invitation.digest) == digest)
            invitation = _check_usable((await act.session.exec(query)).first(), known_as, act.now)
            user = await self._account(act, invitation, known_as, called)
            user.password_hash = hashed
            invitation.used_at, invitation.used_by, invitation.email = act.now, user.id, None
            act.actor = Actor(f"user:{user.id}", user.role, user=user.id)
            act.record("invitation.accept", invitation.id, team=invitation.team)
            await act.session.flush()
            return await self._sign_ins.begin(act, user)

    async def _account(self, act: Act, invitation: Invitation, email: str, name: str | None) -> User:
        """The new user, or the one whose password is lost, whose sessions end."""
        if invitation.user_id is not None:
            user = await act.session.get(User, invitation.user_id)
            if user is None or user.erased_at is not None or user.email not in {None, email}:
                raise _unusable()
            user.email, user.version = email, user.version + 1
            act.record("user.password", user.id)
            await end_sessions(act, user.id)
            return user
        role = invitation.role if invitation.team is None else roles.MEMBER
        values: dict[str, Any] = {"email": email, "name": name, "role": role}
        user = await new_user(act, {field: value for field, value in values.items() if value is not None})
        if invitation.team is not None:
            membership = Membership(team_id=invitation.team, user_id=user.id, role=invitation.role, created_at=act.now)
            act.session.add(membership)
            object_id = f"{invitation.team}/{user.id}"
            act.record("member.set", object_id, team=invitation.team, after={"role": invitation.role})
        return user


def _reached(actor: Actor, action: str) -> tuple[Any, ...]:
    if roles.require(actor.role, action) is Reach.ALL:
        return ()
    return (col(Invitation.team) == actor.team, col(Invitation.team).is_not(None))


def _check_usable(row: Invitation | None, email: str, now: float) -> Invitation:
    if row is None or row.used_at is not None or row.revoked_at is not None or row.expires_at <= now:
        raise _unusable()
    if row.email is not None and row.email != email:
        raise errors.Unprocessable("This invitation is for another e-mail address.", param="email")
    return row


def _unusable() -> errors.NotFound:
    return errors.NotFound("This invitation is not good any more. Ask for a new one.")


async def _check_objects(act: Act, team: str | None, user: str | None) -> None:
    if team is not None and await act.session.get(Team, fields.known_id(team, "team")) is None:
        raise errors.Unprocessable(f"There is no team '{team}'.", param="team")
    person = await act.session.get(User, fields.known_id(user, "user")) if user is not None else None
    if user is not None and (person is None or person.erased_at is not None):
        raise errors.Unprocessable(f"There is no user '{user}'.", param="user")


def _info(row: Invitation) -> InvitationInfo:
    return InvitationInfo(
        id=row.id,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        email=row.email,
        role=row.role,
        team=row.team,
        user=row.user_id,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
