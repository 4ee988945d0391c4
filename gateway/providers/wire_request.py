"""A client's request in the words of a provider that speaks OpenAI's format: what LiteLLM would send, without asking it.

What does not depend on the request is found once per deployment. Requests with members that LiteLLM rewrites, which is a
short list, are left to it: then there is no body. An unsupported member is refused with a ProviderError, as in LiteLLM.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from multidict import CIMultiDict

from gateway import trace_context
from gateway.errors import Fault, ProviderError
from gateway.ports import ProviderRequest
from gateway.providers.addresses import Opening, address_of
from gateway.providers.cards import REASONING_SERIES, SAMPLING, effort, key_of
from gateway.providers.http import Sending, unsendable
from gateway.providers.media import refuse_addresses
from gateway.providers.params import (
    CHAT,
    CHEAP_TIERS,
    EMBEDDINGS,
    HERE,
    HINTS,
    JUDGED_THERE,
    NEUTRAL,
    OPENAI_FORMAT,
    OPENAI_LIKE,
    THINKING_MAPPED,
    UNLIKED,
    hashed,
    travels,
)
from gateway.providers.speakers import SPEAKERS
from gateway.providers.wire_messages import LeftToLiteLLM, Messages, openais
from gateway.types import Deployment, Endpoint, JsonObject

BRIDGED = re.compile(r"gpt-(5\.([4-9]|\d\d)|[6-9]|\d\d)")  # with tools, LiteLLM asks OpenAI's Responses API for these
ROUTERS = frozenset({"firerouter", "auto", "auto-instant"})  # of Fireworks
MOST_STOPS = 4  # LiteLLM sends no more
COMBINED = frozenset({"oneOf", "anyOf", "allOf", "enum", "const", "not"})  # OpenAI takes none at the top of a schema
MARKER = b'"cache_control":'
PEOPLE = frozenset({"user", "safety_identifier"})
NAME = "x-client-request-id"
BOUNDS = frozenset({"max_tokens", "max_completion_tokens"})
_encode = msgspec.json.Encoder().encode


class Route:
    """How one deployment is asked. Made once, and kept as long as the deployment."""

    def __init__(self, deployment: Deployment) -> None:
        card, provider = deployment.card, deployment.provider
        if card is None or card.url is None:
            raise LeftToLiteLLM
        self.deployment = deployment
        self._url = card.url
        self._speaker = SPEAKERS[provider]
        self._like = provider in OPENAI_LIKE
        self._foreign = provider not in OPENAI_FORMAT  # then nobody knows whether it opens addresses itself
        self._drops = bool(deployment.params.get("drop_params", False))
        self._embeds = deployment.endpoint is Endpoint.EMBEDDINGS
        self._by_reasoning = provider == "openai" and REASONING_SERIES.search(deployment.model_name) is not None
        self._bridged = BRIDGED.match(deployment.model_name) is not None
        self._own = provider == "azure" or (provider == "openai" and openais(deployment))
        judged = JUDGED_THERE if self._like else JUDGED_THERE - {"user"}
        if self._foreign:
            judged = frozenset()
        if provider == "deepseek":
            judged -= {"reasoning_effort"}
        self._known = EMBEDDINGS if self._embeds else CHAT
        if provider in OPENAI_FORMAT - THINKING_MAPPED:
            self._known -= {"thinking"}
        self._taken = card.supported if self._drops or self._embeds else card.supported | judged
        self._renames = self._speaker.max_tokens or self._by_reasoning
        self._plain = self._taken - self._particular()
        self._messages = Messages(deployment, self._speaker)
        self._fixed: JsonObject = {"model": name_of(deployment)}
        if self._embeds:
            self._fixed["encoding_format"] = "float"
        self._headers = headers(deployment, card.auth)

    def sending(self, request: ProviderRequest, *, stream: bool = False) -> Sending:
        """Ready to go. Raises ProviderError for what the provider does not take, LeftToLiteLLM for the rest."""
        if self._foreign:
            refuse_addresses(self.deployment, request.body)
        body = self.body(request.body)
        if stream:
            body["stream"] = True
            if self._speaker.tells_usage:
                body["stream_options"] = {"include_usage": True}
        own = {NAME: request.attempt_id}
        if request.traceparent is not None:
            own.update(trace_context.headers(request.traceparent))
        return Sending(self._url, own, _encode(body), self._openings[request.traceparent is not None])

    @functools.cached_property
    def _openings(self) -> tuple[Opening, Opening]:
        """What begins each request that has no trace, and each that has one. Raises ProviderError."""
        fixed = {name: value for name, value in self._headers.items() if name.lower() != NAME}
        untraced = {name: value for name, value in fixed.items() if name.lower() not in trace_context.NAMES}
        try:
            address = address_of(self._url)
            return address.opening(fixed), address.opening(untraced)
        except ValueError as error:
            raise unsendable(error) from error

    def body(self, given: JsonObject) -> JsonObject:
        """The provider's body without what says that it is to be streamed."""
        out, plain = self._fixed.copy(), self._plain
        refused: list[str] = []
        for name, value in given.items():
            if name in plain:
                if value is not None:
                    out[name] = value
            elif name == "messages" and not self._embeds:
                out[name] = self._messages(value)
            elif name in self._known:
                if value is not None and not self._particularly(name, value, given, out):
                    refused.append(name)
            elif name not in HERE and travels(name, self.deployment.provider):
                out[name] = without_markers(value)
        if refused:
            raise unsupported(self.deployment, refused)
        return self._finished(out)

    def _finished(self, out: JsonObject) -> JsonObject:
        if "tool_choice" in out and not (out.get("tools") or out.get("functions")):
            del out["tool_choice"]
        if self.deployment.provider == "openrouter" and not self._embeds:
            out.setdefault("usage", {"include": True})
        return out

    def _particular(self) -> frozenset[str]:
        """Members whose value is looked at."""
        names = PEOPLE | self._speaker.hands_over | {"messages", "service_tier", "stop", "tools", "tool_choice"}
        if self._renames:
            names |= BOUNDS
        if self._by_reasoning:
            names |= {"temperature", "logprobs", "top_logprobs", "top_p", "reasoning_effort"}
        if self._speaker.lists_inputs:
            names |= {"input"}
        if self._like:
            return names | (UNLIKED.keys() if self.deployment.reasoning else frozenset()) | {"reasoning_effort"}
        return names | HINTS | NEUTRAL.keys()

    def _particularly(self, name: str, value: Any, given: JsonObject, out: JsonObject) -> bool:
        """Put a member in that is no plain one, or leave it out. False where the provider does not take it."""
        if name in PEOPLE:
            return self._person(name, value, out)
        if name == "service_tier":
            if self._like and value in CHEAP_TIERS and self._takes(name):
                out[name] = value
            return True
        if self._says_nothing(name, value):
            return True
        if name in BOUNDS and self._renames:
            if all(given.get(each) is not None for each in BOUNDS):
                raise LeftToLiteLLM
            name = "max_tokens" if self._speaker.max_tokens else "max_completion_tokens"
        if name in self._speaker.hands_over:
            raise LeftToLiteLLM
        if name not in self._taken:
            return self._drops
        out[name] = self._carried(name, value)
        return True

    def _carried(self, name: str, value: Any) -> Any:
        """`value` as it travels. Raises LeftToLiteLLM where LiteLLM would make something else of it."""
        if name == "stop":
            return value[:MOST_STOPS] if isinstance(value, list) else value
        if name == "tools":
            return self._tools(value)
        if name == "tool_choice":
            return self._choice(value)
        if name == "input":
            return [value] if isinstance(value, str) else value
        if name == "reasoning_effort" and not isinstance(value, str):
            raise LeftToLiteLLM
        if name == "reasoning_effort" and value == "max" and self.deployment.provider == "openrouter":
            raise LeftToLiteLLM
        if self._by_reasoning and not self._within_reason(name, value):
            raise LeftToLiteLLM
        return value

    def _choice(self, value: Any) -> Any:
        """Which tool is to be called; Mistral has a word of its own for "some tool"."""
        if isinstance(value, str):
            return "any" if self._speaker.strict and value not in {"auto", "none"} else value
        if (
            not isinstance(value, dict)
            or value.get("type") is None
            or value.get("function") is None
            or self._speaker.strict
        ):
            raise LeftToLiteLLM
        return value

    def _within_reason(self, name: str, value: Any) -> bool:
        """Whether this model of OpenAI's takes a value: LiteLLM has rules about them."""
        if name == "temperature":
            return bool(value == 1)
        return effort(value) in self._taken if name == "reasoning_effort" else name not in SAMPLING

    def _tools(self, tools: Any) -> Any:
        """Tools, encoded: a look at the bytes tells whether something in them has to change."""
        if not isinstance(tools, list) or not tools or (self._own and self._bridged):
            raise LeftToLiteLLM
        written = _encode(tools)
        if any(mark in written for mark in self._speaker.odd_tools) or any(
            odd_tool(tool, own=self._own) for tool in tools
        ):
            raise LeftToLiteLLM
        return msgspec.Raw(written)

    def _person(self, name: str, value: Any, out: JsonObject) -> bool:
        """People's names are hashed; a provider that knows but one name for them gets that one."""
        if not self._like and name == "safety_identifier":
            name = "user"
            if name in out:
                return True
        if name in self._taken:
            out[name] = hashed(value) if isinstance(value, str) else value
        return name in self._taken or name == "user" or self._drops

    def _says_nothing(self, name: str, value: Any) -> bool:
        """A hint, or what OpenAI's default says too: not worth a refusal."""
        if self._like:
            return self.deployment.reasoning and UNLIKED.get(name, self) == value
        return name in HINTS or NEUTRAL.get(name, self) == value

    def _takes(self, name: str) -> bool:
        return name in self._taken


