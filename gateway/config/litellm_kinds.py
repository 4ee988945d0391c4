"""The kinds of values in LiteLLM's blocks, as leniently read as LiteLLM reads them.

Numbers and switches may be texts (`"100"`, `"true"`), a duration is `30s`, `24h`, `30d` or `1mo`, and an empty text
stands for nothing. What makes no sense to LiteLLM either stays a mistake.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gateway.config.kinds import Number, Whole, one_or_many, without_nulls

MAX_DOLLARS_PER_TOKEN = 0.01
DAY = 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY, "w": 7 * DAY, "mo": 30 * DAY}
_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "7d", "monthly": "1mo", "yearly": "365d"}
_DURATION = re.compile(r"(\d{1,18})\s*(mo|s|m|h|d|w)\Z")


class Block(BaseModel):
    """Frozen; further keys are kept aside, and out of the repr because they may be credentials."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _nothing_means_default(cls, value: Any) -> Any:
        """A key without a value, or with an empty text, has its default; one that must be there is missed."""
        found = without_nulls(value, cls)
        if not isinstance(found, dict):
            return found
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {key: each for key, each in found.items() if each != "" or key not in optional}

    def __repr_args__(self) -> Any:
        return [(name, value) for name, value in super().__repr_args__() if name in type(self).model_fields]


def seconds(duration: str) -> int | None:
    """`30s`, `15m`, `24h`, `30d`, `2w`, `1mo` (30 days) or a plain number as seconds; None for anything else."""
    text = duration.strip().lower()
    text = _WORDS.get(text, text)
    if text.isdecimal():
        return int(text) or None
    found = _DURATION.match(text)
    return (int(found[1]) * _UNITS[found[2]] or None) if found else None


def days(duration: str) -> int | None:
    """The same in whole days, rounded up."""
    found = seconds(duration)
    return None if found is None else math.ceil(found / DAY)


def _duration(value: Any) -> Any:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(text, str) and seconds(text) is None:
        raise ValueError("is not a duration; write a number with its unit, such as `24h`, `30d` or `1mo`")
    return text


def _per_token(value: float) -> float:
    if value > MAX_DOLLARS_PER_TOKEN:
        raise ValueError("is dollars for a single token; divide the price per million tokens by 1000000")
    return value


def _without_nothing(value: Any) -> Any:
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


def _texts(value: Any) -> Any:
    """One or many, without what is no text: LiteLLM takes Python objects there too."""
    many = one_or_many(value)
    return tuple(each for each in many if isinstance(each, str)) if isinstance(many, list | tuple) else many


Amount = Annotated[Number, Field(ge=0)]  # 0 often means "not set" to LiteLLM
Times = Annotated[Whole, Field(ge=0)]
PerToken = Annotated[Amount, AfterValidator(_per_token)]
Duration = Annotated[str, BeforeValidator(_duration)]
Given = BeforeValidator(_without_nothing)  # a mapping without its keys that have no value
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
