"""Reads OpenAI's request bodies; what OpenAI would refuse is refused with its own words, parameter and code."""

from __future__ import annotations

from typing import Any

from gateway.fleet import checks
from gateway.fleet.checks import bad
from gateway.fleet.shapes import Image, JsonObject, ModelRequest, Tool, Turn

REASONING = {"none": 0, "minimal": 0, "low": 16, "medium": 32, "high": 64, "xhigh": 128, "max": 128}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_MAX_INPUTS = 2048


def chat(model: str, body: JsonObject) -> ModelRequest:
    """Read the body of POST /v1/chat/completions."""
    turns = _turns(body)
    checks.within(body, "temperature", 0, 2)
    checks.within(body, "top_p", 0, 1)
    checks.within(body, "presence_penalty", -2, 2)
    checks.within(body, "frequency_penalty", -2, 2)
    if checks.within(body, "top_logprobs", 0, 20) and not body.get("logprobs"):
        raise bad("'top_logprobs' is only allowed when 'logprobs' is enabled.", "top_logprobs")
    tools, choice = _tools(body)
    return ModelRequest(
        wire="openai",
        endpoint="chat",
        model=model,
        body=body,
        stream=checks.member(body, "stream", bool, default=False),
        turns=turns,
        tools=tools,
        tool_choice=choice,
        parallel_tools=body.get("parallel_tool_calls") is not False and "functions" not in body,
        schema=_schema(body, turns),
        max_tokens=checks.count_of(body, "max_completion_tokens") or checks.count_of(body, "max_tokens"),
        stop=_stop(body),
        choices=checks.count_of(body, "n", high=128) or 1,
        seed=checks.member(body, "seed", int),
        reasoning=_reasoning(model, body),
    )


def _reasoning(model: str, body: JsonObject) -> int:
    effort = checks.member(body, "reasoning_effort", str, default="medium")
    if effort not in REASONING:
        raise bad(f"Invalid value: '{effort}'. Supported values are: {', '.join(REASONING)}.", "reasoning_effort")
    thinks = model.startswith(("gpt-5", "gpt-6")) or (model[:1] == "o" and model[1:2].isdigit())
    return REASONING[effort] if thinks else 0


