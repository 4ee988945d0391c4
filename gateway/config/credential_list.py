"""LiteLLM's `credential_list`: values that several entries of `model_list` share by name.

Lent to the entries before references are resolved, so that a missing variable is told where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.config.positions import Items, Section
from gateway.config.problems import Mark


def lend(root: Section) -> None:
    """Put each credential's values into the `litellm_params` that name it, where they do not have their own."""
    credentials = {
        str(each.get("credential_name")): each.get("credential_values")
        for each in _sections(root.get("credential_list"))
    }
    for entry in _sections(root.get("model_list")):
        params = entry.get("litellm_params")
        values = credentials.get(str(params.get("litellm_credential_name"))) if isinstance(params, Section) else None
        if isinstance(params, Section) and isinstance(values, Section):
            for key, value in values.items():
                if params.get(key) is None:
                    params.put(key, value, values.keys_at[key], values.values_at[key])


def lent_from(root: Section) -> Iterator[Mark]:
    """Where the keys of all credentials stand; what was lent to an entry still stands there."""
    for each in _sections(root.get("credential_list")):
        values = each.get("credential_values")
        yield from values.keys_at.values() if isinstance(values, Section) else ()


def _sections(items: Any) -> Iterator[Section]:
    yield from (each for each in items if isinstance(each, Section)) if isinstance(items, Items) else ()
