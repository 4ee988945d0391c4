"""Keys that are older than their owners: when a key's user and team become known, the user is in the team.

Before this version, and through LiteLLM's routes, a key could name a user and a team that nobody had made. A step of an
act; a store that is away undoes it as a whole.
"""

from __future__ import annotations

from sqlmodel import col, select

from gateway.accounts import roles
from gateway.accounts.transaction import Act
from gateway.store.directory import Membership, Team, User
from gateway.store.tables import VirtualKey


async def adopt(act: Act, *, user: str | None = None, team: str | None = None) -> None:
    """Make the memberships that keys of this new user, or of this new team, imply."""
    new = col(VirtualKey.user) == user if user is not None else col(VirtualKey.team) == team
    query = (
        select(VirtualKey.team, VirtualKey.user)
        .join(User, col(User.id) == col(VirtualKey.user))
        .join(Team, col(Team.id) == col(VirtualKey.team))
        .where(new, col(VirtualKey.revoked_at).is_(None))
        .distinct()
    )
    for team_id, user_id in (await act.session.exec(query)).all():
        if team_id is not None and user_id is not None:
            act.session.add(Membership(team_id=team_id, user_id=user_id, role=roles.MEMBER, created_at=act.now))
            act.record("member.set", f"{team_id}/{user_id}", team=team_id, after={"role": roles.MEMBER})
