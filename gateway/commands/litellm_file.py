"""LiteLLM's config.yaml in our form: the model list as it stands, comments and all, its settings as sections of ours.

Each step is proved by loading: a key of LiteLLM's is taken out only where the file means the same without it, so what
no section of ours can say stays where it was. No value of the environment is written, only its name. A file that
cannot be loaded raises `ConfigError`, one that does not come out right `MoveRefused`; nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from gateway.commands.litellm_yaml import BLOCKS, Spot, dump, lay, parse, read_whole, refers, spots, value_at
from gateway.config.config import Config, ConfigFile
from gateway.config.deployments import Facts, resolve
from gateway.config.environment import OVERRIDES, with_secrets
from gateway.config.loader import load
from gateway.config.problems import ConfigError
from gateway.config.references import PREFIX
from gateway.config.routing_models import Group
from gateway.config.taken import taken
from gateway.store.failures import MoveRefused

LITELLMS = {*BLOCKS, "model_list", "environment_variables", "include"}
HOW_WRITTEN = {"path", "taken", "warnings"}  # members of a Config that say nothing of what it means
SHORTEST = 6  # characters of a variable's value that may be found within another by chance no more
SAME, DIFFERENT = -1, 0  # what a trial shows; more than that: the number of mistakes
LENT = ("credential_list",)
OURS_TOO = ("policies",)  # a block of LiteLLM's, or a section of ours


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The new text, what the old one means, and the keys of LiteLLM's that stay."""

    text: str
    config: Config
    kept: tuple[Spot, ...]


def rewritten(path: Path, env: Mapping[str, str]) -> Rewritten:
    """The file at `path`, with those that it includes, in our form. Raises ConfigError.

    What the environment lays over the file (ATELIER_PORT …) is no part of it.
    """
    env = {name: value for name, value in with_secrets(env).items() if name not in OVERRIDES}
    return _Rewriting(path, env, load(path, env)).run()


class _Rewriting:
    def __init__(self, path: Path, env: Mapping[str, str], config: Config) -> None:
        self._path = path
        self._env = env
        self._config = config
        self._meaning = meaning(config, env)
        doc = read_whole(path, set())
        self._text = dump(doc)
        said = {each.path for each in taken(config)}
        self._spots = [spot for spot in spots(doc) if spot != OURS_TOO or spot in said]

    def run(self) -> Rewritten:
        sections = self._sections()
        stays = self._staying()
        candidates = [spot for spot in self._spots if spot not in stays]
        kept = self._needed(candidates, sections)
        if kept is None:  # some section of ours would say more than it should: what it says stays LiteLLM's
            sections = {name: each for name, each in sections.items() if self._try((), {name: each}) == SAME}
            sections = sections if self._try((), sections) == SAME else {}
            kept = self._shrunk(candidates, candidates, sections)
        gone = [spot for spot in candidates if spot not in kept]
        if self._try(gone, sections) != SAME:
            raise MoveRefused(f"{self._path} cannot be put into our form; it can be served as it is.")
        text = self._without(gone, sections)
        return Rewritten(text, self._config, tuple(spot for spot in self._spots if spot in {*kept, *stays}))

    def _staying(self) -> set[Spot]:
        """What counts and has references: no trial shows what it means where the variables are others."""
        doc = parse(self._text)
        counts = {each.path[:length] for each in taken(self._config) if each.verdict != "ignored" for length in (1, 2)}
        return {spot for spot in self._spots if spot in counts and (spot == LENT or refers(value_at(doc, spot)))}

    def _needed(self, candidates: Sequence[Spot], sections: Mapping[str, Any]) -> list[Spot] | None:
        """The keys of LiteLLM's that have to stay beside these sections; None where that does not come out."""
        kept: list[Spot] = []
        state = self._try(candidates, sections)
        for spot in candidates:
            if state == SAME:
                break
            found = self._try([each for each in candidates if each not in {*kept, spot}], sections)
            if found <= state:  # otherwise it says what a section of ours says already, which is a mistake
                kept.append(spot)
                state = found
        return self._shrunk(candidates, kept, sections) if state == SAME else None

    def _shrunk(self, candidates: Sequence[Spot], kept: Sequence[Spot], sections: Mapping[str, Any]) -> list[Spot]:
        """Those of the kept keys without which it would mean something else."""
        left = list(kept)
        for spot in kept:
            if self._try([each for each in candidates if each == spot or each not in left], sections) == SAME:
                left.remove(spot)
        return left

    def _sections(self) -> dict[str, Any]:
        """What LiteLLM's settings mean for our sections; those with references stay, so that no value of theirs shows."""
        doc = parse(self._text)
        referring = [spot for spot in self._spots if spot[0] in BLOCKS and refers(value_at(doc, spot))]
        try:
            plain = self._load(self._without(referring, {}))
        except ConfigError:
            return {}
        names = [name for name in ConfigFile.model_fields if name not in LITELLMS]
        spelling = _Spelling(self._text, self._env, self._config.secrets())
        found = {name: _differing(getattr(plain, name), doc.get(name), spelling) for name in names}
        return {name: each for name, each in found.items() if each}

    def _without(self, gone: Sequence[Spot], sections: Mapping[str, Any]) -> str:
        doc = parse(self._text)
        for spot in gone:
            if len(spot) == 1:
                del doc[spot[0]]
            else:
                del doc[spot[0]][spot[1]]
        for name in BLOCKS:
            if name in doc and not doc[name]:
                del doc[name]
        lay(doc, sections)
        return dump(doc)

    def _load(self, text: str) -> Config:
        return load(self._path, self._env, {self._path: text})

    def _try(self, gone: Sequence[Spot], sections: Mapping[str, Any]) -> int:
        """SAME, DIFFERENT, or how many mistakes the file would have."""
        try:
            config = self._load(self._without(gone, sections))
            return SAME if meaning(config, self._env) == self._meaning else DIFFERENT
        except ConfigError as error:
            return len(error.problems)


