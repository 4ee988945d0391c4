"""Messages on their way to a provider of OpenAI's format: as they are, but for what LiteLLM changes in any of them.

Members that are null are left out, a developer is called "system". Whatever else LiteLLM would rewrite for a provider is
left to it: LeftToLiteLLM is raised.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.providers.params import copied
from gateway.providers.speakers import Speaker
from gateway.types import Deployment, JsonObject

ROLES = frozenset({"user", "system", "assistant"})
OTHERS = frozenset({"developer", "tool", "function"})
PARTS = frozenset({"text", "image_url", "input_audio"})  # those that LiteLLM lets through as they are
MARKER = "cache_control"
CACHING = (
    "claude",
    "gemini",
    "minimax",
    "glm",
    "z-ai",
)  # models to whom OpenRouter takes such marks, in LiteLLM's words
# What LiteLLM puts into answers for itself and takes out again, or makes texts of.
INTERNAL = frozenset({"thinking_blocks", "provider_specific_fields", "search_results", "images"})
STRICT = {
    "user": frozenset({"role", "content"}),
    "system": frozenset({"role", "content"}),
    "assistant": frozenset({"role", "content", "tool_calls"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
CALL = frozenset({"id", "type", "function"})
_encode = msgspec.json.Encoder().encode


class LeftToLiteLLM(Exception):
    """LiteLLM would rewrite something in this request."""


class Messages:
    """The messages of one deployment's requests. Call it with a client's."""

    __slots__ = (
        "_keeps_in_parts",
        "_keeps_markers",
        "_o_series",
        "_provider",
        "_roles",
        "_strict",
        "_texts_only",
        "_unnamed",
    )

    def __init__(self, deployment: Deployment, speaker: Speaker) -> None:
        self._provider = deployment.provider
        self._strict = speaker.strict
        self._texts_only = speaker.texts_only
        self._unnamed = speaker.unnamed
        self._o_series = deployment.provider == "openai" and deployment.model_name.startswith("o")
        self._roles = ROLES - {"assistant"} if speaker.strict else ROLES - {"system"} if self._o_series else ROLES
        self._keeps_in_parts = deployment.provider == "openrouter" and any(
            name in deployment.model_name.lower() for name in CACHING
        )
        self._keeps_markers = speaker.keeps_cache_control or (
            deployment.provider == "openai" and not openais(deployment)
        )

    def __call__(self, given: Any) -> list[Any]:
        """Raises LeftToLiteLLM."""
        if not isinstance(given, list):
            raise LeftToLiteLLM
        roles = self._roles
        for at, message in enumerate(given):
            if type(message) is dict and len(message) == 2 and type(message.get("content")) is str:  # noqa: SIM102
                if message.get("role") in roles and message["content"]:
                    continue
            return [*given[:at], *[self._carried(each) for each in given[at:]]]
        return given

    def _carried(self, message: Any) -> JsonObject:
        if not isinstance(message, dict):
            raise LeftToLiteLLM
        out = {name: value for name, value in message.items() if value is not None}
        role, content = out.get("role"), out.get("content")
        if role == "developer" and not self._o_series:
            out["role"] = role = "system"
        if (role == "system" and self._o_series) or role not in ROLES | OTHERS or not INTERNAL.isdisjoint(out):
            raise LeftToLiteLLM
        if not (content is None or isinstance(content, str)):
            self._check_parts(content, role)
        if (self._strict and not fits(out, role)) or (self._unnamed and "name" in out and role != "user"):
            raise LeftToLiteLLM
        if self._provider == "hosted_vllm" and not isinstance(out.get("reasoning_content", ""), str):
            raise LeftToLiteLLM
        if self._provider == "azure" and "function_call" in out:
            raise LeftToLiteLLM
        return self._shortened(out)

    def _check_parts(self, content: Any, role: str) -> None:
        """Raises LeftToLiteLLM for a list of parts that does not go through as it is."""
        if (
            self._texts_only
            or not isinstance(content, list)
            or (role == "assistant" and self._provider == "hosted_vllm")
        ):
            raise LeftToLiteLLM
        allowed = PARTS if role == "user" else {"text"}
        for part in content:
            if not isinstance(part, dict) or part.get("type") not in allowed:
                raise LeftToLiteLLM
            if part["type"] == "image_url":
                image = part.get("image_url")
                if not isinstance(image, dict) or "format" in image:
                    raise LeftToLiteLLM

    def _shortened(self, out: JsonObject) -> JsonObject:
        """A mark for the provider's cache stays where LiteLLM leaves it, for five minutes."""
        content = out.get("content")
        marked = isinstance(content, list) and any(MARKER in part for part in content)
        for name, value in out.items():
            if name != "content" and isinstance(value, dict | list):
                marked = marked or name == MARKER or b'"cache_control":' in _encode(value)
        if not marked:
            return out
        if not (self._keeps_markers or (self._keeps_in_parts and MARKER not in out)):
            raise LeftToLiteLLM
        shortened: JsonObject = copied(out)
        return shortened


def fits(message: JsonObject, role: str) -> bool:
    """Whether Mistral takes a message as it is."""
    if not message.keys() <= STRICT.get(role, frozenset()):
        return False
    calls = message.get("tool_calls", ())
    if not (message.get("content") or calls):
        return False
    return all(isinstance(call, dict) and call.keys() == CALL and call["type"] == "function" for call in calls)


def openais(deployment: Deployment) -> bool:
    """Whether OpenAI itself is asked."""
    host = urlsplit(deployment.card.url or "").hostname if deployment.card else None
    return host is None or host == "openai.com" or host.endswith(".openai.com")
