"""Gemini's answers, whole or event by event, in OpenAI's shape: what LiteLLM would translate them to, without its objects.

LiteLLM is the oracle of the tests. What it makes up is left out where the sdk lane takes it out again. An answer that
cannot be read raises whatever it raises; an answer of no candidate has no choice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from gateway.providers import gemini_parts as of
from gateway.providers.gemini_usage import as_list, plain_usage, says_anything, usage_of
from gateway.types import JsonObject

NONE: Mapping[str, str] = MappingProxyType({})
TIER = "x-gemini-service-tier"
BLOCKED = "content_filter"
FINISH: Mapping[str, str] = {
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "LANGUAGE", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "NO_IMAGE", "IMAGE_RECITATION", "IMAGE_OTHER", "ESCALATION",
        ),
        BLOCKED,
    ),
}  # fmt: skip
# All others are "stop". For these a whole answer is emptied, and its usage is told without details.
FLAGGED = frozenset(
    {
        "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    }
)  # fmt: skip
METADATA = (
    ("groundingMetadata", ("vertex_ai_grounding_metadata",)),
    ("urlContextMetadata", ("vertex_ai_url_context_metadata",)),
    ("safetyRatings", ("vertex_ai_safety_ratings", "vertex_ai_safety_results")),
    ("citationMetadata", ("vertex_ai_citation_metadata",)),
)  # Google's names and LiteLLM's


def completion(
    document: JsonObject, headers: Mapping[str, str] = NONE, *, model: str, now: Callable[[], float] = time.time
) -> JsonObject:
    """A chat.completion. `headers` are those of the answer, `model` the one asked for, `now` in Unix seconds."""
    out: JsonObject = {
        "id": of.new_name(),
        "object": "chat.completion",
        "created": int(now()),
        "model": served(document) or model,
        "choices": [],
    }
    candidates = document.get("candidates") or ()
    told = document["usageMetadata"]
    if blocked(document) or (candidates and candidates[0].get("finishReason") in FLAGGED):
        out["choices"] = [{"index": 0, "finish_reason": BLOCKED, "message": {"role": "assistant"}}]
        return {**out, "usage": plain_usage(told)}
    if document.get("responseId"):
        out["id"] = document["responseId"]
    counted = 0
    for place, candidate in enumerate(candidates):
        if says_anything(candidate):
            choice = whole_choice(candidate, place, counted, now)
            counted += len(choice["message"].get("tool_calls", ()))
            out["choices"].append(choice)
    metadata = metadata_of(candidates)
    metadata.pop("vertex_ai_safety_ratings", None)  # whole answers have it under the newer name alone
    return {**out, **metadata, **tier(headers), "usage": usage_of(told, candidates)}


def whole_choice(candidate: JsonObject, place: int, counted: int, now: Callable[[], float]) -> JsonObject:
    message: JsonObject = {"role": "assistant"}
    parts = parts_of(candidate)
    if parts is not None:
        heard = of.sound(parts, now())
        if heard is not None:
            message["audio"] = heard
        message |= said(candidate, parts, counted)
        blocks = of.thinking_blocks(parts)
        if blocks:
            message["thinking_blocks"] = blocks
    out = {"index": candidate.get("index", place), "message": message, "finish_reason": finish(candidate, message)}
    return out if "logprobsResult" not in candidate else {**out, "logprobs": of.logprobs(candidate["logprobsResult"])}


class Events:
    """Turns each event of one stream into a chat.completion.chunk; calls are numbered through the whole stream."""

    def __init__(self, headers: Mapping[str, str] = NONE, *, now: Callable[[], float] = time.time) -> None:
        self._headers = headers
        self._created = int(now())
        self._id = of.new_name()
        self._calls = 0

    def __call__(self, document: JsonObject) -> JsonObject:
        if "error" in document:
            raise ValueError("an error that is empty")
        candidates = document.get("candidates") or ()
        identity = document.get("responseId")
        choices: list[JsonObject] = []
        out: JsonObject = {
            "id": self._id if identity is None else identity,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": served(document),
            "choices": choices,
        }
        if blocked(document):
            ended = not candidates or any(
                each.get("index", place) == 0 and each.get("finishReason") for place, each in enumerate(candidates)
            )
            choices.append({"index": 0, "delta": {}, "finish_reason": BLOCKED if ended else None})
        for place, candidate in enumerate(candidates):
            if says_anything(candidate):
                choices.append(self._choice(candidate, place))
        if candidates and not choices:
            choices += [{"index": each.get("index", 0), "delta": {}, "finish_reason": None} for each in candidates]
        if self._calls:
            called(choices)
        out |= metadata_of(candidates)
        if "usageMetadata" in document:
            out["usage"] = usage_of(document["usageMetadata"], candidates)
            out |= tier(self._headers)
        return out

    def _choice(self, candidate: JsonObject, place: int) -> JsonObject:
        parts = parts_of(candidate)
        delta = {} if parts is None else said(candidate, parts, self._calls)
        self._calls += len(delta.get("tool_calls", ()))
        out = {"index": candidate.get("index", place), "delta": delta, "finish_reason": None}
        if candidate.get("finishReason"):
            out["finish_reason"] = finish(candidate, delta)
        if "logprobsResult" in candidate:
            out["logprobs"] = of.logprobs(candidate["logprobsResult"])
        return out


def called(choices: list[JsonObject]) -> None:
    """Google says STOP of calls that came in an earlier event, too; OpenAI's clients wait for "tool_calls"."""
    for choice in choices:
        if choice["finish_reason"] == "stop":
            choice["finish_reason"] = "tool_calls"


def said(candidate: JsonObject, parts: list[JsonObject], counted: int) -> JsonObject:
    """What a message and a delta have in common."""
    out = of.spoken(parts)
    if "groundingMetadata" in candidate:
        cited = of.annotated(as_list(candidate["groundingMetadata"]))
        if cited:
            out["annotations"] = cited
    calls = of.called(parts, counted)
    if calls:
        out["tool_calls"] = calls
    return out


def finish(candidate: JsonObject, message: JsonObject) -> str:
    return "tool_calls" if "tool_calls" in message else FINISH.get(candidate.get("finishReason") or "", "stop")


def parts_of(candidate: JsonObject) -> list[JsonObject] | None:
    """None where the candidate has no parts at all. Raises TypeError for what is no list of parts."""
    content = candidate.get("content")
    if not content or "parts" not in content:
        return None
    return [*content["parts"]]


def blocked(document: JsonObject) -> bool:
    """Whether the prompt was refused, so that there is no answer to it."""
    return "blockReason" in (document.get("promptFeedback") or ())


def served(document: JsonObject) -> str | None:
    """The model that answered, where Google says so."""
    version: Any = document.get("modelVersion")
    return version.split("@", 1)[0] if isinstance(version, str) and version else None


def metadata_of(candidates: Any) -> JsonObject:
    """Google's notes on an answer, under LiteLLM's names: only those that there are."""
    out: JsonObject = {}
    for candidate in candidates:
        if not says_anything(candidate):
            continue
        for name, names in METADATA:
            if name in candidate:
                notes = as_list(candidate[name]) if name == "groundingMetadata" else [candidate[name]]
                for each in names:
                    out[each] = [*out.get(each, ()), *notes]
    return out


def tier(headers: Mapping[str, str]) -> JsonObject:
    """OpenAI's word for how dear the answer was."""
    told = headers.get(TIER)
    return {"service_tier": "default" if told.lower() == "standard" else told.lower()} if told else {}
