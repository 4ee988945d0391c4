"""Exact answers again, per tenant; off unless the admin switches it on. With its store away everything is a miss.

Not used for requests with tools, nor when the client says `x-atelier-cache: off`. Only whole, completed answers are kept.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from gateway.ports import Cache as CachePort
from gateway.sse import encode_frame
from gateway.stages.need import identity_of
from gateway.types import Answer, Call, Chunk, Completion, JsonObject, Outcome, Status

NOT_IN_KEY = frozenset({"stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key"})
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Cache:
    """Looks the finished prompt up; stores what a provider answered."""

    def __init__(self, store: CachePort, secret: bytes, ttl: float, *, per_key: bool = False) -> None:
        self._store = store
        self._secret = secret
        self._ttl = ttl
        self._per_key = per_key

    async def enter(self, call: Call) -> None:
        if not cacheable(call):
            return
        call.cache_key = self._key(call)
        body = await self._store.get(call.cache_key)
        if body is None:
            call.headers["x-atelier-cache"] = "miss"
            return
        call.headers["x-atelier-cache"] = "hit"
        if call.stream:
            call.answer = Answer(chunks=replayed(body, usage=call.include_usage), source="cache")
        else:
            call.answer = Answer(completion=Completion(body, finish=finish_of(body)), source="cache")

    async def exit(self, call: Call, outcome: Outcome) -> None:
        answer = call.answer
        if call.cache_key is None or answer is None or answer.completion is None or answer.source != "provider":
            return
        if outcome.status is Status.COMPLETED:
            await self._store.put(call.cache_key, answer.completion.body, self._ttl)

    def _key(self, call: Call) -> str:
        """HMAC(tenant or key, its rights, endpoint, canonical request, template and brand version).

        Tenants never share an entry (S13), nor do keys that may not use the same models: this comes before `route`.
        """
        identity = identity_of(call)
        models = sorted(identity.models) if identity.models is not None else None
        body = {name: value for name, value in call.body.items() if name not in NOT_IN_KEY}
        versions = [call.template_version, call.brand_version]
        whose = f"key:{identity.key_id}" if self._per_key else identity.tenant
        parts = [whose, models, call.endpoint.value, body, call.options.policy, *versions]
        return hmac.digest(self._secret, _canonical(parts), "sha256").hex()


def cacheable(call: Call) -> bool:
    body = call.body
    return call.options.cache and not (body.get("tools") or body.get("functions") or body.get("store"))


def finish_of(body: JsonObject) -> str | None:
    choices = body.get("choices") or ()
    return choices[0].get("finish_reason") if choices else None


async def replayed(body: JsonObject, *, usage: bool) -> AsyncGenerator[Chunk, None]:
    """A whole answer as a stream: its text in one chunk, then the finish and the usage, as the client asked for it."""
    base: JsonObject = {name: body[name] for name in ("id", "created", "model", "system_fingerprint") if name in body}
    base |= {"object": "chat.completion.chunk", **({"usage": None} if usage else {})}
    choices: list[dict[str, Any]] = body.get("choices") or []
    deltas = [
        {"index": c["index"], "delta": c["message"], "logprobs": c.get("logprobs"), "finish_reason": None}
        for c in choices
    ]
    text = "".join(str(choice["message"].get("content") or "") for choice in choices)
    yield Chunk(encode_frame({**base, "choices": deltas}), text=text, content=True)
    ends = [{"index": c["index"], "delta": {}, "logprobs": None, "finish_reason": c["finish_reason"]} for c in choices]
    yield Chunk(encode_frame({**base, "choices": ends}), finish=finish_of(body))
    yield Chunk(encode_frame({**base, "choices": [], "usage": body.get("usage")}), usage_only=True)
