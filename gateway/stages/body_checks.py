"""What OpenAI's API says of a body's members, as far as every provider relies on it: kinds, bounds, what must be there.

A mistake is the caller's and is told as such, by its name, before anything is sent: left to a provider's translation it
would look like that provider's failure, and take its deployment out for everybody. Unknown members are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import InvalidRequest
from gateway.stages.message_checks import check_messages, check_tools
from gateway.types import JsonObject

MOST_INPUTS = 2048
NUMBER = (int, float)
WORDS: Mapping[Any, str] = {
    bool: "true or false",
    str: "a string",
    int: "an integer",
    dict: "an object",
    list: "a list",
    NUMBER: "a number",
    (str, list): "a string or a list of strings",
    (str, dict): "a string or an object",
}
KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("logprobs", "parallel_tool_calls", "store"), bool),
    **dict.fromkeys(
        ("user", "safety_identifier", "prompt_cache_key", "reasoning_effort", "verbosity", "service_tier"), str
    ),
    **dict.fromkeys(("audio", "logit_bias", "prediction", "response_format", "thinking", "web_search_options"), dict),
    **dict.fromkeys(("tools", "functions", "modalities"), list),
    **dict.fromkeys(("tool_choice", "function_call"), (str, dict)),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), NUMBER),
    "seed": int,
    "stop": (str, list),
}


def check_model(body: JsonObject) -> None:
    model = body.get("model")
    if model is None:
        raise missing("You must provide a model.", "model")
    if not isinstance(model, str) or not model:
        raise InvalidRequest("'model' must be a string that is not empty.", param="model")


def check_chat(body: JsonObject, max_messages: int, max_n: int, *, templated: bool) -> None:
    """`templated`: a template brings messages, so the body's may be empty."""
    check_kinds(body)
    check_messages(body.get("messages"), max_messages, templated=templated)
    check_tools(body)
    integer(body, "n", 1, max_n)
    integer(body, "max_tokens", 1)
    integer(body, "max_completion_tokens", 1)
    integer(body, "top_logprobs", 0, 20)
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    check_metadata(body)


def check_embeddings(body: JsonObject) -> None:
    check_kinds(body)
    given = body.get("input")
    if given is None:
        raise missing("You must provide 'input'.", "input")
    if not isinstance(given, str | list) or not given:
        raise InvalidRequest("'input' must be a string or a list, and not empty.", param="input")
    if isinstance(given, list):
        check_inputs(given)
    if body.get("encoding_format") not in (None, "float", "base64"):
        raise InvalidRequest("'encoding_format' must be 'float' or 'base64'.", param="encoding_format")
    integer(body, "dimensions", 1)


def check_inputs(given: list[Any]) -> None:
    """Texts, tokens, or lists of tokens; never a mixture."""
    if len(given) > MOST_INPUTS:
        raise InvalidRequest(f"'input' may have at most {MOST_INPUTS} entries.", param="input")
    texts = all(isinstance(item, str) and item for item in given)
    if not texts and not tokens(given) and not all(isinstance(item, list) and item and tokens(item) for item in given):
        raise InvalidRequest(
            "'input' must hold texts, or tokens, or lists of tokens, none of them empty.", param="input"
        )


def tokens(given: list[Any]) -> bool:
    return all(isinstance(item, int) and not isinstance(item, bool) for item in given)


def check_kinds(body: JsonObject) -> None:
    """Every member of `KINDS` that is there is of its kind; a boolean is no number."""
    for name, value in body.items():
        kind = KINDS.get(name)
        if kind is None or value is None:
            continue
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InvalidRequest(f"'{name}' must be {WORDS[kind]}.", param=name)
        if name == "stop" and not all(isinstance(item, str) for item in value):
            raise InvalidRequest("'stop' must be a string or a list of strings.", param=name)


def check_metadata(body: JsonObject) -> None:
    metadata = body.get("metadata")
    if metadata is None:
        return
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise InvalidRequest("'metadata' must be an object with at most 16 entries.", param="metadata")
    for key, value in metadata.items():
        if len(key) > 64 or not isinstance(value, str) or len(value) > 512:
            raise InvalidRequest(
                "Keys of 'metadata' have at most 64 characters; its values are strings of at most 512.",
                param=f"metadata.{key[:64]}",
            )


def integer(body: JsonObject, name: str, low: int, high: int | None = None) -> None:
    """Refuse what is there and is no integer of [low, high]."""
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        span = f"between {low} and {high}" if high is not None else f"of at least {low}"
        raise InvalidRequest(f"'{name}' must be an integer {span}.", param=name)


def number(body: JsonObject, name: str, low: float, high: float) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"'{name}' must be a number between {low:g} and {high:g}.", param=name)


def missing(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="missing_required_parameter", param=param)
