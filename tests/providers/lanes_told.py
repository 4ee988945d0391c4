"""What a client gets through a lane, put so that the same answer through two lanes is the same value.

Frames are read as OpenAI's clients read them: events by the WHATWG's rules, deltas put together member by member.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from gateway.errors import Fault, ProviderError
from gateway.ledger.prices import cost
from gateway.ports import Provider, ProviderRequest
from gateway.providers.params import OPENAI_FORMAT
from gateway.types import Chunk, JsonObject, Usage
from tests.providers.clientside import events

ONCE = frozenset({"id", "object", "created", "model"})  # a stream says these alike in every chunk
OUR_WORDS = frozenset(
    {Fault.RESET, Fault.MALFORMED, Fault.TIMEOUT, Fault.CONNECT, Fault.TRUNCATED}
)  # name a library's error
NAMELESS = frozenset({"anthropic", "gemini"})
LAST = frozenset({"index", "type", "role"})  # of two, the later one counts; other strings are put together


@dataclass(slots=True)
class Told:
    """`answer`: a whole body, or a stream's chunks put together. `error`: all that a ProviderError tells."""

    answer: Any = None
    error: dict[str, Any] | None = None
    usage: Usage | None = None
    cost: int | None = None
    finish: str | None = None
    text: str = ""
    events: int = 0  # with content, of a stream
    problems: list[str] = field(default_factory=list)  # of our own making, that a client would stumble over
    misfits: list[str] = field(default_factory=list)  # what OpenAI's own types do not take


async def told(lane: Provider, request: ProviderRequest, *, stream: bool) -> Told:
    """All that one attempt through this lane gives."""
    out = Told()
    try:
        await (_streamed if stream else _whole)(lane, request, out)
    except ProviderError as error:
        out.error = {name: getattr(error, name) for name in ("fault", "status", "code", "param", "retry_after")}
        if error.fault not in OUR_WORDS:
            out.error["message"] = error.message
    if out.usage is not None:
        out.cost = cost(request.deployment.price, out.usage)
    return out


async def _whole(lane: Provider, request: ProviderRequest, out: Told) -> None:
    completion = await lane.complete(request)
    out.answer = json.loads(json.dumps(completion.body))
    out.usage, out.finish = completion.usage, completion.finish
    if completion.data and json.loads(completion.data) != out.answer:
        out.problems.append("the bytes are not the body")
    if "choices" in out.answer:
        out.misfits += _misfits(ChatCompletion, out.answer)


async def _streamed(lane: Provider, request: ProviderRequest, out: Told) -> None:
    chunks: list[Chunk] = []
    frames: list[JsonObject] = []
    async with contextlib.aclosing(lane.stream(request)) as stream:
        try:
            async for chunk in stream:
                chunks.append(chunk)
                out.text += chunk.text
                out.events += chunk.count if chunk.content else 0
                out.finish = chunk.finish or out.finish
                out.usage = chunk.usage or out.usage
        finally:
            for each in chunks:
                found = [*events(each.frame)] if each.frame else []
                out.problems += _placed(each, found)
                frames += found
            out.misfits += [misfit for frame in frames for misfit in _misfits(ChatCompletionChunk, frame)]
            out.problems += _order(frames)
            out.answer = put_together(frames)


def _placed(chunk: Chunk, frames: list[JsonObject]) -> Iterator[str]:
    """What a chunk says of its frame has to be so."""
    used = [frame for frame in frames if frame.get("usage") is not None]
    if used and not chunk.usage_only:
        yield "usage travels with content"
    if chunk.usage_only and (len(frames) != 1 or not used):
        yield "a chunk of usage is not one"
    shown = sum(any(_shows(choice["delta"]) for choice in frame["choices"]) for frame in frames)
    if chunk.content != bool(shown) or (chunk.content and chunk.count != shown):
        yield f"{shown} events with content are called {chunk.count if chunk.content else 0}"
    contents = [choice["delta"].get("content") for frame in frames for choice in frame["choices"]]
    if chunk.text != "".join(each for each in contents if isinstance(each, str)):
        yield "the text is not that of the frame"


def _shows(delta: JsonObject) -> bool:
    return any(value for name, value in delta.items() if name != "role")


def _misfits(model: type[ChatCompletion | ChatCompletionChunk], body: JsonObject) -> Iterator[str]:
    """Where OpenAI's own types do not take the body; a finish reason that only the provider knows is no such place."""
    try:
        model.model_validate(body)
    except ValidationError as error:
        for each in error.errors():
            if each["type"] != "literal_error":
                yield f"{'.'.join(map(str, each['loc']))}: {each['type']}"


