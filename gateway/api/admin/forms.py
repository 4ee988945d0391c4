"""The bodies of /admin: one model for making a thing and one for changing it, so that neither takes the other's members.

Members that only the gateway sets (id of a made key, version, created_by, parent, digests, what was spent) are in none.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.api.fields import (
    Email,
    Form,
    Metadata,
    Money,
    Names,
    NewId,
    Parallel,
    Role,
    Rpm,
    Tags,
    TeamRole,
    Text,
    Time,
    UserRole,
    Window,
    Yes,
    absent,
)

Content = Literal["off", "metadata", "full"]
Disconnect = Literal["cancel", "continue"]
Retention = Annotated[int, Field(ge=1, le=9_999, strict=True)]
LONGEST_OVERLAP = 30 * 86_400
LONGEST_INVITATION = 90 * 86_400


class NewUser(Form):
    """A person, or a program that clients call a user."""

    id: NewId = absent()
    email: Email | None = None
    name: Text | None = None
    role: UserRole = absent()
    budget: Money = None
    budget_window: Window | None = None


class UserChanges(Form):
    email: Email | None = None
    name: Text | None = None
    role: UserRole = absent()
    blocked: Yes = absent()
    budget: Money = None
    budget_window: Window | None = None


class NewTeam(Form):
    """People who share keys, spend and what the gateway remembers."""

    id: NewId = absent()
    name: Text
    models: Names | None = None
    budget: Money = None
    budget_window: Window | None = None
    content: Content = absent()
    retention_days: Retention | None = None


class TeamChanges(Form):
    name: Text = absent()
    models: Names | None = None
    budget: Money = None
    budget_window: Window | None = None
    content: Content = absent()
    retention_days: Retention | None = None
    blocked: Yes = absent()


class MemberRole(Form):
    """What a user is in a team."""

    role: TeamRole


class NewBrand(Form):
    """A brand that texts are written for; with `team`, that team alone may."""

    id: NewId = absent()
    name: Text
    client: Text | None = None
    team: Text | None = None
    budget: Money = None
    budget_window: Window | None = None


class BrandChanges(Form):
    name: Text = absent()
    client: Text | None = None
    team: Text | None = None
    archived: Yes = absent()
    budget: Money = None
    budget_window: Window | None = None


class KeyFields(Form):
    """What a key may be told, when it is made and later."""

    user: Text | None = None
    team: Text | None = None
    role: Role = absent()
    models: Names | None = None
    brands: Names | None = None
    default_brand: Text | None = None
    budget: Money = None
    budget_window: Window | None = None
    rpm: Rpm | None = None
    max_parallel: Parallel | None = None
    on_disconnect: Disconnect = absent()
    tags: Tags = absent()
    metadata: Metadata | None = None
    expires_at: Time | None = None
    test_key: Yes = absent()


class NewKey(KeyFields):
    """A virtual key. Times in Unix seconds; null: no limit."""

    name: Text


class KeyChanges(KeyFields):
    name: Text = absent()
    blocked: Yes = absent()


class Rotation(Form):
    """How long the old secret goes on."""

    overlap_seconds: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP)] = absent()


class NewInvitation(Form):
    """A link for one person; with `user`, for a new password of that user."""

    email: Email | None = None
    role: UserRole | TeamRole = absent()
    team: Text | None = None
    user: Text | None = None
    expires_in: Annotated[float, Field(ge=60, le=LONGEST_INVITATION)] = absent()
