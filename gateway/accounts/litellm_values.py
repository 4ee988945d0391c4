"""One row of LiteLLM's tables in our terms: its budget with what is spent of it, its models, its fields. Pure.

Whatever is not quite as it was, or has no place here, becomes a `Remark`; nothing raises for what a row holds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

from gateway.accounts import fields
from gateway.accounts.fields import MAX_BUDGET
from gateway.errors import Unprocessable
from gateway.ledger.prices import NANO_PER_USD
from gateway.store import windows
from gateway.store.litellm_tables import Row

CHANGED, IGNORED, LEFT_OUT = "changed", "ignored", "left out"
ALL, TEAMS_OWN, NONE = "all-proxy-models", "all-team-models", "no-default-models"
_DURATION = re.compile(r"([1-9][0-9]{0,8})(s|m|h|d|w|mo)")
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo"}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400}
_LONGEST_DAYS = 9_999
_ROUTE_GROUPS = frozenset({"llm_api_routes", "openai_routes"})
_ROUTES = ("/chat/completions", "/v1/chat/completions", "/embeddings", "/v1/embeddings")
_NOT_METADATA = frozenset({"logging", "tags", "test_key"})  # settings with other services' secrets; our own members
_LIMITS = {
    "tpm_limit": "tpm_limit: the limits here are requests a minute, requests at once, and money",
    "tpd_limit": "tpd_limit: the limits here are requests a minute, requests at once, and money",
    "model_max_budget": "model_max_budget: a budget here is for all models together",
    "budget_limits": "budget_limits: a budget here is for all models together",
    "soft_budget": "soft_budget: nobody is told before a budget is spent",
    "object_permission_id": "object_permission_id: there are no MCP servers and vector stores here",
    "policies": "policies: there are no guardrails here",
    "access_group_ids": "access_group_ids: name the models, or access groups of the configuration",
    "router_settings": "router_settings: routing is the configuration's",
    "organization_id": "organization_id: there are no organizations; their models and budgets bound nothing here",
}
_REQUESTS = {
    "rpm_limit": "rpm_limit: only keys have a limit of requests a minute",
    "max_parallel_requests": "max_parallel_requests: only keys have a limit of requests at once",
}
NO_PLACE: Mapping[str, Mapping[str, str]] = {
    "key": _LIMITS
    | {
        "aliases": "aliases: another name of a model is the configuration's (model_group_alias)",
        "config": "config: settings of a key's own have no place",
        "permissions": "permissions: a key may do what its role allows",
        "budget_fallbacks": "budget_fallbacks: a request that its budget does not cover is refused",
        "allowed_cache_controls": "allowed_cache_controls: the cache is the configuration's",
        "project_id": "project_id: there are no projects; their models and budgets bound nothing here",
        "agent_id": "agent_id: there are no agents",
        "auto_rotate": "auto_rotate: rotate keys with `atelier keys rotate`",
    },
    "user": _LIMITS | _REQUESTS | {"sso_user_id": "sso_user_id: people sign in by their e-mail address"},
    "team": _LIMITS | _REQUESTS | {"model_id": "model_id: another name of a model is the configuration's"},
}


@dataclass(frozen=True, slots=True)
class Remark:
    """What became of a field. `verdict`: "changed", "ignored", or "left out" for the whole object."""

    kind: str  # "key", "user", "team"
    name: str
    verdict: str
    what: str


@dataclass(frozen=True, slots=True)
class Money:
    """A budget account: nano-dollars, a window such as "30d", Unix seconds."""

    budget: int | None
    window: str | None
    spent: int
    started_at: float
    resets_at: float | None


@dataclass(slots=True)
class Notes:
    """Takes down the remarks on one object."""

    kind: str
    name: str
    remarks: list[Remark]

    def add(self, verdict: str, what: str) -> None:
        self.remarks.append(Remark(self.kind, self.name, verdict, what))

    def no_place(self, row: Row) -> None:
        """Remark on everything that is set and has no place here."""
        for name, what in NO_PLACE[self.kind].items():
            if row.get(name) not in (None, False, 0, "", [], {}):
                self.add(IGNORED, what)


def money(row: Row, shared: Row, now: float, notes: Notes) -> Money:
    """The row's budget, else that of `shared` (a row of LiteLLM's budgets), and what is spent of it in this window."""
    own = row if row.get("max_budget") is not None else {**shared, "spend": row.get("spend")}
    budget = None if own.get("max_budget") is None else nano(own["max_budget"])
    window = _window(own.get("budget_duration"), notes) if budget is not None else None
    length = windows.seconds(window)
    spent, reset_at = nano(row.get("spend") or 0), own.get("budget_reset_at")
    if length is None:
        return Money(budget, None, spent, now, None)
    if reset_at is not None and reset_at <= now:
        spent, reset_at = 0, None
    resets_at = now + length if reset_at is None else min(reset_at, now + length)
    return Money(budget, window, spent, resets_at - length, resets_at)


def nano(dollars: Any) -> int:
    """Nano-dollars within what an account can hold."""
    amount = Decimal(str(dollars)) if math.isfinite(float(dollars)) else Decimal(MAX_BUDGET)
    return min(max(0, round(amount * NANO_PER_USD)), MAX_BUDGET)


def _window(duration: Any, notes: Notes) -> str | None:
    """Whole days, at least as long as what was meant."""
    if duration is None:
        return None
    found = _DURATION.fullmatch(_WORDS.get(str(duration), str(duration)))
    if found is None:
        notes.add(CHANGED, f"budget_duration {duration}: cannot be read; the budget is once for ever")
        return None
    seconds = int(found[1]) * _SECONDS[found[2]]
    days = min(max(1, math.ceil(seconds / windows.DAY)), _LONGEST_DAYS)
    if found[2] == "mo" or seconds != days * windows.DAY:
        notes.add(CHANGED, f"budget_duration {duration}: became {days} days, for budgets last whole days")
    return f"{days}d"


def models(names: Sequence[Any] | None, *, in_team: bool = False) -> list[str] | None:
    """The models that a list of LiteLLM's means; None: all. `in_team`: a team of the same key has its own list."""
    given = [name for name in names or () if isinstance(name, str)]
    if not given or ALL in given or (in_team and TEAMS_OWN in given):
        return None
    return _lines(name for name in given if name not in {TEAMS_OWN, NONE})


