"""Which tools the simulated model calls, with which arguments, and what it says once it has their results.

It calls when it must, or when the prompt speaks of what a tool is called or described as; several tools, or one tool
for several names ("Boston and New Delhi"), at once where parallel calls are allowed.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from gateway.fleet import schema
from gateway.fleet.brief import content_words
from gateway.fleet.faults import unmarked
from gateway.fleet.shapes import ModelRequest, Tool, Turn
from gateway.fleet.strings import entities

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")
_VERBS = frozenset({"get", "set", "fetch", "find", "make", "run", "call", "tool", "function", "the", "return", "to"})
_MOST_CALLS = 4
_WORDS_OF_DESCRIPTION = 2  # that must be in the prompt


def calls(request: ModelRequest, seed: int) -> list[tuple[str, str, str]]:
    """Name, JSON arguments and id of each call; none when the model answers with text."""
    prompt = unmarked(request.last_user_text)
    chosen = _chosen(request, prompt)
    if not chosen:
        return []
    made = [(tool, turn) for tool in chosen for turn in range(_turns(tool, request, prompt))]
    if not request.parallel_tools:
        made = made[:1]
    found = []
    for place, (tool, turn) in enumerate(made[:_MOST_CALLS]):
        arguments = json.dumps(schema.instance(tool.schema, prompt, seed, turn), ensure_ascii=False)
        digest = hashlib.blake2b(f"{request.input_tokens}|{place}|{arguments}".encode(), digest_size=12)
        found.append((tool.name, arguments if tool.schema.get("properties") else "{}", digest.hexdigest()))
    return found


def report(turns: tuple[Turn, ...]) -> str:
    """What the model says when the last thing it got are results of tools."""
    results: list[Turn] = []
    for turn in reversed(turns):
        if turn.role != "tool":
            break
        results.insert(0, turn)
    told = [f"{_spoken(turn.name) or 'The tool'}: {_plain(turn.text)}" for turn in results]
    if len(told) == 1:
        return f"Here is what I found. {told[0]}."
    return "Here is what I found.\n\n" + "\n".join(f"- {line}" for line in told)


def _chosen(request: ModelRequest, prompt: str) -> list[Tool]:
    named = [tool for tool in request.tools if tool.name == request.tool_choice]
    if named or not request.tools or request.tool_choice == "none":
        return named
    answered = bool(request.turns) and request.turns[-1].role == "tool"
    words = {_stem(word) for word in content_words(prompt)}
    suggested = [tool for tool in request.tools if _fits(tool, words)]
    if request.tool_choice == "required":
        return suggested or [request.tools[0]]
    return [] if answered else suggested


def _fits(tool: Tool, words: set[str]) -> bool:
    own = {_stem(word) for word in _CAMEL.split(tool.name) if len(word) > 1 and word.lower() not in _VERBS}
    described = {_stem(word) for word in content_words(tool.description)} - {_stem(verb) for verb in _VERBS}
    return bool(own & words) or len(described & words) >= _WORDS_OF_DESCRIPTION


def _stem(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and len(word) > 3 else word


def _turns(tool: Tool, request: ModelRequest, prompt: str) -> int:
    """How often to call: once for each name in the prompt, when the arguments differ by it."""
    names = entities(prompt)
    if len(names) < 2 or not request.parallel_tools or " and " not in prompt:
        return 1
    first, second = (schema.instance(tool.schema, prompt, 0, turn) for turn in (0, 1))
    texts = [value for made in (first, second) if isinstance(made, dict) for value in made.values()]
    return len(names) if names[0] in texts and names[1] in texts else 1


def _spoken(name: str) -> str:
    """`get_weather` as a person would say it: "Weather"."""
    words = [word for word in _CAMEL.split(name) if word and word.lower() not in _VERBS]
    return " ".join(words).capitalize() or name


def _plain(result: str) -> str:
    try:
        value: Any = json.loads(result)
    except ValueError:
        return result.strip().rstrip(".")
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_short(item)}" for key, item in value.items())
    return _short(value)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
