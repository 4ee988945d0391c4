"""The names that a client may ask for, as far as the file alone tells: groups, aliases, virtual models, wildcards. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from gateway.config.config import ConfigFile
from gateway.config.starred import starred


class ServedNames:
    """`in` it is what the file serves, by a name of its own or by a wildcard; to iterate is to list the former.

    An alias of nothing that is served is none, nor is one of another alias: LiteLLM follows them one step.
    """

    def __init__(self, file: ConfigFile) -> None:
        self.groups = {entry.model_name for entry in file.model_list}
        named = {name: alias.model for name, alias in file.router_settings.model_group_alias.items()}
        self.aliases = {name: model for name, model in named.items() if self._is_group(model)}
        self.virtual = dict(file.routing.models)

    @cached_property
    def _wildcards(self) -> re.Pattern[str]:
        patterns = {name for name in self.groups if "*" in name}
        bare = {name.partition("/")[2] for name in patterns} - {""}  # `openai/*` serves OpenAI's models without it too
        return starred(patterns | bare)

    def __contains__(self, name: object) -> bool:
        """Whether a group, an alias or a wildcard serves it."""
        return isinstance(name, str) and (name in self.aliases or self._is_group(name))

    def _is_group(self, name: str) -> bool:
        return name in self.groups or self._wildcards.fullmatch(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self.groups | self.aliases.keys())

    def real(self, name: str) -> str:
        """The name behind an alias."""
        return self.aliases.get(name, name)

    def meant(self, name: str) -> bool:
        """Whether a rule that asks for this model can fit: it is served, or the pattern has something that is."""
        if name in self or name in self.virtual:
            return True
        pattern = starred([name])
        return any(pattern.fullmatch(each) for each in (*self, *self.virtual))
