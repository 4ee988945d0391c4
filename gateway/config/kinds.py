"""The kinds of values that our sections are made of, and the base that they share.

A wrong value fails validation with pydantic's own error types; `wording.py` says them to a person.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A section of our own: frozen, and an unknown key is a mistake. An empty section is one with all its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_defaults(cls, value: Any) -> Any:
        return {} if value is None else value


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is true or false, where a number is wanted; write a number")  # noqa: TRY004 - pydantic's way
    return value


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(gt=0)]
Megabytes = Annotated[Number, Field(gt=0)]
Whole = Annotated[int, BeforeValidator(_no_bool)]
Count = Annotated[Whole, Field(ge=1)]
Port = Annotated[Whole, Field(ge=0, le=65535)]
Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_one_or_many)]
