"""LiteLLM's tables as its Prisma schema makes them on PostgreSQL, and rows in them as LiteLLM writes them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import datetime
from typing import Any

import asyncpg

TABLES = """
CREATE TABLE "LiteLLM_BudgetTable" (
    "budget_id" TEXT PRIMARY KEY, "max_budget" DOUBLE PRECISION, "soft_budget" DOUBLE PRECISION,
    "max_parallel_requests" INTEGER, "tpm_limit" BIGINT, "rpm_limit" BIGINT, "tpd_limit" BIGINT,
    "model_max_budget" JSONB, "budget_duration" TEXT, "budget_reset_at" TIMESTAMP(3),
    "allowed_models" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "created_by" TEXT NOT NULL DEFAULT 'admin',
    "updated_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updated_by" TEXT NOT NULL DEFAULT 'admin'
);
CREATE TABLE "LiteLLM_TeamTable" (
    "team_id" TEXT PRIMARY KEY, "team_alias" TEXT, "organization_id" TEXT, "object_permission_id" TEXT,
    "admins" TEXT[], "members" TEXT[], "members_with_roles" JSONB NOT NULL DEFAULT '{}',
    "metadata" JSONB NOT NULL DEFAULT '{}', "max_budget" DOUBLE PRECISION, "soft_budget" DOUBLE PRECISION,
    "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0, "models" TEXT[], "max_parallel_requests" INTEGER,
    "tpm_limit" BIGINT, "rpm_limit" BIGINT, "budget_duration" TEXT, "budget_reset_at" TIMESTAMP(3),
    "blocked" BOOLEAN NOT NULL DEFAULT false, "created_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "model_spend" JSONB NOT NULL DEFAULT '{}',
    "model_max_budget" JSONB NOT NULL DEFAULT '{}', "router_settings" JSONB DEFAULT '{}',
    "team_member_permissions" TEXT[] DEFAULT ARRAY[]::TEXT[], "policies" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "access_group_ids" TEXT[] DEFAULT ARRAY[]::TEXT[], "budget_limits" JSONB, "model_id" INTEGER UNIQUE
);
CREATE TABLE "LiteLLM_UserTable" (
    "user_id" TEXT PRIMARY KEY, "user_alias" TEXT, "team_id" TEXT, "sso_user_id" TEXT UNIQUE,
    "organization_id" TEXT, "object_permission_id" TEXT, "password" TEXT, "teams" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "user_role" TEXT, "max_budget" DOUBLE PRECISION, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
    "user_email" TEXT, "models" TEXT[], "metadata" JSONB NOT NULL DEFAULT '{}', "max_parallel_requests" INTEGER,
    "tpm_limit" BIGINT, "rpm_limit" BIGINT, "budget_duration" TEXT, "budget_reset_at" TIMESTAMP(3),
    "allowed_cache_controls" TEXT[] DEFAULT ARRAY[]::TEXT[], "model_spend" JSONB NOT NULL DEFAULT '{}',
    "model_max_budget" JSONB NOT NULL DEFAULT '{}', "created_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "LiteLLM_ProxyModelTable" (
    "model_id" TEXT PRIMARY KEY, "model_name" TEXT NOT NULL, "litellm_params" JSONB NOT NULL, "model_info" JSONB
);
CREATE TABLE "LiteLLM_TeamMembership" (
    "user_id" TEXT NOT NULL, "team_id" TEXT NOT NULL, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
    "budget_id" TEXT REFERENCES "LiteLLM_BudgetTable" ("budget_id"), PRIMARY KEY ("user_id", "team_id")
);
CREATE TABLE "LiteLLM_VerificationToken" (
    "token" TEXT PRIMARY KEY, "key_name" TEXT, "key_alias" TEXT,
    "soft_budget_cooldown" BOOLEAN NOT NULL DEFAULT false, "spend" DOUBLE PRECISION NOT NULL DEFAULT 0.0,
    "expires" TIMESTAMP(3), "models" TEXT[], "aliases" JSONB NOT NULL DEFAULT '{}',
    "config" JSONB NOT NULL DEFAULT '{}', "router_settings" JSONB DEFAULT '{}', "user_id" TEXT, "team_id" TEXT,
    "agent_id" TEXT, "project_id" TEXT, "permissions" JSONB NOT NULL DEFAULT '{}', "max_parallel_requests" INTEGER,
    "metadata" JSONB NOT NULL DEFAULT '{}', "blocked" BOOLEAN, "tpm_limit" BIGINT, "rpm_limit" BIGINT,
    "tpd_limit" BIGINT, "max_budget" DOUBLE PRECISION, "budget_duration" TEXT, "budget_reset_at" TIMESTAMP(3),
    "allowed_cache_controls" TEXT[] DEFAULT ARRAY[]::TEXT[], "allowed_routes" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "policies" TEXT[] DEFAULT ARRAY[]::TEXT[], "access_group_ids" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "model_spend" JSONB NOT NULL DEFAULT '{}', "model_max_budget" JSONB NOT NULL DEFAULT '{}',
    "budget_id" TEXT REFERENCES "LiteLLM_BudgetTable" ("budget_id"), "organization_id" TEXT,
    "object_permission_id" TEXT, "created_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP, "created_by" TEXT,
    "updated_at" TIMESTAMP(3) DEFAULT CURRENT_TIMESTAMP, "updated_by" TEXT, "auto_rotate" BOOLEAN DEFAULT false
);
"""
NAMES = {
    "keys": "LiteLLM_VerificationToken",
    "users": "LiteLLM_UserTable",
    "teams": "LiteLLM_TeamTable",
    "memberships": "LiteLLM_TeamMembership",
    "budgets": "LiteLLM_BudgetTable",
    "models": "LiteLLM_ProxyModelTable",
}
Rows = list[dict[str, Any]]


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def a_key(key: str, **columns: Any) -> dict[str, Any]:
    """A row as LiteLLM writes it for this key."""
    shown = f"sk-...{key[-4:]}"
    return {"token": hashed(key), "key_name": shown, "models": [], **columns}


def fill(url: str, **tables: Rows) -> None:
    """Make LiteLLM's tables in an empty database, and put these rows into them."""
    asyncio.run(_run(url, [(TABLES, ())], **tables))


def add(url: str, **tables: Rows) -> None:
    asyncio.run(_run(url, [], **tables))


def run(url: str, statement: str, *values: Any) -> list[dict[str, Any]]:
    """One statement of a test's own; the rows that it returns."""

    async def work() -> list[dict[str, Any]]:
        connection = await asyncpg.connect(url)
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    return asyncio.run(work())


def contents(url: str) -> dict[str, list[str]]:
    """Everything that stands in LiteLLM's tables, to be compared."""
    return {name: sorted(str(row) for row in run(url, f'SELECT * FROM "{name}"')) for name in NAMES.values()}


async def _run(url: str, statements: list[tuple[str, Any]], **tables: Rows) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement, values in statements:
            await connection.execute(statement, *values)
        for kind in ("budgets", "users", "teams", "memberships", "keys", "models"):
            for row in tables.get(kind, []):
                columns = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
                values = [_value(value) for value in row.values()]
                await connection.execute(f'INSERT INTO "{NAMES[kind]}" ({columns}) VALUES ({marks})', *values)
    finally:
        await connection.close()


def _value(value: Any) -> Any:
    """Times in UTC without saying so, as Prisma writes them; objects, and lists of them, as JSON."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
        return json.dumps(value)
    return value
