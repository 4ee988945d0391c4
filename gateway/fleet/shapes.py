"""The values that every wire shares: what was asked, what the model said, what it cost, and a refusal.

A wire turns its own JSON into a `ModelRequest` and a `Generation` into its own JSON; nothing else knows a format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.fleet import tokenizer

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it came in; width and height are None when its bytes do not tell."""

    media_type: str
    width: int | None = None
    height: int | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `text` is all its text; `name` is the tool's when `role` is "tool"."""

    role: str  # "system", "user", "assistant" or "tool"
    text: str
    images: tuple[Image, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()  # tool name and JSON arguments
    name: str = ""

    @property
    def tokens(self) -> int:
        called = sum(tokenizer.count(name) + tokenizer.count(arguments) for name, arguments in self.calls)
        images = tokenizer.IMAGE_TOKENS * len(self.images)
        return tokenizer.MESSAGE_TOKENS + tokenizer.count(self.text) + called + images


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    schema: JsonObject


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request, whatever wire it came on. `body` is the wire's own JSON, for what only that wire knows."""

    wire: str
    endpoint: str  # "chat", "embeddings", "count_tokens" or "models"
    model: str
    body: JsonObject = field(default_factory=dict)
    stream: bool = False
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = "auto"  # "auto", "none", "required" or a tool's name
    parallel_tools: bool = True
    schema: JsonObject | None = None  # the answer is JSON that fits it
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    choices: int = 1
    seed: int | None = None
    reasoning: int = 0  # tokens the model thinks before it answers
    reasoning_shown: bool = False
    inputs: tuple[str | tuple[int, ...], ...] = ()  # what to embed
    cacheable: int = 0  # how many of the first turns the client marked for the prompt cache

    @property
    def input_tokens(self) -> int:
        texts = sum(len(item) if isinstance(item, tuple) else tokenizer.count(item) for item in self.inputs)
        return sum(turn.tokens for turn in self.turns) + tokenizer.count(self.tools_text) + texts

    @property
    def tools_text(self) -> str:
        """The tools as the model is shown them."""
        return "\n".join(f"{tool.name} {tool.description} {tool.schema}" for tool in self.tools)

    @property
    def last_user_text(self) -> str:
        """The text of the last user message: where fault markers are looked for and what an echo model repeats."""
        return next((turn.text for turn in reversed(self.turns) if turn.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an answer: thinking, text, or one tool call, whose tokens are its JSON arguments."""

    kind: str  # "thinking", "text" or "tool"
    tokens: tuple[str, ...]
    name: str = ""
    call_id: str = ""

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    @property
    def arguments(self) -> Any:
        """A call's arguments; nothing when the token limit cut them off."""
        try:
            return json.loads(self.text)
        except ValueError:
            return {}


@dataclass(frozen=True, slots=True)
class Reply:
    """One choice. `finish` is "stop", "length", "tool" or "stop_sequence" (then `stop_sequence` says which)."""

    parts: tuple[Part, ...]
    finish: str = "stop"
    stop_sequence: str | None = None
    reasoning: int = 0  # tokens of thought, shown or hidden

    def text_of(self, kind: str) -> str:
        return "".join(part.text for part in self.parts if part.kind == kind)

    @property
    def output_tokens(self) -> int:
        shown = sum(len(part.tokens) for part in self.parts if part.kind != "thinking")
        return shown + self.reasoning


@dataclass(frozen=True, slots=True)
class Tally:
    """Token counts. `input` and `output` are totals; the others are parts of them."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """A whole answer as the model made it, before pacing and faults."""

    id: str
    created: int  # Unix seconds
    replies: tuple[Reply, ...]
    usage: Tally


class Refusal(Exception):
    """The request is answered with an error. `code` is the fleet's own word; each wire has its own for it."""

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.facts: dict[str, object] = {}  # what a wire needs to say it in its provider's words


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers (names in lower case)."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