def meaning(config: Config, env: Mapping[str, str]) -> dict[str, Any]:
    """Everything that a configuration decides, to be compared with that of another."""
    said = {name: getattr(config, name) for name in Config.model_fields if name not in LITELLMS | HOW_WRITTEN}
    said = {name: each.model_dump() if isinstance(each, BaseModel) else each for name, each in said.items()}
    said["groups"] = {name: group for name, group in config.groups.items() if group != Group()}
    found = resolve(config, env, _no_facts, None)
    return {
        **said,
        "master_key": config.master_key,
        "deployments": (found.deployments, found.no_key),
        "wildcards": [(each.pattern, each.deployment(each.pattern.replace("*", "any"))) for each in found.wildcards],
    }


def _no_facts(
    model: str,
    *,
    custom_llm_provider: str | None,
    base_model: str | None,  # noqa: ARG001 - ModelFacts' signature
) -> Facts:
    """What LiteLLM knows of models is the same on both sides."""
    return Facts(custom_llm_provider or model.partition("/")[0])


class _Spelling:
    """How a text is written: as it stands in the file, or by the name of the variable that it came from.

    Only addresses and secrets come from variables without the file's naming them.
    """

    def __init__(self, text: str, env: Mapping[str, str], secrets: Iterable[str]) -> None:
        self._text = text
        self._secrets = frozenset(secrets)
        self._names = {value: name for name, value in sorted(env.items(), reverse=True) if len(value) >= SHORTEST}

    def __call__(self, value: str) -> str | None:
        """None: it holds a variable's value among other things, and cannot be written."""
        known = "://" in value or any(secret in value for secret in self._secrets)
        if value in self._text or not known:
            return value
        if value in self._names:
            return f"{PREFIX}{self._names[value]}"
        return None if any(each in value for each in self._names) else value


def _differing(section: Any, written: Any, spelling: _Spelling) -> Any:
    """The members of a section, or of a mapping of them, that are not the default and not written already."""
    if isinstance(section, BaseModel):
        fields = type(section).model_fields
        values = {
            field.alias or name: getattr(section, name)
            for name, field in fields.items()
            if getattr(section, name) != field.get_default(call_default_factory=True)
        }
    else:
        values = dict(section)
    out: dict[str, Any] = {}
    for name, value in values.items():
        there = written.get(name) if isinstance(written, Mapping) else None
        if there is not None and not isinstance(there, Mapping):
            continue
        found = (
            _differing(value, there, spelling) if isinstance(value, BaseModel | Mapping) else _plain(value, spelling)
        )
        if found not in (None, {}):
            out[name] = found
    return out


def _plain(value: Any, spelling: _Spelling) -> Any:
    if isinstance(value, SecretStr):
        return spelling(value.get_secret_value())
    if isinstance(value, BaseModel | Mapping):
        return _differing(value, None, spelling)
    if isinstance(value, str | Path):
        return spelling(str(value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(each, spelling) for each in value]
    return value
