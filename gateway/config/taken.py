"""What became of each key of LiteLLM's blocks: taken, changed or ignored, with the reason and its line.

The one source of what `atelier import-litellm` prints and of the warnings of a load. Reads the file before it is
validated, so nothing here trusts a value's type. Never raises.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.config.credential_list import lent_from
from gateway.config.deployment_prices import is_long
from gateway.config.litellm_families import reason_for
from gateway.config.litellm_keys import INFO, OTHER_BLOCKS, PARAMS, Known, Table, Verdict
from gateway.config.litellm_kinds import Block
from gateway.config.litellm_models import Costs, LitellmParams, ModelEntry, ModelInfo
from gateway.config.litellm_setting_keys import BUDGET, CACHE, GENERAL, LITELLM, ROUTER
from gateway.config.litellm_settings import BudgetParams, CacheParams, GeneralSettings, LitellmSettings, RouterSettings
from gateway.config.positions import LITELLMS_BLOCKS, Items, Section, place
from gateway.config.problems import Mark, Path
from gateway.config.taken_values import by_value

_A_TYPO = 0.8
_STRANGE = Known("ignored", "LiteLLM does not read it either")
_READ = Known("taken", "is read as LiteLLM reads it")
_BLOCKS: tuple[tuple[str, Table, type[Block]], ...] = (
    ("router_settings", ROUTER, RouterSettings),
    ("litellm_settings", LITELLM, LitellmSettings),
    ("general_settings", GENERAL, GeneralSettings),
)
_NESTED: Mapping[str, tuple[Table, type[Block]]] = {
    "cache_params": (CACHE, CacheParams),
    "default_internal_user_params": (BUDGET, BudgetParams),
    "default_team_params": (BUDGET, BudgetParams),
    "default_key_generate_params": (BUDGET, BudgetParams),
}
_ZERO_COUNTS = frozenset({"num_retries", "allowed_fails"})  # elsewhere 0 means "not set"
_BUDGETS_OF = {
    "default_internal_user_params": "budgets.new_users",
    "default_team_params": "budgets.new_teams",
    "default_key_generate_params": "budgets.new_keys",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """One key. `why`: where it goes, or why not. `quiet`: it is ignored, but nothing is lost."""

    mark: Mark
    path: Path
    verdict: Verdict
    why: str
    quiet: bool = False


class _Listing(Protocol):
    """A configuration."""

    @property
    def taken(self) -> tuple[Taken, ...]: ...


def taken(config: _Listing) -> tuple[Taken, ...]:
    """One for each key of LiteLLM's blocks, in the order of the file."""
    return config.taken


def read_taken(root: Section, variables: Mapping[str, str], strange: Collection[str] = ()) -> tuple[Taken, ...]:
    """The same from the file as it was read; `variables` are the environment with the file's own, `strange` its keys
    that are `strangers`.
    """
    found = [*_walk(root, variables), *(((key,), _STRANGE) for key in strange)]
    listed = [Taken(place(root, path, key=True), path, known.verdict, known.why, known.quiet) for path, known in found]
    return tuple(sorted(listed, key=lambda each: (each.mark.file, each.mark.line, each.mark.column)))


def _walk(root: Section, variables: Mapping[str, str]) -> Iterator[tuple[Path, Known]]:
    yield from _model_list(root)
    yield from _credentials(root)
    for block, table, model in _BLOCKS:
        for key in _keys(root.get(block)):
            yield from _setting(root, (block, key), table, model, variables)
    for key in root:
        if is_aside(root, key) and key != "credential_list":
            yield (key,), OTHER_BLOCKS.get(key, Known("ignored", "is a place for what others refer to", quiet=True))
    for name in _keys(root.get("environment_variables")):
        yield ("environment_variables", name), Known("taken", f"is what `os.environ/{name}` stands for in this file")


def _model_list(root: Section) -> Iterator[tuple[Path, Known]]:
    entries, lent = root.get("model_list"), set(lent_from(root))
    for index, entry in enumerate(entries if isinstance(entries, Items) else ()):
        here: Path = ("model_list", index)
        for key in _keys(entry):
            if key not in {"litellm_params", "model_info"}:
                yield (*here, key), _entry_key(key, entry[key])
        params, info = (_within(entry, name) for name in ("litellm_params", "model_info"))
        for key in _keys(params):
            if params.keys_at[key] in lent:
                continue
            yield (*here, "litellm_params", key), _named(key, PARAMS, LitellmParams, params[key], root)
        for key in _keys(info):
            yield (*here, "model_info", key), _named(key, INFO, ModelInfo, info[key], root)


def _entry_key(key: str, value: Any) -> Known:
    if key == "model_name":
        wildcard = isinstance(value, str) and "*" in value
        return Known(
            "taken", "every model whose name fits, the longest pattern first" if wildcard else "the model group"
        )
    if key in LitellmParams.model_fields:
        return Known("ignored", "move it below `litellm_params`")
    return _READ if key in ModelEntry.model_fields else _unknown(key, ModelEntry, {})


