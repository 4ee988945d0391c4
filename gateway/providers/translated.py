"""LiteLLM's translation of Anthropic's and Gemini's answers, without what it adds to them.

It reads one event, or one whole answer, at a time (*internal*: pinned, with contract tests). Taken out again: finish
reasons nobody gave, estimates of what thoughts cost, and calls of tools that the provider runs itself. An event that it
cannot read raises whatever it raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.providers.params import OPENAI_FORMAT
from gateway.types import JsonObject

Parse = Callable[[JsonObject], JsonObject | None]
# Readers of OpenAI's own format, by class; what else descends from the first one changes some members.
PLAIN_READERS = frozenset(
    {
        "OpenAIChatCompletionStreamingHandler", "OpenAIChatCompletionResponseIterator", "MistralChatResponseIterator",
        "GroqChatCompletionStreamingHandler", "OpenRouterChatCompletionStreamingHandler",
    }
)  # fmt: skip
TRANSLATING = "OpenAIChatCompletionStreamingHandler"
ANTHROPICS = "litellm.llms.anthropic.chat.handler"
GEMINIS = "litellm.llms.vertex_ai.gemini.vertex_and_google_ai_studio_gemini"
JSON_TOOL = "json_tool_call"  # LiteLLM's stand-in for a JSON schema, where a model takes none


def parser(inner: Any) -> Parse | None:
    """What makes an OpenAI-shaped chunk of an event; None where the stream has to be read through LiteLLM's wrapper."""
    kind = type(inner)
    if kind.__module__.startswith("openai") or (kind.__name__ in PLAIN_READERS and not inner.json_mode):
        return as_it_is
    if (kind.__module__, kind.__name__) == (ANTHROPICS, "ModelResponseIterator"):
        return Anthropic(inner)
    if (kind.__module__, kind.__name__) == (GEMINIS, "ModelResponseIterator"):
        return Gemini(inner)
    if kind.__name__ == "OpenAiResponsesToChatCompletionStreamIterator":
        return Responses(inner)
    return Translated(inner) if TRANSLATING in {base.__name__ for base in kind.__mro__} else None


def as_it_is(document: JsonObject) -> JsonObject:
    return document


class Translated:
    """LiteLLM's translation of one event."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self, document: JsonObject) -> JsonObject | None:
        item = self._inner.chunk_parser(document)
        return None if item is None else item.model_dump()


class Anthropic(Translated):
    """Anthropic's events: indexes of calls are dense again once hosted ones are out."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._hosted: set[int] = set()

    def __call__(self, document: JsonObject) -> JsonObject | None:
        chunk = super().__call__(document)
        if chunk is None:
            return None
        ended = document.get("type") == "message_delta" and (document.get("delta") or {}).get("stop_reason")
        for choice in chunk["choices"]:
            choice["finish_reason"] = choice["finish_reason"] if ended else None
            calls = choice["delta"].get("tool_calls")
            if calls:
                choice["delta"]["tool_calls"] = [call for call in calls if self._is_ours(call)]
        if isinstance(chunk.get("usage"), dict):
            without_estimate(chunk["usage"], document.get("usage"))
        return chunk

    def _is_ours(self, call: JsonObject) -> bool:
        index = call["index"]
        if hosted(call):
            self._hosted.add(index)
        call["index"] = index - sum(each < index for each in self._hosted)
        return index not in self._hosted


class Gemini(Translated):
    """Gemini's events: LiteLLM says "stop" in every one in which Gemini says nothing of an end."""

    def __call__(self, document: JsonObject) -> JsonObject | None:
        chunk = super().__call__(document)
        candidates = document.get("candidates") or ()
        ended = {each.get("index", at) for at, each in enumerate(candidates) if each.get("finishReason")}
        if chunk is not None and candidates:
            for choice in chunk["choices"]:
                if choice["index"] not in ended:
                    choice["finish_reason"] = None
        return chunk


class Responses(Translated):
    """Events of OpenAI's Responses API, which LiteLLM asks for what chat completions do not take."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner)
        self._model: Any = None

    def __call__(self, document: JsonObject) -> JsonObject | None:
        answer = document.get("response") or {}
        self._model = answer.get("model") or self._model  # which LiteLLM leaves out of its chunks
        failed = answer.get("error") or (document if document.get("type") == "error" else None)
        chunk = {"error": failed} if failed else super().__call__(document)
        return chunk if chunk is None or chunk.get("model") else {**chunk, "model": self._model}


def whole(provider: str, body: JsonObject, raw: Any) -> JsonObject:
    """LiteLLM's translation `body` of a whole answer `raw`, without its additions."""
    if provider != "anthropic" or not isinstance(raw, Mapping):
        return body
    for choice in body.get("choices") or ():
        message = choice.get("message") or {}
        if message.get("tool_calls"):
            message["tool_calls"] = [call for call in message["tool_calls"] if not hosted(call)]
    if isinstance(body.get("usage"), dict):
        without_estimate(body["usage"], raw.get("usage"))
    return body


def plain(provider: str, raw: Any, *, by_openai_sdk: bool) -> bool:
    """Whether a whole answer is in OpenAI's own format and needs no translation."""
    if not isinstance(raw, Mapping) or not (provider in OPENAI_FORMAT or by_openai_sdk):
        return False
    choices = raw.get("choices")
    return isinstance(choices, list) and JSON_TOOL not in {name for choice in choices for name in called(choice)}


def called(choice: Any) -> list[Any]:
    calls = (choice.get("message") or {}).get("tool_calls") if isinstance(choice, Mapping) else None
    return [(call.get("function") or {}).get("name") for call in calls or () if isinstance(call, Mapping)]


def told_usage(provider: str, raw: Any) -> bool:
    """Whether the provider itself told what was used; of formats not known here LiteLLM is believed."""
    if not isinstance(raw, Mapping):
        return True
    if provider in {"gemini", "vertex_ai", "vertex_ai_beta"}:
        return raw.get("usageMetadata") is not None
    return raw.get("usage") is not None or not (provider == "anthropic" or "choices" in raw or "data" in raw)


def hosted(call: Mapping[str, Any]) -> bool:
    """Whether Anthropic itself runs this call (web search, code): the client has nothing to answer to it."""
    return str(call.get("id")).startswith("srvtoolu_")


def without_estimate(usage: JsonObject, said: Any) -> None:
    """Anthropic does not always tell the thoughts' share of the output; LiteLLM then counts the words that it saw."""
    if not (isinstance(said, Mapping) and said.get("output_tokens_details")):
        usage.pop("completion_tokens_details", None)
