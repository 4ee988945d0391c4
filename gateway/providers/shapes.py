"""OpenAI's shapes out of what providers send and LiteLLM translates: nothing invented, nothing of LiteLLM's left in."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from gateway.types import JsonObject, Usage

LITELLMS = frozenset({"provider_specific_fields", "citations_list"})
PADDING = ("vertex_ai_", "images", "thinking_blocks", "tool_calls")
NULLABLE = ("logprobs", "finish_reason")
CHOICE, MESSAGE = {"index", "message", *NULLABLE}, {"role", "content", "refusal"}
UNCOUNTED = frozenset({"cost", "server_tool_use", "inference_geo", "speed"})
CALLED = ("function", "custom")
DEEPSEEKS_HITS = "prompt_cache_hit_tokens"


def lean(value: Mapping[str, Any]) -> JsonObject:
    """Without members that are None, those only LiteLLM knows, and lists it adds though they are empty."""
    if lean_already(value):
        return dict(value)
    return {
        name: item
        for name, item in value.items()
        if item is not None and name not in LITELLMS and not (item == [] and name.startswith(PADDING))
    }


def chat_body(raw: Mapping[str, Any]) -> JsonObject:
    """A chat.completion without usage, with the members OpenAI always sends, null where it sends null."""
    body = lean(raw)
    body.pop("usage", None)
    body["object"] = "chat.completion"
    body["choices"] = [choice(item) for item in raw.get("choices") or ()]
    return body


def untouched(raw: Mapping[str, Any]) -> bool:
    """Whether an answer is for certain in the client's shape as it came, its usage too: then none is made anew."""
    usage = raw.get("usage")
    if raw.get("object") != "chat.completion" or not lean_already(raw) or not isinstance(usage, dict) or not usage:
        return False
    if not (lean_already(usage) and UNCOUNTED.isdisjoint(usage)):
        return False
    for details in usage.values():
        if isinstance(details, dict) and not lean_already(details):
            return False
    for each in raw["choices"]:
        message = each.get("message")
        if each.keys() != CHOICE or not isinstance(message, dict) or message.get("annotations", ()) is None:
            return False
        if message.keys() - {"annotations"} != MESSAGE or not isinstance(message["content"], str | None):
            return False
    return True


def lean_already(value: Mapping[str, Any]) -> bool:
    """Whether `lean` would leave everything in."""
    found = value.values()
    return None not in found and [] not in found and LITELLMS.isdisjoint(value)


def choice(raw: Mapping[str, Any]) -> JsonObject:
    out = lean(raw)
    message = {"role": "assistant", "content": None, "refusal": None, **spoken(raw.get("message") or {})}
    for call in message.get("tool_calls") or ():
        call.pop("index", None)
    out.update(index=raw.get("index", 0), message=message)
    for name in NULLABLE:
        out.setdefault(name, None)
    return out


def chunk_body(raw: Mapping[str, Any], begun: set[int]) -> JsonObject:
    """A chat.completion.chunk without usage. A choice's first delta says the role, no other does; `begun` is kept up."""
    body = lean(raw)
    body.pop("usage", None)
    body["object"] = "chat.completion.chunk"
    body["choices"] = []
    for item in raw.get("choices") or ():
        index = count(item.get("index"))
        body["choices"].append(delta_choice(item, index, first=index not in begun))
        begun.add(index)
    return body


def delta_choice(raw: Mapping[str, Any], index: int, *, first: bool) -> JsonObject:
    out = lean(raw)
    delta = spoken(raw.get("delta") or {})
    delta.pop("role", None)
    out["index"], out["delta"] = index, {"role": "assistant", **delta} if first else delta
    for name in NULLABLE:
        out.setdefault(name, None)
    return out


def spoken(raw: Mapping[str, Any]) -> JsonObject:
    """A message or delta: content as one string, thoughts under `reasoning_content`, whatever the provider calls them."""
    out = lean(raw)
    if isinstance(out.get("reasoning"), str):
        out["reasoning_content"] = out.pop("reasoning")
    if isinstance(out.get("content"), list):
        texts, thoughts = parted(out.pop("content"))
        out |= {"content": texts} if texts or not thoughts else {}
        out |= {"reasoning_content": thoughts} if thoughts else {}
    if out.get("tool_calls"):
        out["tool_calls"] = [
            {**lean(call), **{name: lean(call[name]) for name in CALLED if isinstance(call.get(name), Mapping)}}
            for call in out["tool_calls"]
        ]
    return out


