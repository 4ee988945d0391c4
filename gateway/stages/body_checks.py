"""What OpenAI's API says of a body's members, as far as every provider relies on it: kinds, bounds, what must be there.

A mistake is the caller's and is told as such, by its name, before anything is sent: left to a provider's translation it
would look like that provider's failure, and take its deployment out for everybody. Unknown members are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.errors import InvalidRequest
from gateway.stages import message_checks
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
Check = Callable[[Any, str], None]  # of a value that is not null, and its member's name; raises InvalidRequest


def check_model(body: JsonObject) -> None:
    model = body.get("model")
    if model is None:
        raise missing("You must provide a model.", "model")
    if not isinstance(model, str) or not model:
        raise InvalidRequest("'model' must be a string that is not empty.", param="model")


def check_chat(body: JsonObject, checks: Mapping[str, Check], *, templated: bool) -> None:
    """`checks`: those of `chat_checks`. `templated`: a template brings messages, so the body's may be empty."""
    if not templated and not body.get("messages"):
        if body.get("messages") is None:
            raise missing("You must provide 'messages'.", "messages")
        raise InvalidRequest(message_checks.NO_LIST, param="messages")
    check_members(body, checks)


def check_embeddings(body: JsonObject) -> None:
    if body.get("input") is None:
        raise missing("You must provide 'input'.", "input")
    check_members(body, EMBEDDINGS)


def check_members(body: JsonObject, checks: Mapping[str, Check]) -> None:
    """In the order in which they stand in the body; null is as good as nothing."""
    for name, value in body.items():
        check = checks.get(name)
        if check is not None and value is not None:
            check(value, name)


def of_kind(kind: Any) -> Check:
    """A boolean is no number."""

    def check(value: Any, name: str) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InvalidRequest(f"'{name}' must be {WORDS[kind]}.", param=name)

    return check


def both(first: Check, second: Check) -> Check:
    """The second one may rely on the first."""

    def check(value: Any, name: str) -> None:
        first(value, name)
        second(value, name)

    return check


def integer(low: int, high: int | None = None) -> Check:
    """Within [low, high]."""
    span = f"between {low} and {high}" if high is not None else f"of at least {low}"

    def check(value: Any, name: str) -> None:
        if type(value) is not int or value < low or (high is not None and value > high):
            raise InvalidRequest(f"'{name}' must be an integer {span}.", param=name)

    return check


def number(low: float, high: float) -> Check:
    """Within [low, high]."""

    def check(value: Any, name: str) -> None:
        if type(value) not in NUMBER or not low <= value <= high:
            raise InvalidRequest(f"'{name}' must be a number between {low:g} and {high:g}.", param=name)

    return check


def check_stop(value: Any, name: str) -> None:
    if not all(isinstance(item, str) for item in value):
        raise InvalidRequest("'stop' must be a string or a list of strings.", param=name)


def check_metadata(metadata: Any, name: str) -> None:
    if not isinstance(metadata, dict) or len(metadata) > 16:
        raise InvalidRequest("'metadata' must be an object with at most 16 entries.", param=name)
    for key, value in metadata.items():
        if len(key) > 64 or not isinstance(value, str) or len(value) > 512:
            raise InvalidRequest(
                "Keys of 'metadata' have at most 64 characters; its values are strings of at most 512.",
                param=f"{name}.{key[:64]}",
            )


def check_input(given: Any, name: str) -> None:
    if not isinstance(given, str | list) or not given:
        raise InvalidRequest("'input' must be a string or a list, and not empty.", param=name)
    if isinstance(given, list):
        check_inputs(given)


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


def check_encoding(value: Any, name: str) -> None:
    if value not in ("float", "base64"):
        raise InvalidRequest("'encoding_format' must be 'float' or 'base64'.", param=name)


def missing(message: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, code="missing_required_parameter", param=param)


KINDS: Mapping[str, Check] = {
    **dict.fromkeys(("logprobs", "parallel_tool_calls", "store"), of_kind(bool)),
    **dict.fromkeys(
        ("user", "safety_identifier", "prompt_cache_key", "reasoning_effort", "verbosity", "service_tier"),
        of_kind(str),
    ),
    **dict.fromkeys(
        ("audio", "logit_bias", "prediction", "response_format", "thinking", "web_search_options"), of_kind(dict)
    ),
    **dict.fromkeys(("tools", "functions", "modalities"), of_kind(list)),
    **dict.fromkeys(("tool_choice", "function_call"), of_kind((str, dict))),
    **dict.fromkeys(("presence_penalty", "frequency_penalty"), of_kind(NUMBER)),
    "seed": of_kind(int),
    "stop": both(of_kind((str, list)), check_stop),
}
EMBEDDINGS: Mapping[str, Check] = {
    **KINDS,
    "input": check_input,
    "encoding_format": check_encoding,
    "dimensions": integer(1),
}
SHAPES: Mapping[str, Check] = {
    "tools": message_checks.check_tools,
    "functions": message_checks.check_functions,
    "tool_choice": message_checks.check_choice,
    "function_call": message_checks.check_function_call,
    "response_format": message_checks.check_format,
}


def chat_checks(max_messages: int, max_n: int) -> Mapping[str, Check]:
    """By the member's name, with the admin's bounds."""
    return {
        **KINDS,
        **{name: both(KINDS[name], check) for name, check in SHAPES.items()},
        "messages": message_checks.messages_check(max_messages),
        "n": integer(1, max_n),
        "max_tokens": integer(1),
        "max_completion_tokens": integer(1),
        "top_logprobs": integer(0, 20),
        "temperature": number(0, 2),
        "top_p": number(0, 1),
        "metadata": check_metadata,
    }
