"""What a member of an administrative body may hold. Every string is plain text: no control characters, within bounds.

PostgreSQL stores no NUL in a text, and nobody needs one in a name: it is refused here (422) before any store sees it.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

NANO = 1_000_000_000
MOST_MONEY = 10**18  # nano-dollars
LONGEST_METADATA = 16_384  # characters of JSON
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?\Z")


class Form(BaseModel):
    """A body: what it may hold and no more."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """The members that the body holds, null ones too."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def plain(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def nano(value: Any) -> Any:
    """US dollars, a number or a decimal string, as nano-dollars."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("an amount in USD is a number or a decimal string")  # noqa: TRY004 - pydantic's own way
    if isinstance(value, str) and not _AMOUNT.match(value):
        raise ValueError("an amount in USD is written like 12.50")
    amount = round(Decimal(str(value)) * NANO) if Decimal(str(value)).is_finite() else -1
    if not 0 <= amount <= MOST_MONEY:
        raise ValueError("an amount is 0 to 1,000,000,000 USD")
    return amount


def small(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value)) > LONGEST_METADATA:
        raise ValueError(f"metadata may have {LONGEST_METADATA} characters as JSON")
    return value


def absent() -> Any:
    """The default of members that may be left out but may not be null: it never leaves the form."""
    return Field(default_factory=lambda: None)


Plain = AfterValidator(plain)
Text = Annotated[str, StringConstraints(min_length=1, max_length=200), Plain]
NewId = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:|~+-]*$"), Plain
]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$"), Plain]
Money = Annotated[
    int | None,
    BeforeValidator(nano),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}, {"type": "null"}],
            "description": "US dollars, as a number or a decimal string; null for no limit.",
        }
    ),
]
Window = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}d$")]
Names = Annotated[list[Text], Field(max_length=200)]
Tags = Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=100), Plain]], Field(max_length=20)]
Metadata = Annotated[dict[str, Any], AfterValidator(small)]
UserRole = Literal["viewer", "member", "admin"]
TeamRole = Literal["viewer", "member", "lead"]
Role = Literal["viewer", "member", "lead", "admin"]
Time = Annotated[float, Field(ge=0, lt=253_402_300_800)]  # until the year 9999
Rpm = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
Parallel = Annotated[int, Field(ge=1, le=100_000, strict=True)]
Yes = Annotated[bool, Field(strict=True)]
