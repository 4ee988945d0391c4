"""What /admin and /auth answer, as OpenAPI documents it. Money is a decimal string of US dollars and exact nano-dollars.

None of these has a member for a secret but `MadeKey.key`, which is shown once. Values come in, models go out; no store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel

from gateway.accounts import Page
from gateway.ledger.prices import usd
from gateway.ports import BrandInfo, KeyInfo, TeamInfo, UserInfo
from gateway.types import Balance

T = TypeVar("T")


class Listed(BaseModel, Generic[T]):
    """Part of a list; `next` goes into `after` for the part that follows."""

    object: Literal["list"] = "list"
    data: list[T]
    has_more: bool
    next: str | None

    @classmethod
    def of(cls, page: Page[Any], data: list[T]) -> Self:
        return cls(data=data, has_more=page.next is not None, next=page.next)

    @classmethod
    def whole(cls, data: list[T]) -> Self:
        return cls(data=data, has_more=False, next=None)


class Spend(BaseModel):
    """A budget account in its present window."""

    spent: str
    spent_nano: int
    held: str
    held_nano: int
    left: str | None
    left_nano: int | None
    resets_at: float | None

    @classmethod
    def of(cls, balance: Balance) -> Self:
        left = None if balance.limit is None else max(0, balance.limit - balance.spent - balance.held)
        return cls(
            spent=usd(balance.spent),
            spent_nano=balance.spent,
            held=usd(balance.held),
            held_nano=balance.held,
            left=money(left),
            left_nano=left,
            resets_at=balance.resets_at,
        )


class Budgeted(BaseModel):
    """`spend` is null where the caller may not read it."""

    budget: str | None
    budget_nano: int | None
    budget_window: str | None
    created_at: float
    version: int
    spend: Spend | None


class TeamOfUser(BaseModel):
    team: str
    role: str


class UserShape(Budgeted):
    object: Literal["user"] = "user"
    id: str
    email: str | None
    name: str | None
    role: str
    can_sign_in: bool
    blocked: bool
    teams: list[TeamOfUser]

    @classmethod
    def of(cls, user: UserInfo, teams: Sequence[tuple[str, str]], spend: Spend | None) -> Self:
        return cls(
            id=user.id,
            email=user.email,
            name=user.name,
            role=user.role,
            can_sign_in=user.can_sign_in,
            blocked=user.blocked_at is not None,
            teams=memberships(teams),
            spend=spend,
            **budget(user),
        )


class TeamShape(Budgeted):
    object: Literal["team"] = "team"
    id: str
    name: str
    models: list[str] | None
    content: str
    retention_days: int | None
    blocked: bool
    members: int

    @classmethod
    def of(cls, team: TeamInfo, members: int, spend: Spend | None) -> Self:
        """`members`: how many of them the caller may see."""
        return cls(
            id=team.id,
            name=team.name,
            models=names(team.models),
            content=team.content,
            retention_days=team.retention_days,
            blocked=team.blocked_at is not None,
            members=members,
            spend=spend,
            **budget(team),
        )


class Person(BaseModel):
    """A user as others of its team see it."""

    id: str
    name: str | None
    email: str | None

    @classmethod
    def of(cls, user: UserInfo) -> Self:
        return cls(id=user.id, name=user.name, email=user.email)


class MembershipShape(BaseModel):
    object: Literal["membership"] = "membership"
    team: str
    user: Person
    role: str


class BrandShape(Budgeted):
    object: Literal["brand"] = "brand"
    id: str
    name: str
    client: str | None
    team: str | None
    archived: bool

    @classmethod
    def of(cls, brand: BrandInfo, spend: Spend | None) -> Self:
        return cls(
            id=brand.id,
            name=brand.name,
            client=brand.client,
            team=brand.team,
            archived=brand.archived_at is not None,
            spend=spend,
            **budget(brand),
        )


class KeyShape(Budgeted):
    object: Literal["key"] = "key"
    id: str
    name: str
    prefix: str
    user: str | None
    team: str | None
    role: str
    models: list[str] | None
    brands: list[str] | None
    default_brand: str | None
    rpm: int | None
    max_parallel: int | None
    on_disconnect: str
    tags: list[str]
    metadata: dict[str, Any]
    test_key: bool
    expires_at: float | None
    blocked: bool
    revoked_at: float | None
    previous_until: float | None
    parent: str | None
    created_by: str | None

    @classmethod
    def of(cls, info: KeyInfo, spend: Spend | None, **more: Any) -> Self:
        metadata: Mapping[str, Any] = info.metadata or {}
        return cls(
            id=info.id,
            name=info.name,
            prefix=info.prefix,
            user=info.user,
            team=info.team,
            role=info.role,
            models=names(info.models),
            brands=names(info.brands),
            default_brand=info.default_brand,
            rpm=info.rpm,
            max_parallel=info.max_parallel,
            on_disconnect=info.on_disconnect,
            tags=list(info.tags),
            metadata={name: value for name, value in metadata.items() if name != "test_key"},
            test_key=bool(metadata.get("test_key")),
            expires_at=info.expires_at,
            blocked=info.blocked_at is not None,
            revoked_at=info.revoked_at,
            previous_until=info.previous_until,
            parent=info.parent,
            created_by=info.created_by,
            spend=spend,
            **budget(info),
            **more,
        )


class MadeKey(KeyShape):
    """A key that was just made or rotated. `key` is shown this once and never again."""

    key: str


class Ended(BaseModel):
    """What was ended, removed or erased; `count` where it may be several."""

    object: str
    id: str
    count: int = 1


def budget(thing: UserInfo | TeamInfo | BrandInfo | KeyInfo) -> dict[str, Any]:
    return {
        "budget": money(thing.budget),
        "budget_nano": thing.budget,
        "budget_window": thing.budget_window,
        "created_at": thing.created_at,
        "version": thing.version,
    }


def money(nano: int | None) -> str | None:
    return None if nano is None else usd(nano)


def names(given: tuple[str, ...] | None) -> list[str] | None:
    return None if given is None else list(given)


def memberships(teams: Sequence[tuple[str, str]]) -> list[TeamOfUser]:
    return [TeamOfUser(team=team, role=role) for team, role in teams]
