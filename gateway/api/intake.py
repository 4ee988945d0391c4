"""A parsed request becomes a `Call`: headers and LiteLLM's extra members are taken out of it and checked.

What stays in the body goes to the provider as it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.types import Scope

from gateway.api.head import Asking, as_text, head_of, lines
from gateway.errors import InvalidRequest
from gateway.ids import hexadecimal
from gateway.ports import Clock
from gateway.trace_context import received
from gateway.types import Call, Endpoint, JsonObject, Options

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")
TAKEN = (
    "prompt", "prompt_id", "prompt_version", "prompt_variables", "tags", "fallbacks", "num_retries", "timeout",
    "priority", "mock_response", "mock_testing_fallbacks",
)  # fmt: skip
READ_TIMEOUT = b"x-stainless-read-timeout"  # OpenAI's SDKs say it with every request
SAID_IN_HEADERS = frozenset(
    {
        b"x-atelier-brand", b"x-atelier-timeout", b"x-litellm-timeout", b"x-atelier-cache", b"cache-control",
        b"x-atelier-policy", b"x-atelier-on-disconnect", READ_TIMEOUT, b"x-atelier-tags", b"x-litellm-tags",
        b"x-litellm-num-retries",
    }
)  # fmt: skip
SAID_IN_BODY = frozenset({*TAKEN, "metadata"})
NOTHING_SAID = Options()
MOST_TAGS, LONGEST_NAME, LONGEST_MOCK = 20, 200, 10_000


class Asked(msgspec.Struct, frozen=True):
    """A request's head, as far as it counts."""

    id: str
    head: Asking
    traceparent: str | None = None

    @classmethod
    def of(cls, scope: Scope) -> Asked:
        """The request id is the inbound one when it is plain, else a new one: the outermost layer decided (S12)."""
        head, trace = head_of(scope), None
        if b"traceparent" in head:
            trace = received(lines(scope, b"traceparent"), lines(scope, b"tracestate"))
        return cls(scope["state"]["request_id"], head, trace)


def new_call(
    asked: Asked, endpoint: Endpoint, body: JsonObject, clock: Clock, total: float, key: str | None = None
) -> Call:
    """Everything the pipeline needs to know of a request. `total`: seconds it may take at most; `key`: its credential."""
    now, started = clock.now(), clock.monotonic()
    options = options_of(asked.head, body)
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise InvalidRequest("'stream' must be true or false.", param="stream")
    if options is not NOTHING_SAID:
        for name in TAKEN:
            body.pop(name, None)
    timeout = total if options.timeout is None else min(total, options.timeout)
    return Call(
        id=f"gen-{int(now * 1000):012x}{hexadecimal(20)}",
        request_id=asked.id,
        endpoint=endpoint,
        credential=key,
        body=body,
        options=options,
        created_at=now,
        started=started,
        deadline=started + timeout,
        stream=bool(stream) and endpoint is Endpoint.CHAT,
        include_usage="stream_options" in body and wants_usage(body),
        traceparent=asked.traceparent,
        retry_count=whole(asked.head.get(b"x-stainless-retry-count")),
    )


def wants_usage(body: JsonObject) -> bool:
    options = body["stream_options"]
    if options is None:
        return False
    if not isinstance(options, dict):
        raise InvalidRequest("'stream_options' must be an object.", param="stream_options")
    if not body.get("stream"):
        raise InvalidRequest("'stream_options' is only allowed when 'stream' is true.", param="stream_options")
    return bool(options.get("include_usage"))


def options_of(head: Asking, body: JsonObject) -> Options:
    """What headers and body say beside the request itself: mostly nothing, or how long the client waits."""
    if SAID_IN_BODY.isdisjoint(body):
        said = SAID_IN_HEADERS.intersection(head)
        if not said:
            return NOTHING_SAID
        if len(said) == 1 and READ_TIMEOUT in said:
            return Options(patience=seconds(head[READ_TIMEOUT].decode("latin-1"), None))
    return all_options(as_text(head), body)


