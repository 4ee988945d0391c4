"""What the parts of one of Gemini's candidates say: text, thoughts, calls of functions, images, sound.

As LiteLLM translates them, less what it adds for itself (signatures as members of their own, calls that Google ran). A
part that lacks what its kind must have raises whatever it raises: the lane calls such an answer unreadable.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Sequence
from typing import Any

from gateway.types import JsonObject

SIGNED = "__thought__"  # LiteLLM finds a call's signature behind this mark of its id, when the call comes back
SOUND, IMAGE = "audio/", "image/"
KEPT_FOR = 24 * 60 * 60  # seconds: what LiteLLM says of sound, which Gemini does not keep at all


def new_name() -> str:
    """For an answer that Gemini gave no name, as LiteLLM makes them."""
    return f"chatcmpl-{uuid.uuid4()}"


def spoken(parts: Sequence[JsonObject]) -> JsonObject:
    """The members of a message or delta that hold text, thoughts and images; only those that there are."""
    texts: list[str] = []
    thoughts: list[str] = []
    for part in parts:
        text: str = part["text"] if "text" in part else written(part)
        heard = text.startswith("data:audio") and sound_in(text) is not None
        if text and not heard:
            (thoughts if part.get("thought") is True else texts).append(text)
    out: JsonObject = {}
    if texts:
        out["content"] = "".join(texts)
    if thoughts:
        out["reasoning_content"] = "".join(thoughts)
    images = [drawn(part["inlineData"]) for part in parts if kind_of(part).startswith(IMAGE)]
    if images:
        out["images"] = images
    return out


def called(parts: Sequence[JsonObject], first: int) -> list[JsonObject]:
    """The calls of functions, numbered from `first`. A signature travels in the call's id, as it does with LiteLLM."""
    calls: list[JsonObject] = []
    for part in parts:
        if "functionCall" in part:
            call, signature = part["functionCall"], part.get("thoughtSignature")
            identity = call.get("id") or f"call_{uuid.uuid4().hex[:28]}"
            made = {"name": call["name"], "arguments": json.dumps(call["args"], ensure_ascii=False)}
            calls.append(
                {
                    "id": f"{identity}{SIGNED}{signature}" if signature else identity,
                    "type": "function",
                    "function": made,
                    "index": first + len(calls),
                }
            )
    return calls


def thinking_blocks(parts: Sequence[JsonObject]) -> list[JsonObject]:
    """The thoughts as blocks of their own, with their signatures."""
    blocks: list[JsonObject] = []
    for part in parts:
        if part.get("thought") is True:
            block = {"type": "thinking", "thinking": part.get("text", "")}
            if part.get("thoughtSignature") is not None:
                block["signature"] = part["thoughtSignature"]
            blocks.append(block)
    return blocks


def sound(parts: Sequence[JsonObject], now: float) -> JsonObject | None:
    """OpenAI's audio member out of the first part that holds sound. `now`: Unix seconds."""
    for part in parts:
        data = None
        if "text" in part:
            if part["text"].startswith("data:audio"):
                data = sound_in(part["text"])
        elif kind_of(part).startswith(SOUND):
            data = part["inlineData"].get("data", "")
        if data is not None:
            return {"id": str(uuid.uuid4()), "data": data, "expires_at": int(now) + KEPT_FOR, "transcript": ""}
    return None


def kind_of(part: JsonObject) -> str:
    """The type of a part's data; empty where it has none."""
    kind: str = part["inlineData"].get("mimeType", "") if "inlineData" in part else ""
    return kind


def written(part: JsonObject) -> str:
    """Data as text, but for images and sound, which have members of their own."""
    if "inlineData" not in part or kind_of(part).startswith((IMAGE, SOUND)):
        return ""
    return data_uri(part["inlineData"])


def drawn(blob: JsonObject) -> JsonObject:
    return {"image_url": {"url": data_uri(blob), "detail": "auto"}, "index": 0, "type": "image_url"}


def data_uri(blob: JsonObject) -> str:
    return f"data:{blob.get('mimeType', '')};base64,{blob.get('data', '')}"


def sound_in(text: str) -> str | None:
    """The base64 of a text that is nothing but sound as a data URI."""
    head, mark, data = text.partition(";base64,")
    if not mark or not head.startswith("data:audio/") or "," in head or "data:" in head[5:]:
        return None
    try:
        return data if base64.b64encode(base64.b64decode(data, validate=True)).decode() == data else None
    except (binascii.Error, ValueError):
        return None


def logprobs(told: JsonObject | None) -> JsonObject | None:
    """Log probabilities of the chosen tokens and of those beside them."""
    if told is None or "chosenCandidates" not in told:
        return None
    beside = told.get("topCandidates", ())
    return {
        "content": [
            {**token(chosen), "top_logprobs": [token(each) for each in tops(beside, place)]}
            for place, chosen in enumerate(told["chosenCandidates"])
        ]
    }


def tops(beside: Sequence[Any], place: int) -> Any:
    return beside[place]["candidates"] if place < len(beside) else ()


def token(told: JsonObject) -> JsonObject:
    return {"token": told["token"], "logprob": told["logProbability"]}


def annotated(grounding: Sequence[Any]) -> list[JsonObject]:
    """OpenAI's citations: which piece of the text rests on which page. Only the first page of each piece is named."""
    found: list[JsonObject] = []
    for item in grounding:
        pages = {place: chunk["web"] for place, chunk in enumerate(item.get("groundingChunks", ())) if "web" in chunk}
        for support in item.get("groundingSupports", ()):
            segment, places = support.get("segment", {}), support.get("groundingChunkIndices")
            start, end = segment.get("startIndex"), segment.get("endIndex")
            if start is None or end is None or not places or places[0] not in pages:
                continue
            page = pages[places[0]]
            cited = {"start_index": start, "end_index": end, "url": page.get("uri", ""), "title": page.get("title", "")}
            found.append({"type": "url_citation", "url_citation": cited})
    return found