def name_of(deployment: Deployment) -> str:
    """The provider's own name for the model, as LiteLLM has it."""
    name = deployment.model_name
    if deployment.provider != "fireworks_ai" or name.startswith(("accounts/", "FW-")) or "#" in name:
        return name
    if name.startswith(("routers/", "models/")):
        return f"accounts/fireworks/{name}"
    routed = name.endswith("-fast") or name in ROUTERS or name.startswith("firerouter/")
    return f"accounts/fireworks/{'routers' if routed else 'models'}/{name}"


def headers(deployment: Deployment, auth: str) -> CIMultiDict[str]:
    """Those that every request of a deployment has."""
    speaker = SPEAKERS[deployment.provider]
    key = key_of(deployment, speaker)
    if key is None:
        raise LeftToLiteLLM
    made: CIMultiDict[str] = CIMultiDict(deployment.params.get("extra_headers") or {})
    if auth == "bearer":
        made["Authorization"] = f"Bearer {key}"
    else:
        made[auth] = key
    organization = deployment.params.get("organization")
    if organization and speaker.organization and deployment.endpoint is Endpoint.CHAT:
        made["OpenAI-Organization"] = str(organization)
    return made


def unsupported(deployment: Deployment, names: list[str]) -> ProviderError:
    """The refusal in LiteLLM's words."""
    message = f"{deployment.provider} does not support parameters: {names}, for model={deployment.model_name}."
    return ProviderError(Fault.CALLER, message, status=400, code="unsupported_parameter", param=names[0])


def odd_tool(tool: Any, *, own: bool) -> bool:
    """Whether LiteLLM would rewrite a tool for OpenAI's own validator, or what is in it is not known here."""
    if not isinstance(tool, Mapping) or tool.get("type") != "function" or not isinstance(tool.get("function"), Mapping):
        return True
    schema = tool["function"].get("parameters")
    return own and isinstance(schema, Mapping) and not COMBINED.isdisjoint(schema)


def without_markers(value: Any) -> Any:
    """A member that nobody here knows; what in it asks for a cache is for LiteLLM's lane to shorten."""
    if isinstance(value, dict | list):
        written = _encode(value)
        if MARKER in written:
            raise LeftToLiteLLM
        return msgspec.Raw(written)
    return value