def all_options(headers: Mapping[str, str], body: JsonObject) -> Options:
    """Headers first, then LiteLLM's aliases, then the body's extra members."""
    template, version, variables = prompt_of(body)
    metadata = body.get("metadata")
    brand = headers.get("x-atelier-brand") or (metadata.get("brand") if isinstance(metadata, dict) else None)
    waits = seconds(headers.get("x-atelier-timeout") or headers.get("x-litellm-timeout"), "x-atelier-timeout")
    given = body.get("timeout")
    timeouts = [value for value in (waits, seconds(given, "timeout")) if value is not None]
    return Options(
        brand=name_of(brand, "brand"),
        tags=tags_of(headers, body),
        timeout=min(timeouts, default=None),
        cache=headers.get("x-atelier-cache", "").lower() != "off"
        and "no-store" not in headers.get("cache-control", ""),
        policy=name_of(headers.get("x-atelier-policy"), "x-atelier-policy"),
        on_disconnect=disconnect_of(headers),
        fallbacks=names(body.get("fallbacks"), "fallbacks", 10),
        num_retries=retries_of(headers, body),
        patience=seconds(headers.get("x-stainless-read-timeout"), None),
        mock_response=name_of(body.get("mock_response"), "mock_response", LONGEST_MOCK),
        template=template,
        template_version=version,
        variables=variables,
    )


def prompt_of(body: JsonObject) -> tuple[str | None, str | None, Mapping[str, Any]]:
    """OpenAI's `prompt: {id, version, variables}`, or LiteLLM's three flat members."""
    given = body.get("prompt")
    if given is None:
        given = {
            "id": body.get("prompt_id"),
            "version": body.get("prompt_version"),
            "variables": body.get("prompt_variables"),
        }
        if given["id"] is None:
            return None, None, {}
    if not isinstance(given, dict) or not isinstance(given.get("id"), str) or not given["id"]:
        raise InvalidRequest("'prompt' must be an object with the 'id' of a template.", param="prompt")
    variables = {} if given.get("variables") is None else given["variables"]
    if not isinstance(variables, dict):
        raise InvalidRequest("'prompt.variables' must be an object.", param="prompt.variables")
    version = given.get("version")
    if isinstance(version, int) and not isinstance(version, bool):
        version = str(version)
    return name_of(given["id"], "prompt.id"), name_of(version, "prompt.version"), variables


def tags_of(headers: Mapping[str, str], body: JsonObject) -> tuple[str, ...]:
    listed = headers.get("x-atelier-tags") or headers.get("x-litellm-tags") or ""
    tags = [tag.strip() for tag in listed.split(",") if tag.strip()]
    tags += names(body.get("tags"), "tags", MOST_TAGS)
    return tuple(dict.fromkeys(tag[:LONGEST_NAME] for tag in tags))[:MOST_TAGS]


def disconnect_of(headers: Mapping[str, str]) -> str | None:
    value = headers.get("x-atelier-on-disconnect")
    if value not in {None, "cancel", "continue"}:
        raise InvalidRequest(
            "'x-atelier-on-disconnect' must be 'cancel' or 'continue'.", param="x-atelier-on-disconnect"
        )
    return value


def retries_of(headers: Mapping[str, str], body: JsonObject) -> int | None:
    value, header = body.get("num_retries"), headers.get("x-litellm-num-retries")
    if value is None and header is not None:
        value = int(header) if header.isdecimal() and len(header) < 6 else header
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequest("'num_retries' must be an integer of at least 0.", param="num_retries")
    return value


def names(value: Any, param: str, most: int) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > most or not all(isinstance(item, str) for item in value):
        raise InvalidRequest(f"'{param}' must be a list of at most {most} strings.", param=param)
    return tuple(item[:LONGEST_NAME] for item in value)


def name_of(value: Any, param: str, longest: int = LONGEST_NAME) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidRequest(f"'{param}' must be a string of at most {longest} characters.", param=param)
    return value


def seconds(value: Any, param: str | None) -> float | None:
    """A positive number of seconds; with `param` None nonsense counts as not said."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, bool) or not 0 < number < 1e6:
        if param is None:
            return None
        raise InvalidRequest(f"'{param}' must be a positive number of seconds.", param=param)
    return number


def whole(value: bytes | None) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) < 6 else 0
