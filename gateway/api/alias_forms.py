"""LiteLLM's names for a key's fields, in bodies and in answers. Money in USD; durations like 30d or 12h."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from gateway.api.fields import Form, Metadata, Money, Names, Parallel, Plain, Role, Rpm, Tags, Text, Window, Yes, absent
from gateway.ledger.prices import usd
from gateway.ports import KeyInfo

DURATION = re.compile(r"([0-9]{1,5})([smhd])\Z")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
OURS = {
    "key_alias": "name",
    "role": "role",
    "models": "models",
    "brands": "brands",
    "default_brand": "default_brand",
    "max_budget": "budget",
    "budget_duration": "budget_window",
    "rpm_limit": "rpm",
    "max_parallel_requests": "max_parallel",
    "tags": "tags",
    "metadata": "metadata",
    "blocked": "blocked",
}


def duration(text: object) -> float:
    """Seconds of 30s, 15m, 12h or 30d. Raises ValueError."""
    match = DURATION.match(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("a duration is written like 30s, 15m, 12h or 30d")
    return float(int(match[1]) * SECONDS[match[2]])


Duration = Annotated[  # seconds
    float | None,
    BeforeValidator(lambda text: None if text is None else duration(text)),
    WithJsonSchema({"type": ["string", "null"], "examples": ["30d", "12h"]}),
]
KeyId = Annotated[str, StringConstraints(min_length=1, max_length=512), Plain]


class _Fields(Form):
    key_alias: Annotated[str, StringConstraints(min_length=1, max_length=100), Plain] | None = None
    user_id: Text | None = None
    team_id: Text | None = None
    models: Names | None = None
    max_budget: Money = None
    budget_duration: Window | None = None
    rpm_limit: Rpm | None = None
    max_parallel_requests: Parallel | None = None
    duration: Duration = None
    tags: Tags = absent()
    metadata: Metadata | None = None

    def fields(self, now: float) -> dict[str, Any]:
        """What the body holds, under our names; owners apart. An empty list is no limit, as in LiteLLM."""
        given = self.given()
        fields = {OURS[name]: value for name, value in given.items() if name in OURS}
        if fields.get("name", "") is None:
            del fields["name"]
        fields |= {name: fields[name] or None for name in ("models", "brands", "metadata") if name in fields}
        if "duration" in given:
            fields["expires_at"] = None if given["duration"] is None else now + given["duration"]
        return fields


class NewKey(_Fields):
    """What may be said of a new key."""

    role: Role = absent()
    brands: Names | None = None
    default_brand: Text | None = None


class KeyUpdate(_Fields):
    """Changes of the key `key` (an id)."""

    key: KeyId
    blocked: Yes = absent()


class KeyName(Form):
    """One key, by its id."""

    key: KeyId


class KeyNames(Form):
    """Keys to revoke, by their ids (`k_…`)."""

    keys: Annotated[list[KeyId], Field(min_length=1, max_length=100)]


class Regeneration(Form):
    """How long the old secret goes on."""

    grace_period: Duration = None


def shown(key: KeyInfo) -> dict[str, Any]:
    """A key as LiteLLM names it."""
    return {
        "key_id": key.id,
        "key_alias": key.name,
        "key_name": f"{key.prefix}…",
        "created_at": key.created_at,
        "expires": key.expires_at,
        "revoked_at": key.revoked_at,
        "blocked": key.blocked_at is not None,
        "role": key.role,
        "user_id": key.user,
        "team_id": key.team,
        "models": list(key.models) if key.models is not None else None,
        "brands": list(key.brands) if key.brands is not None else None,
        "default_brand": key.default_brand,
        "max_budget": None if key.budget is None else float(usd(key.budget)),
        "budget_duration": key.budget_window,
        "rpm_limit": key.rpm,
        "max_parallel_requests": key.max_parallel,
        "tags": list(key.tags),
        "metadata": dict(key.metadata or {}),
    }
