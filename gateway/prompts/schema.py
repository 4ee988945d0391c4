"""The keys of a template file and of a brand file, as pydantic models. `docs/templates.md` explains each of them.

A file that does not fit raises pydantic's `ValidationError`; `library` turns it into sentences with file and key.
Unknown keys are errors: a misspelt `requird` must not silently make a variable optional.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

MAX_SOURCE = 16_384  # characters of one message's template
MAX_NUMBER = 10**9  # either way; keeps the arithmetic of templates small


def _version(value: object) -> str:
    """Versions are text. YAML reads 1.10 as the number 1.1, so numbers with a point must be quoted."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise ValueError('a version is a whole number or a quoted string, for example 2 or "1.1.0"')


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
VersionName = Annotated[
    str, BeforeValidator(_version), StringConstraints(pattern=r"^[0-9A-Za-z](?:[0-9A-Za-z.-]{0,30}[0-9A-Za-z])?$")
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Choice = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Variable(_Spec):
    """What every variable has. Neither required nor with a default, it counts as empty when it is not given."""

    title: Line
    description: str = ""
    required: bool = False
    default: Any = None
    example: Any = None

    @model_validator(mode="after")
    def _required_has_no_default(self) -> Self:
        if self.required and self.default is not None:
            raise ValueError("a required variable has no default: take away `default`, or `required`")
        return self

    @property
    def may_be_missing(self) -> bool:
        """True where a template must test the variable before it uses its value."""
        return not self.required and self.default is None


class StringVariable(_Variable):
    """One line of free text; stands in the prompt as a quoted string."""

    type: Literal["string"]
    max_length: int = Field(default=200, ge=1, le=1_000)
    default: str | None = None
    example: str | None = None


class TextVariable(_Variable):
    """Free text of many lines; stands in the prompt between two tags with a random code."""

    type: Literal["text"]
    max_length: int = Field(default=20_000, ge=1, le=100_000)
    default: str | None = None
    example: str | None = None


class _Bounded(_Variable):
    @model_validator(mode="after")
    def _min_is_not_above_max(self) -> Self:
        low, high = getattr(self, "min", 0), getattr(self, "max", 0)
        if low > high:
            raise ValueError("`min` must not be greater than `max`")
        return self


class IntegerVariable(_Bounded):
    type: Literal["integer"]
    min: int = Field(ge=-MAX_NUMBER, le=MAX_NUMBER)
    max: int = Field(ge=-MAX_NUMBER, le=MAX_NUMBER)
    default: int | None = None
    example: int | None = None


class NumberVariable(_Bounded):
    type: Literal["number"]
    min: float = Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)
    max: float = Field(ge=-MAX_NUMBER, le=MAX_NUMBER, allow_inf_nan=False)
    default: float | None = None
    example: float | None = None


class BooleanVariable(_Variable):
    type: Literal["boolean"]
    default: bool | None = None
    example: bool | None = None

    @property
    def may_be_missing(self) -> bool:
        """Not given counts as false."""
        return False


class EnumVariable(_Variable):
    type: Literal["enum"]
    choices: tuple[Choice, ...] = Field(min_length=1, max_length=50)
    default: str | None = None
    example: str | None = None

    @model_validator(mode="after")
    def _choices_differ(self) -> Self:
        _no_twins(self.choices, "choices")
        return self


class ListVariable(_Variable):
    """Short lines of free text; each stands in the prompt as a quoted string."""

    type: Literal["list"]
    max_items: int = Field(default=20, ge=1, le=100)
    max_length: int = Field(default=200, ge=1, le=1_000)
    default: tuple[str, ...] | None = None
    example: tuple[str, ...] | None = None


Variable = (
    StringVariable | TextVariable | IntegerVariable | NumberVariable | BooleanVariable | EnumVariable | ListVariable
)
VARIABLES: tuple[type[Variable], ...] = get_args(Variable)
Value = str | int | float | bool | list[str] | None  # of a variable, checked
FREE_TEXT = (StringVariable, TextVariable, ListVariable)  # whose values a requester writes


class MessageSpec(_Spec):
    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1, max_length=MAX_SOURCE)


class VersionSpec(_Spec):
    version: VersionName
    notes: Line
    variables: dict[VariableName, Annotated[Variable, Field(discriminator="type")]] = Field(
        default_factory=dict, max_length=40
    )
    messages: tuple[MessageSpec, ...] = Field(min_length=1, max_length=20)


class TemplateSpec(_Spec):
    """A file `prompts/<id>.yaml`."""

    id: Slug
    title: Line
    description: Paragraph
    category: Slug
    needs_brand: bool = False
    current: VersionName
    versions: tuple[VersionSpec, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _current_is_one_of_the_versions(self) -> Self:
        names = [version.version for version in self.versions]
        _no_twins(names, "versions")
        if self.current not in names:
            raise ValueError(f"`current` is {self.current}, but the versions are {', '.join(names)}")
        return self


class Vocabulary(_Spec):
    preferred: dict[Line, Line] = Field(default_factory=dict, max_length=100)  # say this: rather than that
    banned: tuple[Line, ...] = Field(default=(), max_length=200)


class BrandSpec(_Spec):
    """A file `brands/<id>.yaml`."""

    id: Slug
    name: Line
    version: VersionName
    description: Paragraph
    language: Language
    tone: tuple[Line, ...] = Field(min_length=1, max_length=20)
    do: tuple[Line, ...] = Field(default=(), max_length=50)
    dont: tuple[Line, ...] = Field(default=(), max_length=50)
    vocabulary: Vocabulary = Vocabulary()
    samples: tuple[Paragraph, ...] = Field(default=(), max_length=20)


def _no_twins(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name!r} stands twice in `{what}`")
        seen.add(name)
