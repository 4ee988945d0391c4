"""LiteLLM's retries, timeouts and cooldowns as `retry`, `timeouts` and `health`. Pure.

LiteLLM counts retries anew in each group it falls back to, and each attempt has the whole timeout; ours bound the
attempts and the time of a request as well, and are made wide enough for that.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.config.config import ConfigFile
from gateway.config.filling import fill, first
from gateway.config.models import Health, Retry, Timeouts
from gateway.config.routing_models import Group

MAX_ATTEMPTS = 10
LITELLM_RETRIES = 2  # where the file names none
LONGEST = 6000.0  # seconds; LiteLLM's own default for one attempt
# LiteLLM's names of exceptions, without `Retries` and `AllowedFails`. Of several for one of our kinds the most counts.
KINDS = {
    "TimeoutError": "timeout",
    "RateLimitError": "rate_limited",
    "InternalServerError": "server",
    "ServiceUnavailableError": "server",
    "BadGatewayError": "server",
    "AuthenticationError": "credentials",
    "BadRequestError": "bad_request",
    "ContentPolicyViolationError": "content_policy",
}


class Tries:
    """What a file says of trying again. `groups` and `defaults`: its fallbacks."""

    def __init__(self, file: ConfigFile, groups: Mapping[str, Group], defaults: tuple[str, ...]) -> None:
        self._file = file
        self._groups = groups
        self._defaults = defaults

    def health(self) -> Health:
        """Allowed fails and cooldowns. A cooldown is as long each time, as LiteLLM's is."""
        file, router = self._file, self._file.router_settings
        fails = first(router.allowed_fails, file.litellm_settings.allowed_fails)
        health = fill(
            file.health,
            failures=None if fails is None else fails + 1,
            failures_by_error=_by_kind(router.allowed_fails_policy, "AllowedFails") or None,
            open_for=router.cooldown_time or None,
            enabled=None if router.disable_cooldowns is None else not router.disable_cooldowns,
        )
        if "open_for" not in file.health.model_fields_set:
            health = fill(health, max_open=router.cooldown_time or None)
        return health.model_copy(update={"max_open": max(health.max_open, health.open_for)})

    def retry(self) -> Retry:
        """Attempts in a group, one more than retries; and enough in all for every group on the longest way."""
        file, router = self._file, self._file.router_settings
        retries = first(router.num_retries, file.litellm_settings.num_retries)
        by_error = _by_kind(router.retry_policy, "Retries")
        if retries is None and not router.retry_policy:
            return file.retry
        retries = first(router.retry_policy.get("DefaultRetries"), retries, LITELLM_RETRIES)
        per_group = min(retries + 1, MAX_ATTEMPTS)
        attempts = max(per_group, *by_error.values(), 1) * self._longest_way()
        return fill(file.retry, per_group=per_group, by_error=by_error or None, attempts=min(attempts, MAX_ATTEMPTS))

    def timeouts(self) -> Timeouts:
        """Time for every attempt to take as long as it may."""
        file = self._file
        timeout = file.router_settings.timeout or file.litellm_settings.request_timeout
        longest = max((entry.litellm_params.timeout or 0 for entry in file.model_list), default=0)
        total = max(timeout or file.timeouts.total, longest)
        if timeout:
            total = max(total, min(total * self.retry().attempts, LONGEST))
        return fill(file.timeouts, total=total)

    def _longest_way(self) -> int:
        """The most groups, each order of a group by itself, that one request can be sent to."""
        orders: dict[str, set[int | None]] = {}
        for entry in self._file.model_list:
            orders.setdefault(entry.model_name, set()).add(entry.litellm_params.order)
        ways = [{name, *self._onwards(name)} for name in {*orders, *self._groups}]
        return max((sum(len(orders.get(name, (None,))) for name in way) for way in ways), default=1)

    def _onwards(self, group: str) -> set[str]:
        """Every group that a request can fall back to."""
        own = self._groups.get(group, Group()).fallbacks or self._defaults
        seen, ahead = set(own), [group, *own]
        while ahead:
            settings = self._groups.get(ahead.pop(), Group())
            lists = (settings.fallbacks, settings.context_window_fallbacks, settings.content_policy_fallbacks)
            found = {name for each in lists for name in each} - seen
            seen |= found
            ahead += found
        return seen


def _by_kind(policy: Mapping[str, int], suffix: str) -> dict[str, int]:
    """Our kinds of errors to one more than LiteLLM's counts."""
    out: dict[str, int] = {}
    for name, count in policy.items():
        kind = KINDS.get(name.removesuffix(suffix))
        if kind is not None:
            out[kind] = max(out.get(kind, 1), count + 1)
    return out
