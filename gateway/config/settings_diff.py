"""Which settings of our own sections are different, each as a sentence and a key. A secret's value is never in it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from gateway.config.money_models import Budget
from gateway.config.price_words import budget

Change = tuple[str, str]  # the sentence, the key
SAID = ("model_list", "include", "groups", "routing")  # by the modules that know what they mean
_LITELLMS = ("router_settings", "litellm_settings", "general_settings")  # already in our sections


def changed_settings(old: BaseModel, new: BaseModel, names: tuple[str, ...]) -> Iterator[Change]:
    """The members `names` of two configurations, in their order, each leaf by itself."""
    for name in names:
        if name not in (*SAID, *_LITELLMS):
            yield from changed(name, getattr(old, name), getattr(new, name))


def changed(key: str, old: Any, new: Any) -> Iterator[Change]:
    """What is different between two values of the same key."""
    if old == new:
        return
    before, after = members(old), members(new)
    if before is not None and after is not None:
        for name in dict.fromkeys((*before, *after)):
            inner = f"{key}{name}" if name.startswith("[") else f"{key}.{name}"
            yield from changed(inner, before.get(name), after.get(name))
    elif has_secret(old) or has_secret(new):
        yield f"{key} is {_act(old, new)}", key
    else:
        yield f"{key}: {shown(old)} → {shown(new)}", key


def members(value: Any) -> Mapping[str, Any] | None:
    """A section's values by key, and those of a list of sections by their places; None for what is neither.

    A budget counts as one value: its two halves mean nothing alone.
    """
    if isinstance(value, Budget):
        return None
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {field.alias or name: getattr(value, name) for name, field in fields.items()}
    if isinstance(value, tuple) and all(isinstance(each, BaseModel) for each in value):
        return {f"[{place}]": each for place, each in enumerate(value)} if value else None
    return value if isinstance(value, Mapping) else None


def has_secret(value: Any) -> bool:
    """Whether a secret stands somewhere in it."""
    inner = members(value)
    if inner is not None:
        return any(map(has_secret, inner.values()))
    return any(map(has_secret, value)) if isinstance(value, tuple | list) else isinstance(value, SecretStr)


def shown(value: Any) -> str:
    """A value as the file would say it, on one line."""
    inner = members(value)
    if inner is not None:
        return f"{{{', '.join(f'{name}: {shown(each)}' for name, each in inner.items())}}}"
    match value:
        case None:
            return "none"
        case Budget():
            return budget(value.limit, value.days)
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case tuple() | list():
            return f"[{', '.join(map(shown, value))}]"
    return str(value)


def _act(old: Any, new: Any) -> str:
    return "set" if not old else "taken out" if not new else "replaced"
