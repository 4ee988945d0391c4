"""The statements that make credentials which can read what reports show, and nothing else; an administrator runs them.

PostgreSQL: SELECT on single columns, and none of them a digest, a password, an address or a content. Redis: reading
commands on the live figures' keys. Pure text: nothing here connects anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

LIVE_KEYS = "{atelier}:live:*"
PLACEHOLDER = "CHANGE-ME"
SQLITE = (
    "SQLite needs no grants: the dashboard opens the file read-only, and SQLite itself refuses every write on its "
    "connections."
)
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SPEND = ("bucket", "tenant", "key_id", "user", "team", "brand", "provider", "model", "simulated", "cost_nano")
_ROLLED = (*_SPEND, "requests", "attempts", "estimated", "input_tokens", "output_tokens")
READABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "user": ("id", "name"),
        "team": ("id", "name"),
        "brand": ("id", "name"),
        "virtual_key": ("id", "name"),
        "position": ("name", "seq"),
        "spend_day": _ROLLED,
        "spend_rollup": _ROLLED,
        "ledger": (
            *("request_id", "number", "seq", "booked_at", "started_at", "ended_at", "ttft_ms", "deployment_id"),
            *("status", "fault", "error", "estimated", "input_tokens", "output_tokens", *_SPEND[1:]),
        ),
        "request": (
            *("id", "created_at", "status", "model_requested", "template", "deployment_id", "stream", "duration_ms"),
            *("tenant", "key_id", "user", "team", "brand", "simulated", "estimated", "cost_nano", "input_tokens"),
            *("output_tokens", "error_code", "route"),
        ),
    }
)


def postgresql_grants(role: str, password: str = PLACEHOLDER) -> str:
    """SQL for the owner of the database: a role that may read reports. Raises ValueError for a name to be quoted."""
    name = _checked(role)
    secret = password.replace("'", "''")
    statements = [
        f"CREATE ROLE {name} LOGIN PASSWORD '{secret}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION",
        f"ALTER ROLE {name} SET default_transaction_read_only = on",
        f"ALTER ROLE {name} SET statement_timeout = '5s'",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {name}",
        *(
            f'GRANT SELECT ({", ".join(map(_quoted, columns))}) ON "{table}" TO {name}'
            for table, columns in READABLE.items()
        ),
    ]
    return "".join(f"{statement};\n" for statement in statements)


def redis_grants(user: str, password: str = PLACEHOLDER) -> str:
    """The command that makes a user who may read the live figures. Raises ValueError for a name to be quoted."""
    if not password or re.search(r"\s", password):
        raise ValueError("A password for Redis has no blanks.")
    rights = "+@read -@dangerous -scan -randomkey -dbsize +ping +hello +select"
    return f"ACL SETUSER {_checked(user)} reset on >{password} ~{LIVE_KEYS} {rights}\n"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("A name has small letters, digits and underscores, and does not begin with a digit.")
    return name


def _quoted(column: str) -> str:
    return f'"{column}"'