def _named(
    key: str, table: Table, model: type[Block], value: Any, root: Section, variables: Mapping[str, str] | None = None
) -> Known:
    special = by_value(key, value, root, variables)
    if special is not None:
        return special
    if key in table:
        return table[key]
    if key in model.model_fields or (issubclass(model, Costs) and is_long(key)):
        return _READ
    if model is ModelInfo and key.startswith("supports_"):
        return Known("ignored", "what a model can do is looked up in LiteLLM's map", quiet=True)
    return _unknown(key, model, table)


def _unknown(key: str, model: type[Block], table: Table) -> Known:
    near = difflib.get_close_matches(key, {*model.model_fields, *table}, n=1, cutoff=0.85)
    if near:
        return Known("ignored", f"is not known here: did you mean `{near[0]}`?")
    return Known("ignored", reason_for(key) or "is not read here")


def _credentials(root: Section) -> Iterator[tuple[Path, Known]]:
    credentials, entries = root.get("credential_list"), root.get("model_list")
    named = [
        params.get("litellm_credential_name")
        for entry in (entries if isinstance(entries, Items) else ())
        if isinstance(params := _within(entry, "litellm_params"), Section)
    ]
    for index, each in enumerate(credentials if isinstance(credentials, Items) else ()):
        known = Known("taken", "lent to the entries that name it")
        name = _within(each, "credential_name")
        yield (
            ("credential_list", index),
            known if name in named else Known("ignored", "no entry of `model_list` names it"),
        )


def _setting(
    root: Section, path: Path, table: Table, model: type[Block], variables: Mapping[str, str]
) -> Iterator[tuple[Path, Known]]:
    block, key = str(path[0]), str(path[1])
    value = root[block][key]
    if key in _NESTED and isinstance(value, Section):
        inner_table, inner = _NESTED[key]
        for name in value:
            known = _named(name, inner_table, inner, value[name], root, variables)
            if key in _BUDGETS_OF and name in inner.model_fields:
                known = Known(known.verdict, f"is `{_BUDGETS_OF[key]}`", (_BUDGETS_OF[key],))
            yield (*path, name), _beside_ours(known, root)
        return
    known = _named(key, table, model, value, root, variables)
    yield path, _counts_later(block, key, root) or _beside_ours(known, root)


def _counts_later(block: str, key: str, root: Section) -> Known | None:
    """LiteLLM's router settings count before its general ones."""
    router = root.get("router_settings")
    same = "timeout" if key == "request_timeout" else key
    if block != "litellm_settings" or same not in RouterSettings.model_fields or not isinstance(router, Section):
        return None
    value = router.get(same)
    counts = value is not None if same in _ZERO_COUNTS else bool(value)
    return Known("ignored", f"`router_settings.{same}` counts") if counts else None


def _beside_ours(known: Known, root: Section) -> Known:
    """Where our own section says it too, that counts."""
    if known.verdict != "ignored" and known.ours and all(_given(root, name) for name in known.ours):
        return Known("ignored", f"`{known.ours[0]}` in this file counts")
    return known


def _given(root: Section, name: str) -> bool:
    here: Any = root
    for part in name.split("."):
        here = here.get(part) if isinstance(here, Section) else None
    return here is not None


def _within(section: Any, name: str) -> Any:
    return section.get(name) if isinstance(section, Section) else None


def _keys(section: Any) -> list[str]:
    return list(section) if isinstance(section, Section) else []


def is_aside(root: Section, key: str) -> bool:
    """Whether a top-level key is a block of LiteLLM's without a meaning here, or a place for YAML anchors (`x-…`).

    `policies` is a section of ours too: LiteLLM's has guardrail policies by name, ours a path and parameters.
    """
    if key == "policies":
        named = root[key].values() if isinstance(root[key], Section) else ()
        return bool(named) and all(isinstance(each, Section) for each in named) and "parameters" not in root[key]
    return key in OTHER_BLOCKS or key == "credential_list" or key.startswith("x-")


def set_aside(root: Section, strange: Collection[str]) -> None:
    """Take out of `root` what is no section of ours and no block that is taken."""
    for name in [name for name in root if name in strange or is_aside(root, name)]:
        del root[name]


def strangers(root: Section, known: Collection[str]) -> list[str]:
    """Top-level keys that nobody reads, where the file is LiteLLM's: there they are no mistakes, as for LiteLLM.

    `known`: all that are read. One that is nearly the name of one of them is a typing mistake anywhere.
    """
    if not of_litellm(root, known):
        return []
    others = [key for key in root if key not in known and not is_aside(root, key)]
    return [key for key in others if not difflib.get_close_matches(key, known, n=1, cutoff=_A_TYPO)]


def of_litellm(root: Section, known: Collection[str]) -> bool:
    """Whether a file has no section of ours; what the environment lays over it does not count."""
    theirs = {*LITELLMS_BLOCKS, "include"}
    return not any(
        mark.line and key in known and key not in theirs for key, mark in root.keys_at.items() if key in root
    )
