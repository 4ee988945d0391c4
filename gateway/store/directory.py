"""The tables of people: users, teams, brands, invitations, sessions, and the audit log of what administrators did.

Ids of users, teams and brands may be chosen by an admin ("ada", "blog", "acme") or are made ("u_…"); they never change.
`version` counts edits (ETag). `audit` is append-only by triggers and names people by id only, so that a person can be
forgotten without touching it. Definitions only: nothing here touches a store.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel

BIG_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys only


class User(SQLModel, table=True):
    """A person, or a program that LiteLLM's clients call a user. Without `email` nobody can sign in as it."""

    __tablename__ = "user"

    id: str = Field(primary_key=True, sa_type=Text)
    email: str | None = Field(default=None, unique=True, sa_type=Text)  # lower case
    name: str | None = Field(default=None, sa_type=Text)
    role: str = Field(default="member", sa_type=Text)  # "admin", "member", "viewer"; in a team the membership decides
    password_hash: str | None = Field(default=None, sa_type=Text)  # argon2id
    oidc_subject: str | None = Field(default=None, unique=True, sa_type=Text)  # "issuer subject"
    budget_nano: int | None = Field(default=None, sa_type=BigInteger)
    budget_window: str | None = Field(default=None, sa_type=Text)
    created_at: float = Field(sa_type=Double)
    blocked_at: float | None = Field(default=None, sa_type=Double)
    erased_at: float | None = Field(default=None, sa_type=Double)
    version: int = 1


class Team(SQLModel, table=True):
    """People who share keys, spend and what the gateway remembers. JSON lists are None where there is no limit."""

    __tablename__ = "team"

    id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    models: list[str] | None = Field(default=None, sa_type=JSON)
    budget_nano: int | None = Field(default=None, sa_type=BigInteger)
    budget_window: str | None = Field(default=None, sa_type=Text)
    content: str = Field(default="metadata", sa_type=Text)  # "off", "metadata", "full"
    retention_days: int | None = None
    created_at: float = Field(sa_type=Double)
    blocked_at: float | None = Field(default=None, sa_type=Double)
    version: int = 1


class Membership(SQLModel, table=True):
    """A user's role in a team: "lead", "member" or "viewer"."""

    __tablename__ = "membership"
    __table_args__ = (Index("membership_by_user", "user_id"),)

    team_id: str = Field(primary_key=True, foreign_key="team.id", sa_type=Text)
    user_id: str = Field(primary_key=True, foreign_key="user.id", sa_type=Text)
    role: str = Field(default="member", sa_type=Text)
    created_at: float = Field(sa_type=Double)


class Brand(SQLModel, table=True):
    """A brand that texts are written for: a client's, or the team's own. With `team`, only that team may write for it."""

    __tablename__ = "brand"

    id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    client: str | None = Field(default=None, sa_type=Text)
    team: str | None = Field(default=None, foreign_key="team.id", sa_type=Text)
    budget_nano: int | None = Field(default=None, sa_type=BigInteger)
    budget_window: str | None = Field(default=None, sa_type=Text)
    created_at: float = Field(sa_type=Double)
    archived_at: float | None = Field(default=None, sa_type=Double)
    version: int = 1


class Invitation(SQLModel, table=True):
    """A link that makes one account, once. Only its digest is kept."""

    __tablename__ = "invitation"

    id: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    email: str | None = Field(default=None, sa_type=Text)  # only this address may use it; forgotten once it is used
    role: str = Field(default="member", sa_type=Text)
    team: str | None = Field(default=None, foreign_key="team.id", sa_type=Text)
    user_id: str | None = Field(default=None, sa_type=Text)  # a new password for this user
    created_by: str = Field(sa_type=Text)
    created_at: float = Field(sa_type=Double)
    expires_at: float = Field(sa_type=Double)
    used_at: float | None = Field(default=None, sa_type=Double)
    used_by: str | None = Field(default=None, sa_type=Text)
    revoked_at: float | None = Field(default=None, sa_type=Double)


class SignIn(SQLModel, table=True):
    """A person's session. Only the digest of its token is kept."""

    __tablename__ = "sign_in"
    __table_args__ = (Index("sign_in_by_user", "user_id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    user_id: str = Field(foreign_key="user.id", sa_type=Text)
    team: str | None = Field(default=None, sa_type=Text)  # the team it works for at the moment
    created_at: float = Field(sa_type=Double)
    expires_at: float = Field(sa_type=Double)
    ended_at: float | None = Field(default=None, sa_type=Double)


class AuditEntry(SQLModel, table=True):
    """One administrative act. `before` and `after` hold the fields that changed; never a secret, never personal data."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("audit_by_object", "object_type", "object_id"),
        Index("audit_by_team", "team", "id"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = Field(default=None, sa_column=Column(BIG_ID, primary_key=True, autoincrement=True))
    at: float = Field(sa_type=Double)
    actor: str = Field(sa_type=Text)  # "user:u_1", "key:k_1", "master", "cli", "system"
    action: str = Field(sa_type=Text)  # "key.create", "team.edit", …
    object_type: str = Field(sa_type=Text)
    object_id: str = Field(sa_type=Text)
    team: str | None = Field(default=None, sa_type=Text)
    before: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    after: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    request_id: str | None = Field(default=None, sa_type=Text)