def _order(frames: list[JsonObject]) -> Iterator[str]:
    """A choice begins with its role, which is said once; ids stay; the usage comes last, with no choices."""
    begun: set[int] = set()
    for place, frame in enumerate(frames):
        for choice in frame["choices"]:
            if ("role" in choice["delta"]) != (choice["index"] not in begun):
                yield f"the role of choice {choice['index']} is said at chunk {place}"
            begun.add(choice["index"])
        if frame.get("usage") is not None and (place != len(frames) - 1 or frame["choices"]):
            yield "usage is told before the last chunk"
    for name in sorted(ONCE):
        if len({json.dumps(frame.get(name)) for frame in frames}) > 1:
            yield f"`{name}` changes within the stream"


def put_together(frames: list[JsonObject]) -> JsonObject:
    """One answer out of its chunks: members of null say nothing."""
    out: JsonObject = {}
    choices: dict[int, JsonObject] = {}
    for frame in frames:
        out |= {name: value for name, value in frame.items() if value is not None and name != "choices"}
        for choice in frame["choices"]:
            known = choices.setdefault(choice["index"], {})
            for name, value in choice.items():
                known[name] = _joined(known.get(name), value, name)
    out["choices"] = [_said(choices[index]) for index in sorted(choices)]
    return out


def _joined(old: Any, new: Any, name: str) -> Any:
    """As OpenAI's client accumulates deltas: strings grow, lists of numbered items merge, other lists are appended."""
    if new is None or old is None:
        return old if new is None else new
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            key: _joined(old.get(key), new.get(key), key) for key in [*old, *(each for each in new if each not in old)]
        }
    if isinstance(old, str) and isinstance(new, str) and name not in LAST and name != "finish_reason":
        return old + new
    if isinstance(old, list) and isinstance(new, list):
        return _listed(old, new)
    return new


def _listed(old: list[Any], new: list[Any]) -> list[Any]:
    out = [*old]
    for item in new:
        at = item.get("index") if isinstance(item, dict) else None
        place = next((place for place, each in enumerate(out) if at is not None and each.get("index") == at), None)
        if place is None:
            out.append(item)
        else:
            out[place] = _joined(out[place], item, "")
    return out


def _said(value: Any) -> Any:
    """Without nulls and what is empty: a client reads neither."""
    if isinstance(value, dict):
        return {name: _said(item) for name, item in value.items() if item not in (None, "", [], {})}
    return [_said(item) for item in value] if isinstance(value, list) else value


def differences(one: Told, two: Told) -> list[str]:
    """What differs between two lanes, in words, at the first place of each member."""
    found = []
    for name in Told.__dataclass_fields__:
        mine, other = getattr(one, name), getattr(two, name)
        if canonical(mine) != canonical(other):
            found.append(f"{name}: {first_difference(mine, other)}")
    return found


def canonical(value: Any) -> str:
    """JSON, sorted: true is not 1, nor 1 is 1.0."""
    return json.dumps(value, sort_keys=True, default=str)


def first_difference(one: Any, two: Any, path: str = "") -> str:
    if isinstance(one, dict) and isinstance(two, dict):
        for name in [*one, *(each for each in two if each not in one)]:
            if canonical(one.get(name, "(absent)")) != canonical(two.get(name, "(absent)")):
                return first_difference(one.get(name, "(absent)"), two.get(name, "(absent)"), f"{path}.{name}")
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for place, (mine, other) in enumerate(zip(one, two, strict=True)):
            if canonical(mine) != canonical(other):
                return first_difference(mine, other, f"{path}[{place}]")
    return f"{path or 'it'} is {canonical(one)[:300]} or {canonical(two)[:300]}"


def comparable(found: Told, request: ProviderRequest) -> Told:
    """`found` without what LiteLLM, or each lane for providers of other formats, has to invent: times and names."""
    if found.answer is not None and request.deployment.provider not in OPENAI_FORMAT:
        found.answer.pop("created", None)
    if found.answer is not None and "model" in found.answer:  # LiteLLM puts its own name before Fireworks'
        found.answer["model"] = str(found.answer["model"]).removeprefix(f"{request.deployment.provider}/")
    if found.answer is not None and request.deployment.provider in NAMELESS:
        found.answer = made_up_ids(found.answer)
    return found


def made_up_ids(value: Any) -> Any:
    """Every id as one word: Gemini gives none to its calls."""
    if isinstance(value, dict):
        return {name: "…" if name == "id" else made_up_ids(item) for name, item in value.items()}
    return [made_up_ids(item) for item in value] if isinstance(value, list) else value
