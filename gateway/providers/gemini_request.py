"""A chat request in Gemini's form: LiteLLM's own mapping, called piece by piece, without what it does around a call.

It is pure: nothing is fetched, nothing sent, and `carried` leaves to the sdk lane whatever might want to. What the
mapping refuses raises whatever it raises; the lane then asks the sdk lane, which refuses in LiteLLM's words.
"""

from __future__ import annotations

import functools
import importlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from gateway.providers import params
from gateway.providers.runtime import load
from gateway.types import Deployment, JsonObject

PROVIDER = "gemini"
LEGACY = frozenset({"functions", "function_call"})  # answered in another form
APART = frozenset({"cache_control", "images"})  # of a message: a cache that LiteLLM would make first, pictures of old
INLINE = frozenset({"text", "image_url", "input_audio", "file"})
UNSENT = frozenset({"messages", "user"})  # of the members: the one is mapped by itself, the other goes nowhere
MOST_KEPT, LONGEST_KEPT = 128, 2**14  # mapped parameters, and bytes of those that they were mapped from
MOST_MODELS = 4096  # clients name models of wildcards
_encode = msgspec.json.Encoder().encode


def carried(body: Mapping[str, Any]) -> bool:
    """Whether the mapping alone does: no legacy functions, no caches, no media but what is inline. Never raises."""
    if not LEGACY.isdisjoint(body):
        return False
    messages = body.get("messages")
    return isinstance(messages, list) and all(map(is_plain, messages))


def is_plain(message: Any) -> bool:
    if not isinstance(message, dict) or not APART.isdisjoint(message):
        return False
    content = message.get("content")
    return not isinstance(content, list) or all(map(is_inline, content))


def is_inline(part: Any) -> bool:
    """A part of a message that names no address and no file of Google's."""
    if not isinstance(part, dict) or "cache_control" in part or part.get("type") not in INLINE:
        return False
    if part["type"] == "text":
        return True
    file = part.get("file")
    return not names_address(part) and not (isinstance(file, dict) and file.get("file_id"))


def names_address(value: Any) -> bool:
    if isinstance(value, str):
        return "://" in value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(names_address, items))


def request_body(deployment: Deployment, model: str, body: JsonObject) -> JsonObject:
    """What is posted for a client's `body`. Raises whatever LiteLLM raises for what it cannot map."""
    drops = bool(deployment.params.get("drop_params", False))
    given = params.members(deployment, body, drops=drops)
    litellm = pieces()
    mapped: JsonObject = litellm.request(
        messages=litellm.messages(given["messages"]),
        model=model,
        optional_params=litellm.parameters(
            model, {name: value for name, value in given.items() if name not in UNSENT}, drops=drops
        ),
        custom_llm_provider=PROVIDER,
        litellm_params={},
        cached_content=None,
    )
    return mapped


class Pieces:
    """The functions of LiteLLM's that make up its mapping (*internal*: a test compares what both lanes send).

    Parameters that come again (tools, mostly) are mapped once.
    """

    def __init__(self) -> None:
        self._utils: Any = importlib.import_module("litellm.utils")
        self._main: Any = importlib.import_module("litellm.main")
        self._config: Any = load().GoogleAIStudioGeminiConfig()
        gemini: Any = importlib.import_module("litellm.llms.vertex_ai.gemini.transformation")
        # It takes longer than all the rest of a mapping, and is the same for a model each time.
        gemini.get_supports_system_message = functools.lru_cache(MOST_MODELS)(gemini.get_supports_system_message)
        self.request: Callable[..., JsonObject] = gemini.transform_request_body
        self.kept: OrderedDict[tuple[str, bool, bytes], JsonObject] = OrderedDict()

    def messages(self, given: list[JsonObject]) -> list[JsonObject]:
        fixed = self._utils.validate_and_fix_openai_messages(messages=given)
        found: list[JsonObject] = self._config.translate_developer_role_to_system_role(messages=fixed)
        return found

    def parameters(self, model: str, given: JsonObject, *, drops: bool) -> JsonObject:
        """A copy: LiteLLM takes out what it has used."""
        key = (model, drops, _encode(given))
        known = self.kept.get(key)
        if known is not None:
            self.kept.move_to_end(key)
            return dict(known)
        known = self._mapped(model, given, drops=drops)
        if len(key[2]) <= LONGEST_KEPT:
            self.kept[key] = known
        if len(self.kept) > MOST_KEPT:
            self.kept.popitem(last=False)
        return dict(known)

    def _mapped(self, model: str, given: JsonObject, *, drops: bool) -> JsonObject:
        utils = self._utils
        tidied = {
            **given,
            "stop": utils.validate_openai_optional_params(stop=given.get("stop")),
            "thinking": utils.validate_and_fix_thinking_param(thinking=given.get("thinking")),
            "tool_choice": utils.validate_chat_completion_tool_choice(given.get("tool_choice"), model=model),
        }
        if "tools" in given:
            tools = utils.validate_and_fix_openai_tools(tools=given["tools"])
            tidied["tools"] = self._main._drop_anthropic_only_tool_keys(tools=tools)  # noqa: SLF001
        found: JsonObject = utils.get_optional_params(
            model=model, custom_llm_provider=PROVIDER, drop_params=drops, **tidied
        )
        return found


@functools.cache
def pieces() -> Pieces:
    """Once LiteLLM is there."""
    return Pieces()
