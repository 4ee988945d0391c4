"""Gemini's `usageMetadata` as OpenAI's usage, counted as LiteLLM counts it; nothing is counted that Google did not tell.

The thoughts are billed as output; Google's total tells whether the candidates' count holds them already. Metadata that
is no object raises whatever it raises: the lane calls such an answer unreadable.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.types import JsonObject

MODALITIES = {"TEXT": "text", "DOCUMENT": "text", "AUDIO": "audio", "IMAGE": "image", "VIDEO": "video"}
THOUGHTS = "thoughtsTokenCount"


def usage_of(told: Mapping[str, Any], candidates: Sequence[JsonObject]) -> JsonObject:
    """OpenAI-shaped usage with its details. What a search read is not billed as input; the search itself is."""
    given, made = told.get("promptTokenCount", 0), told.get("candidatesTokenCount", 0)
    total, tools, thoughts = told.get("totalTokenCount", 0), told.get("toolUsePromptTokenCount"), told.get(THOUGHTS)
    within = given + made + (tools or 0) == total
    output = made + thoughts if thoughts and not within else made
    grounded = [each for each in candidates if "groundingMetadata" in each]
    billed_apart = bool(grounded) and any(searched(grounded))
    out: JsonObject = {
        "prompt_tokens": given + (0 if billed_apart else tools or 0),
        "completion_tokens": output,
        "total_tokens": total,
        "prompt_tokens_details": input_details(told),
    }
    details = output_details(told, made, output)
    if details is not None:
        out["completion_tokens_details"] = details
    if tools:
        out["prompt_tokens_details"]["tool_use_tokens"] = tools
    if billed_apart:
        out["prompt_tokens_details"] |= searches(grounded)
    if told.get("cachedContentTokenCount") is not None:
        out["cache_read_input_tokens"] = told["cachedContentTokenCount"]
    return out


def plain_usage(told: Mapping[str, Any]) -> JsonObject:
    """All that LiteLLM says of an answer that was blocked."""
    return {
        "prompt_tokens": told.get("promptTokenCount", 0),
        "completion_tokens": told.get("candidatesTokenCount", 0),
        "total_tokens": told.get("totalTokenCount", 0),
    }


def input_details(told: Mapping[str, Any]) -> JsonObject:
    """The input by kind, without what was cached of each kind, which is told besides."""
    details = by_kind(told.get("promptTokensDetails", ()))
    cached = told.get("cachedContentTokenCount")
    if "cacheTokensDetails" in told:
        for kind, count in by_kind(told["cacheTokensDetails"]).items():
            if kind in details:
                details[kind] -= count
    elif cached is not None and "text_tokens" in details:
        details["text_tokens"] -= cached
    if cached is not None:
        details["cached_tokens"] = cached
    return details


def output_details(told: Mapping[str, Any], made: int, output: int) -> JsonObject | None:
    """The output by kind: what is of no other kind is text."""
    thoughts = told.get(THOUGHTS)
    if not made and "candidatesTokensDetails" not in told and THOUGHTS not in told:
        return None
    details = by_kind(told.get("candidatesTokensDetails", ()))
    if made > 0 and "text_tokens" not in details:
        details["text_tokens"] = made - sum(details.values())
    elif thoughts and "text_tokens" not in details:
        others = details.get("image_tokens", 0) + details.get("audio_tokens", 0)
        details["text_tokens"] = max(0, output - thoughts - others)
    if thoughts is not None:
        details["reasoning_tokens"] = thoughts
    return details


def by_kind(told: Any) -> JsonObject:
    """Counts of tokens by OpenAI's names of their kinds; only of kinds that were named."""
    counts: JsonObject = {}
    for each in told:
        kind = MODALITIES.get(str(each.get("modality", "")).upper())
        if kind is not None:
            count = each.get("tokenCount", 0)
            name = f"{kind}_tokens"
            counts[name] = counts.get(name, 0) + (count if isinstance(count, int) else 0)
    return counts


def searches(grounded: Iterable[JsonObject]) -> JsonObject:
    """The counts of searches as LiteLLM names them, of candidates that say anything."""
    web, maps = searched([each for each in grounded if says_anything(each)])
    counts = {"web_search_requests": web, "google_maps_grounding_requests": maps}
    return {name: count for name, count in counts.items() if count}


def searched(grounded: Iterable[JsonObject]) -> tuple[int, int]:
    """How many searches of the web, and of maps, Google bills: each query once, and maps at least once."""
    web: set[str] = set()
    maps: set[str] = set()
    used_maps = False
    for item in itertools.chain.from_iterable(as_list(each["groundingMetadata"]) for each in grounded):
        if not isinstance(item, Mapping):
            continue
        chunks, asked = item.get("groundingChunks"), item.get("webSearchQueries")
        kinds = {kind for chunk in listed(chunks) if isinstance(chunk, Mapping) for kind in chunk}
        queries = {query for query in listed(asked) if isinstance(query, str) and query}
        is_map = "maps" in kinds or bool(item.get("googleMapsWidgetContextToken"))
        used_maps = used_maps or is_map
        (maps if is_map and "web" not in kinds else web).update(queries)
    return len(web), max(len(maps), 1) if used_maps else 0


def says_anything(candidate: JsonObject) -> bool:
    """LiteLLM passes over candidates of which only notes have come."""
    return "content" in candidate or "finishReason" in candidate


def as_list(notes: Any) -> list[Any]:
    return notes if isinstance(notes, list) else [notes]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