def parted(parts: list[Any]) -> tuple[str, str]:
    """Mistral's list of parts as text and thoughts."""
    texts, thoughts = [], []
    for part in parts:
        if isinstance(part, Mapping) and part.get("type") == "thinking":
            thoughts += [
                str(each.get("text") or "") for each in part.get("thinking") or () if isinstance(each, Mapping)
            ]
        elif isinstance(part, Mapping):
            texts.append(str(part.get("text") or ""))
    return "".join(texts), "".join(thoughts)


def shows(delta: Mapping[str, Any]) -> bool:
    """Whether a delta carries something a client would show or act on."""
    for name, value in delta.items():  # noqa: SIM110 - a third of the time of any()
        if value and name != "role":
            return True
    return False


def usage_body(raw: Mapping[str, Any]) -> JsonObject:
    """Usage with its details, without LiteLLM's cost and its doubles of token classes."""
    out: JsonObject = {}
    for name, value in raw.items():
        if value is None or name in UNCOUNTED:
            continue
        out[name] = lean(value) if isinstance(value, Mapping) else value
    return out


def usage_in(raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The usage that a body or a chunk tells of; Groq puts it into a member of its own."""
    found = raw.get("usage")
    if not isinstance(found, dict) and "x_groq" in raw:
        found = raw["x_groq"].get("usage") if isinstance(raw["x_groq"], dict) else None
    return found if isinstance(found, dict) else None


def usage_of(raw: Mapping[str, Any] | None) -> Usage | None:
    """Token classes of OpenAI-shaped usage; None when there is none."""
    if raw is None:
        return None
    given = raw.get("prompt_tokens_details") or {}
    made = raw.get("completion_tokens_details") or {}
    return Usage(
        input=count(raw.get("prompt_tokens")),
        output=count(raw.get("completion_tokens")),
        cached_input=count(given.get("cached_tokens"))
        or count(raw.get("cache_read_input_tokens"))
        or count(raw.get(DEEPSEEKS_HITS)),
        cache_write=count(given.get("cache_creation_tokens"))
        or count(given.get("cache_write_tokens"))
        or count(raw.get("cache_creation_input_tokens")),
        reasoning=count(made.get("reasoning_tokens")),
        audio_input=count(given.get("audio_tokens")),
        audio_output=count(made.get("audio_tokens")),
    )


def with_thoughts_counted(raw: JsonObject) -> JsonObject:
    """A document of xAI's with its usage as OpenAI counts: there, output is without the tokens of thought. Changed in place."""
    usage = raw.get("usage")
    if isinstance(usage, dict):
        given, made = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
        thought = count((usage.get("completion_tokens_details") or {}).get("reasoning_tokens"))
        total = count(usage.get("total_tokens"))
        if thought and total == given + made + thought:
            usage["completion_tokens"] = made + thought
        usage["total_tokens"] = max(total, given + made)
    for each in raw.get("choices") or ():
        if each.get("finish_reason") == "" and (each.get("message") or {}).get("tool_calls"):
            each["finish_reason"] = "tool_calls"
    return raw


def count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def embeddings_body(raw: Mapping[str, Any], encoding: str | None) -> JsonObject:
    """A list of embeddings, as floats or as base64 of little-endian float32."""
    data = []
    for index, item in enumerate(raw.get("data") or ()):
        vector = item["embedding"]
        floats = unpacked(vector) if isinstance(vector, str) else vector
        shown: Any = packed(floats) if encoding == "base64" else floats
        data.append({"object": "embedding", "index": item.get("index", index), "embedding": shown})
    usage = raw.get("usage") or {}
    given = count(usage.get("prompt_tokens"))
    return {
        "object": "list",
        "data": data,
        "model": raw.get("model"),
        "usage": {"prompt_tokens": given, "total_tokens": max(given, count(usage.get("total_tokens")))},
    }


def packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpacked(text: str) -> list[float]:
    data = base64.b64decode(text)
    return list(struct.unpack(f"<{len(data) // 4}f", data))