def personal_models(own: list[str] | None, users: Sequence[Any] | None, notes: Notes) -> list[str] | None:
    """The models of a key without a team: LiteLLM holds those against its user's."""
    limit = [] if NONE in (users or ()) else models(users)
    if limit is None:
        return own
    if own is None or not limit:
        notes.add(CHANGED, "models: those of its user, which people do not have here")
        return limit
    if any("*" in name for name in limit):
        notes.add(IGNORED, "its user's models are patterns; the key's own list counts")
        return own
    return [name for name in own if name in limit]


def calls_models(row: Row, notes: Notes) -> bool:
    """Whether a key's `allowed_routes` let it call models at all."""
    routes = [route for route in row.get("allowed_routes") or () if isinstance(route, str)]
    if not routes:
        return True
    if not any(route in _ROUTE_GROUPS or any(fnmatchcase(path, route) for path in _ROUTES) for route in routes):
        notes.add(LEFT_OUT, "its allowed_routes call no models; make a key for admins with `atelier keys create`")
        return False
    notes.add(IGNORED, "allowed_routes: a key that may call models may call all routes that do")
    return True


def count(row: Row, shared: Row, name: str, most: int) -> int | None:
    """A limit of the row, else of the shared budget; LiteLLM's 0 stays 0."""
    value = row.get(name) if row.get(name) is not None else shared.get(name)
    return None if value is None or value > most else max(0, int(value))


def line(value: Any) -> str | None:
    """A name as our fields take it, cut where it is too long; None where nothing is left."""
    cleaned = "".join(each for each in str(value) if each.isprintable()) if value is not None else ""
    found: str | None = _checked(fields.text, cleaned[: fields.LONGEST_NAME])
    return found


def email(value: Any) -> str | None:
    found: str | None = _checked(fields.email, value)
    return found


def tags(metadata: Any) -> list[str]:
    """LiteLLM keeps a key's tags in its metadata."""
    found = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return _lines(found if isinstance(found, list) else ())[: fields.MOST_TAGS]


def metadata(value: Any, notes: Notes) -> dict[str, Any] | None:
    """What else stands in a key's metadata."""
    if not isinstance(value, Mapping):
        return None
    if "logging" in value:
        notes.add(IGNORED, "metadata.logging: there are no callbacks of a key's own")
    rest = {name: each for name, each in value.items() if name not in _NOT_METADATA}
    kept: dict[str, Any] | None = _checked(fields.metadata, rest) if rest else None
    if rest and kept is None:
        notes.add(IGNORED, "metadata: they are larger than the 16 KB that a key may have")
    return kept


def _lines(names: Any) -> list[str]:
    return list(dict.fromkeys(found for name in names if (found := line(name)) is not None))


def _checked(check: Callable[[str, Any], Any], value: Any) -> Any:
    try:
        return check("value", value)
    except Unprocessable:
        return None
