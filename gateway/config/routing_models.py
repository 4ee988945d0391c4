"""The sections `routing` and `groups` of `config.yaml`: which model group serves a request, and by which rule.

A rule's times are wall-clock times in `routing.timezone`; its token counts are estimates of the whole prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from gateway.config.kinds import Count, Name, Names, Strict, TimeOfDay, Timezone, Whole, one_or_many

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class VirtualModel(Strict):
    """A model name behind which a policy picks the group."""

    policy: Name = Field(default="complexity", description="The policy that picks the tier.")
    tiers: Mapping[str, Name] = Field(min_length=1, description="Tier to model group, cheapest first.")


class TokenRange(Strict):
    """A range of input tokens, both ends included."""

    min: Annotated[Whole, Field(ge=0)] = Field(default=0, description="At least so many input tokens.")
    max: Count | None = Field(default=None, description="At most so many input tokens; null: any number.")


class RuleWhen(Strict):
    """All that are given must hold; of several values one is enough."""

    model: Names = Field(default=(), description="The model that was asked for.")
    team: Names = Field(default=(), description="The key's team.")
    user: Names = Field(default=(), description="The key's user.")
    key: Names = Field(default=(), description="The key's name.")
    brand: Names = Field(default=(), description="The request's brand.")
    template: Names = Field(default=(), description="The prompt template.")
    tags: Names = Field(default=(), description="A tag of the request.")
    input_tokens: TokenRange | None = Field(
        default=None, description="The size of the whole prompt, in tokens (estimated; about four letters each)."
    )
    after: TimeOfDay | None = Field(default=None, description='From this time of day on, such as "18:00".')
    before: TimeOfDay | None = Field(
        default=None, description="Until this time of day; earlier than `after`: over midnight."
    )
    days: Annotated[tuple[Day, ...], BeforeValidator(one_or_many)] = Field(
        default=(), description="Days of the week: mon, tue, wed, thu, fri, sat, sun."
    )

    @property
    def empty(self) -> bool:
        """Whether no condition is given, so that every request would fit."""
        return not any(getattr(self, name) for name in type(self).model_fields)


class RuleUse(Strict):
    """What requests get; a policy may be named beside a group or a tier."""

    group: Name | None = Field(default=None, description="Serve from this model group.")
    tier: Name | None = Field(default=None, description="Serve from this tier of `routing.models`.")
    policy: Name | None = Field(default=None, description="Rank with this policy.")


class Rule(Strict):
    """One rule of routing."""

    name: Name | None = Field(default=None, description="Shown as the reason of a route.")
    when: RuleWhen = Field(description="Which requests it is for.")
    use: RuleUse = Field(description="What they get.")


class Routing(Strict):
    """Which group serves a request, and in which order its deployments are tried."""

    policy: Name = Field(default="weighted", description="Ranks the deployments of a group that names no policy.")
    models: Mapping[str, VirtualModel] = Field(
        default={}, description="Model names behind which a policy picks the group."
    )
    rules: tuple[Rule, ...] = Field(default=(), description="The first that fits counts.")
    timezone: Timezone = Field(default="UTC", description="Of the times and days in rules, such as Europe/Berlin.")
    tag_filter: bool = Field(
        default=False, description="Deployments with `tags` serve only requests that have one of them."
    )
    check_context: bool = Field(
        default=False, description="Leave deployments out whose context window is smaller than the prompt."
    )


class Group(Strict):
    """Settings of one model group."""

    policy: Name | None = Field(default=None, description="Ranks this group's deployments; null: `routing.policy`.")
    fallbacks: Names = Field(default=(), description="Groups to go on with when this one fails, in order.")
    context_window_fallbacks: Names = Field(
        default=(), description="Groups for prompts that are too long for this one; null: `fallbacks`."
    )
    content_policy_fallbacks: Names = Field(
        default=(), description="Groups for requests that this one's provider refuses for their content."
    )
