"""Laying values under a section: they count only where the file itself says nothing."""

from __future__ import annotations

from typing import Any, TypeVar

from gateway.config.kinds import Strict

S = TypeVar("S", bound=Strict)


def fill(section: S, **values: Any) -> S:
    """`section` with the given values where the file itself says nothing; None stands for no value."""
    given = section.model_fields_set
    return section.model_copy(
        update={name: each for name, each in values.items() if each is not None and name not in given}
    )


def first(*values: Any) -> Any:
    """The first that is not None."""
    return next((value for value in values if value is not None), None)
