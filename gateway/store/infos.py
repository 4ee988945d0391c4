"""Rows as the values that the rest of the gateway knows. Pure: a row that was read is all that is needed."""

from __future__ import annotations

from gateway.ports import BrandInfo, KeyInfo, TeamInfo, UserInfo
from gateway.store.directory import Brand, Team, User
from gateway.store.tables import VirtualKey


def key_info(row: VirtualKey) -> KeyInfo:
    return KeyInfo(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        created_at=row.created_at,
        role=row.role,
        user=row.user,
        team=row.team,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        models=_names(row.models),
        brands=_names(row.brands),
        default_brand=row.default_brand,
        budget=row.budget_nano,
        budget_window=row.budget_window,
        rpm=row.rpm,
        max_parallel=row.max_parallel,
        on_disconnect=row.on_disconnect,
        tags=tuple(row.tags),
        metadata=row.extra,
        parent=row.parent,
        blocked_at=row.blocked_at,
        created_by=row.created_by,
        previous_until=row.previous_until,
        version=row.version,
    )


def user_info(row: User) -> UserInfo:
    return UserInfo(
        id=row.id,
        created_at=row.created_at,
        email=row.email,
        name=row.name,
        role=row.role,
        can_sign_in=row.password_hash is not None or row.oidc_subject is not None,
        budget=row.budget_nano,
        budget_window=row.budget_window,
        blocked_at=row.blocked_at,
        erased_at=row.erased_at,
        version=row.version,
    )


def team_info(row: Team) -> TeamInfo:
    return TeamInfo(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        models=_names(row.models),
        budget=row.budget_nano,
        budget_window=row.budget_window,
        content=row.content,
        retention_days=row.retention_days,
        blocked_at=row.blocked_at,
        version=row.version,
    )


def brand_info(row: Brand) -> BrandInfo:
    return BrandInfo(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        client=row.client,
        team=row.team,
        budget=row.budget_nano,
        budget_window=row.budget_window,
        archived_at=row.archived_at,
        version=row.version,
    )


def _names(stored: list[str] | None) -> tuple[str, ...] | None:
    return tuple(stored) if stored is not None else None