def _turns(body: JsonObject) -> tuple[Turn, ...]:
    messages = checks.member(body, "messages", list)
    if messages is None:
        raise bad("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not messages:
        raise bad(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.", "messages", "empty_array"
        )
    names: dict[str, str] = {}
    return tuple(_turn(message, f"messages[{place}]", names) for place, message in enumerate(messages))


def _turn(message: Any, path: str, names: dict[str, str]) -> Turn:
    if not isinstance(message, dict):
        raise bad(f"Invalid type for '{path}': expected an object.", path, "invalid_type")
    role = message.get("role")
    if role == "function":
        return Turn("tool", str(message.get("content") or ""), name=str(message.get("name") or ""))
    if role not in _ROLES:
        raise bad(f"Invalid value: '{role}'. Supported values are: {', '.join(_ROLES)}.", f"{path}.role")
    calls = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        names[str(call.get("id"))] = str(function.get("name"))
        calls.append((str(function.get("name")), str(function.get("arguments"))))
    text, images = _content(
        message.get("content"), f"{path}.content", allow_missing=bool(calls or "function_call" in message)
    )
    name = names.get(str(message.get("tool_call_id")), "") if role == "tool" else ""
    return Turn(_ROLES[role], text, images, tuple(calls), name)


def _content(content: Any, path: str, *, allow_missing: bool) -> tuple[str, tuple[Image, ...]]:
    if content is None and allow_missing:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise bad(f"Invalid type for '{path}': expected a string or an array of parts.", path, "invalid_type")
    texts, images = [], []
    for place, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            texts.append(str(part.get("text", "")))
        elif kind == "image_url":
            images.append(_image(part.get("image_url"), f"{path}[{place}].image_url.url"))
        elif kind not in {"input_audio", "file", "refusal"}:
            raise bad(f"Invalid value: '{kind}'.", f"{path}[{place}].type")
    return "\n".join(texts), tuple(images)


def _image(value: Any, path: str) -> Image:
    url = value.get("url") if isinstance(value, dict) else None
    if not isinstance(url, str):
        raise bad(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
    if not url.startswith("data:"):
        return Image("image", url=url)
    media_type, _, encoded = url[len("data:") :].partition(";base64,")
    return checks.image_of(media_type, encoded, path)


def _tools(body: JsonObject) -> tuple[tuple[Tool, ...], str]:
    legacy = checks.member(body, "functions", list)
    declared = legacy or [item.get("function") or {} for item in checks.member(body, "tools", list, default=[])]
    tools = []
    for place, function in enumerate(declared):
        name = function.get("name")
        if not isinstance(name, str) or not name:
            path = f"functions[{place}].name" if legacy else f"tools[{place}].function.name"
            raise bad(f"Missing required parameter: '{path}'.", path, "missing_required_parameter")
        schema = function.get("parameters") or {"type": "object", "properties": {}}
        tools.append(Tool(name, str(function.get("description") or ""), schema))
    choice = body.get("function_call" if legacy else "tool_choice")
    if choice is not None and not tools:
        raise bad("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, dict):
        choice = (choice.get("function") or choice).get("name")
        if choice not in {tool.name for tool in tools}:
            raise bad(f"Tool choice '{choice}' not found in 'tools' parameter.", "tool_choice")
    return tuple(tools), str(choice or "auto")


def _schema(body: JsonObject, turns: tuple[Turn, ...]) -> JsonObject | None:
    wanted = checks.member(body, "response_format", dict, default={})
    kind = wanted.get("type", "text")
    if kind == "json_object":
        if not any("json" in turn.text.lower() for turn in turns):
            raise bad(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
                "messages",
            )
        return checks.ANY_OBJECT
    if kind == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema")
        if not isinstance(schema, dict):
            raise bad(
                "Missing required parameter: 'response_format.json_schema.schema'.",
                "response_format.json_schema.schema",
                "missing_required_parameter",
            )
        return schema
    if kind != "text":
        raise bad(f"Invalid value: '{kind}'.", "response_format.type")
    return None


def _stop(body: JsonObject) -> tuple[str, ...]:
    stop = checks.member(body, "stop", (str, list), default=[])
    sequences = [stop] if isinstance(stop, str) else stop
    if len(sequences) > 4 or not all(isinstance(item, str) for item in sequences):
        raise bad("Invalid 'stop': expected a string or an array of at most 4 strings.", "stop")
    return tuple(sequences)


def embeddings(model: str, body: JsonObject) -> ModelRequest:
    """Read the body of POST /v1/embeddings."""
    given = checks.member(body, "input", (str, list))
    if given is None or given in ("", []):
        raise bad("Invalid 'input': it may not be missing or empty.", "input")
    if checks.member(body, "encoding_format", str, default="float") not in {"float", "base64"}:
        raise bad("Invalid 'encoding_format': expected 'float' or 'base64'.", "encoding_format")
    checks.count_of(body, "dimensions", high=3072)
    if isinstance(given, str) or all(isinstance(item, int) for item in given):
        given = [given]
    if len(given) > _MAX_INPUTS:
        raise bad(f"Invalid 'input': at most {_MAX_INPUTS} items.", "input")
    return ModelRequest("openai", "embeddings", model, body, inputs=tuple(map(_embedding_input, given)))


def _embedding_input(item: Any) -> str | tuple[int, ...]:
    if isinstance(item, str) and item:
        return item
    if isinstance(item, list) and item and all(isinstance(token, int) for token in item):
        return tuple(item)
    raise bad("Invalid 'input': expected strings or arrays of tokens, none of them empty.", "input")
