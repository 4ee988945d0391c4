"""Which attempt comes next: the next deployment of a group, the group once more after a pause, or its fallbacks.

Pure: the caller tells what failed and how much time is left, draws the random numbers and does the waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.errors import Fault, ProviderError
from gateway.resilience.backoff import CAP, full_jitter
from gateway.types import Candidate, Deployment

MAY_PASS = frozenset({Fault.CONNECT, Fault.TIMEOUT, Fault.RESET, Fault.RATE_LIMITED, Fault.SERVER})
NOT_ELSEWHERE = frozenset({Fault.CALLER, Fault.CONTENT_POLICY})  # another deployment would answer the same
LONGEST_RETRY_AFTER = 60.0  # seconds, as LiteLLM waits; a client hears of a longer one instead
KINDS: Mapping[Fault, str] = {
    Fault.CONNECT: "server",
    Fault.TIMEOUT: "timeout",
    Fault.RESET: "server",
    Fault.RATE_LIMITED: "rate_limited",
    Fault.SERVER: "server",
    Fault.CREDENTIALS: "credentials",
    Fault.NOT_FOUND: "bad_request",
    Fault.CALLER: "bad_request",
    Fault.CONTEXT_WINDOW: "bad_request",
    Fault.CONTENT_POLICY: "content_policy",
    Fault.TRUNCATED: "server",
    Fault.IN_BAND: "server",
    Fault.MALFORMED: "server",
    Fault.STALLED: "timeout",
}


@dataclass(frozen=True, slots=True)
class Retries:
    """`attempts` in all; `per_group` before a group's fallbacks; `by_error` the same once it failed in such a way.

    Without `per_group` a deployment is tried a second time only when everything else was tried once. Where neither it nor
    `by_error` asks for patience, a provider's longer Retry-After is left to the client.
    """

    attempts: int = 3
    per_group: int | None = None
    by_error: Mapping[str, int] = field(default_factory=dict)  # by the values of `KINDS`

    @property
    def longest_pause(self) -> float:
        """Seconds."""
        return CAP if self.per_group is None and not self.by_error else LONGEST_RETRY_AFTER


class Step(msgspec.Struct, frozen=True):
    """What to try next, after `pause` seconds. `again`: it was tried before for the same request."""

    deployment: Deployment
    pause: float = 0.0
    again: bool = False


@dataclass(slots=True)
class _Group:
    owner: str | None  # the group whose faults this one is for; its own, where it is for any
    after: frozenset[Fault]
    deployments: list[Deployment] = field(default_factory=list)
    attempts: int = 0
    most: int = 0
    visited: bool = False
    failed: dict[str, ProviderError] = field(default_factory=dict)  # by deployment, since it was offered last


class Walk:
    """The way of one request through its plan: ask `next`, try that, tell `failed`; until `next` says None."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        retries: Retries,
        draw: Callable[[], float],
        asked: int | None = None,
    ) -> None:
        """Candidates for single faults belong to the group before them. Each `order` of a group counts as a group.

        `asked`: the request's own number of retries in one group, which counts where it is the lower one.
        """
        self._candidates = candidates
        self._retries = retries
        self._draw = draw
        self._cap = retries.attempts if asked is None else min(retries.attempts, asked + 1)
        self._groups: list[_Group] = []  # laid out once the first step was not enough: mostly it is
        self._ahead: list[tuple[_Group, Deployment]] = []
        self._offered: set[str] = set()
        self._now: _Group | None = None
        self._last: ProviderError | None = None
        self._attempts = 0
        self._rounds = 0
        self._pause = 0.0
        self._begun = False
        self._over = False

    def next(self, left: float) -> Step | None:
        """The next step, or None when it is over. A pause is shorter than `left` seconds."""
        if not self._begun:
            self._begun = True
            return next((Step(each.deployment) for each in self._candidates if not each.after), None)
        self._lay_out()
        while not self._over and self._attempts < self._retries.attempts:
            while self._ahead:
                group, deployment = self._ahead.pop(0)
                if group.attempts < group.most:
                    self._now = group
                    pause, self._pause = self._pause, 0.0
                    again = deployment.id in self._offered
                    self._offered.add(deployment.id)
                    return Step(deployment, pause, again)
            if not (self._stays(left) or self._goes_on() or self._begins_again(self._groups, left)):
                return None
        return None

    def failed(self, error: ProviderError, deployment: Deployment) -> None:
        """The attempt at the last step's deployment failed."""
        self._lay_out()
        self._attempts += 1
        self._last = error
        group = self._now
        if group is None:
            raise RuntimeError("nothing was to be tried")
        group.attempts += 1
        group.failed[deployment.id] = error
        group.most = self._most_of(error.fault)
        others = (each for each in self._groups if each.owner == group.owner and not each.visited)
        meant = [each for each in others if error.fault in each.after]
        if any(self._turn_to(each) for each in meant):
            return
        self._over = error.fault in NOT_ELSEWHERE and KINDS[error.fault] not in self._retries.by_error

    def _lay_out(self) -> None:
        """The groups, as they are once the first step was given."""
        if self._groups:
            return
        owner, before = None, None
        for candidate in self._candidates:
            owner = owner if candidate.after else candidate.group
            here = (owner, candidate.group, candidate.after, candidate.deployment.order)
            if here != before:
                self._groups.append(_Group(owner, candidate.after, most=self._most_of(None)))
            before = here
            if candidate.deployment not in self._groups[-1].deployments:
                self._groups[-1].deployments.append(candidate.deployment)
        if self._goes_on():
            self._now, first = self._ahead.pop(0)
            self._offered.add(first.id)

    def _most_of(self, fault: Fault | None) -> int:
        """Attempts in one group, once it failed in this way."""
        usual = self._cap if self._retries.per_group is None else self._retries.per_group
        named = None if fault is None else self._retries.by_error.get(KINDS[fault])
        return min(self._cap, usual if named is None else named)

    def _stays(self, left: float) -> bool:
        """The same group once more before its fallbacks, where the admin asks for it.

        After a 429 only where there is no other group: as in LiteLLM, the fallbacks are quicker.
        """
        if self._now is None or self._last is None:
            return False
        insists = self._retries.per_group is not None or KINDS[self._last.fault] in self._retries.by_error
        elsewhere = any(not group.after and not group.visited for group in self._groups)
        if not insists or (elsewhere and self._last.fault is Fault.RATE_LIMITED):
            return False
        return self._begins_again([self._now], left)

    def _goes_on(self) -> bool:
        """To the next group of the plan that holds anything new."""
        if self._last is not None and self._last.fault in NOT_ELSEWHERE:
            return False
        return any(self._turn_to(group) for group in self._groups if not group.after and not group.visited)

    def _turn_to(self, group: _Group) -> bool:
        group.visited = True
        fresh = [(group, each) for each in group.deployments if each.id not in self._offered]
        if fresh:
            self._ahead = fresh
            self._pause = 0.0
        return bool(fresh)

    def _begins_again(self, groups: Iterable[_Group], left: float) -> bool:
        """Another round at those whose fault may have passed, after a pause; a provider's Retry-After counts for it."""
        draw = self._draw()
        waits = [
            (group, deployment, full_jitter(self._rounds + 1, draw, retry_after=error.retry_after))
            for group in groups
            if group.attempts < group.most
            for deployment in group.deployments
            if (error := group.failed.get(deployment.id)) is not None and self._may_pass(error.fault)
        ]
        pause = min((wait for _, _, wait in waits), default=left)
        if not waits or pause >= left or pause > self._retries.longest_pause:
            return False
        self._rounds += 1
        self._pause = pause
        self._ahead = [(group, deployment) for group, deployment, wait in waits if wait <= pause]
        for group, deployment in self._ahead:
            del group.failed[deployment.id]
        return True

    def _may_pass(self, fault: Fault) -> bool:
        return fault in MAY_PASS or KINDS[fault] in self._retries.by_error
