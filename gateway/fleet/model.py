"""The simulated model: what it says to a request, before pacing, faults and wire formats.

The answer depends on nothing but the messages and the seed, so that any deployment of any provider can continue
what another one began.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from gateway.fleet import schema, text, tokenizer, tools
from gateway.fleet.faults import unmarked
from gateway.fleet.shapes import ModelRequest, Part, Reply, Turn

_CONTINUE = "continue from here"
_GO_ON = re.compile(
    r"^(?:please,? |now,? )*continue\b|\bcontinue\b.{0,40}?\b(?:where|from here|exactly|your (?:answer|text))\b",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST_TAIL = 160
_SHORTEST_TAIL = 8
_THOUGHT = (
    "The request is clear. I settle on the reader, the main point and the order of the parts, then write it down. "
)


def generate(request: ModelRequest) -> tuple[Reply, ...]:
    """One reply a choice. They differ; the first is the same whatever the number of choices."""
    return tuple(_limited(_reply(request, (request.seed or 0) + number), request) for number in range(request.choices))


def _reply(request: ModelRequest, seed: int) -> Reply:
    thinking = _thinking(request)
    calls = tools.calls(request, seed)
    if calls:
        parts = tuple(
            Part("tool", tokenizer.split(arguments), name=name, call_id=call_id) for name, arguments, call_id in calls
        )
        return Reply((*thinking, *parts), finish="tool", reasoning=request.reasoning)
    said = Part("text", tokenizer.split(_text(request, seed)))
    return Reply((*thinking, said), reasoning=request.reasoning)


def _thinking(request: ModelRequest) -> tuple[Part, ...]:
    if not request.reasoning_shown or not request.reasoning:
        return ()
    thought = tokenizer.split(_THOUGHT * (1 + request.reasoning // tokenizer.count(_THOUGHT)))
    return (Part("thinking", thought[: request.reasoning]),)


def _text(request: ModelRequest, seed: int) -> str:
    turns, begun = _begun(request.turns)
    prompt = next((turn.text for turn in reversed(turns) if turn.role == "user"), "")
    if "echo" in request.model:
        whole = prompt
    elif request.schema is not None:
        value = schema.instance(request.schema, unmarked(prompt), seed)
        whole = json.dumps(value, ensure_ascii=False)
    elif turns and turns[-1].role == "tool":
        whole = tools.report(turns)
    else:
        system = "\n".join(turn.text for turn in turns if turn.role == "system")
        images = [image for turn in turns for image in turn.images]
        whole = text.compose(unmarked(prompt), system, seed, images)
    return _rest(whole, begun)


def _begun(turns: tuple[Turn, ...]) -> tuple[tuple[Turn, ...], str]:
    """The turns that ask, and the text the answer has already: a prefill, or what came before "continue from here"."""
    if not turns:
        return turns, ""
    last = turns[-1]
    if last.role == "assistant":
        return turns[:-1], last.text
    if last.role != "user" or not _GO_ON.search(last.text):
        return turns, ""
    before, marker, after = _partition(last.text)
    if marker and after.strip():
        asked = (*turns[:-1], replace(last, text=before)) if before.strip() else turns[:-1]
        return asked, after.lstrip(": \n")
    answered = next((at for at in range(len(turns) - 2, -1, -1) if turns[at].role == "assistant"), None)
    if answered is None:
        return turns, ""
    return turns[:answered], turns[answered].text


def _partition(asked: str) -> tuple[str, str, str]:
    at = asked.lower().find(_CONTINUE)
    if at < 0:
        return asked, "", ""
    return asked[:at], asked[at : at + len(_CONTINUE)], asked[at + len(_CONTINUE) :]


def _rest(whole: str, begun: str) -> str:
    """What follows `begun` in `whole`: by the whole beginning, else by the longest tail that is found, else all."""
    if not begun:
        return whole
    if whole.startswith(begun):
        return whole[len(begun) :]
    for length in range(min(_LONGEST_TAIL, len(begun)), _SHORTEST_TAIL - 1, -1):
        at = whole.find(begun[-length:])
        if at >= 0:
            return whole[at + length :]
    return whole


def _limited(reply: Reply, request: ModelRequest) -> Reply:
    """Cut at the first stop sequence, then at the token limit; thinking takes at most a quarter of the limit."""
    reply = _stopped(reply, request.stop)
    limit = request.max_tokens
    if limit is None or reply.output_tokens <= limit:
        return reply
    reasoning = min(reply.reasoning, limit // 4)
    left = limit - reasoning
    kept: list[Part] = []
    for part in reply.parts:
        room = reasoning if part.kind == "thinking" else left
        tokens = part.tokens[:room]
        if part.kind != "thinking":
            left -= len(tokens)
        if tokens or part.kind == "text":
            kept.append(replace(part, tokens=tokens))
    cut = _said(kept) < _said(reply.parts)
    return Reply(tuple(kept), "length" if cut else reply.finish, None if cut else reply.stop_sequence, reasoning)


def _said(parts: Iterable[Part]) -> int:
    return sum(len(part.tokens) for part in parts if part.kind != "thinking")


def _stopped(reply: Reply, stop: tuple[str, ...]) -> Reply:
    said = reply.text_of("text")
    found = sorted((said.find(sequence), sequence) for sequence in stop if sequence and sequence in said)
    if not found:
        return reply
    at, sequence = found[0]
    parts = (*(part for part in reply.parts if part.kind != "text"), Part("text", tokenizer.split(said[:at])))
    return Reply(parts, "stop_sequence", sequence, reply.reasoning)
