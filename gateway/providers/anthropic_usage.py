"""What Anthropic says it used, in OpenAI's shape, as LiteLLM counts it: cached tokens are part of the input here.

Thoughts are a part of the output only where Anthropic counted them; LiteLLM's estimate has no place in a ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.types import JsonObject

READ, WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"
WRITTEN_FOR = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


def usage(said: Mapping[str, Any], *, thoughts: bool) -> JsonObject:
    """OpenAI's usage out of Anthropic's. `thoughts`: whether the thoughts' share was told, not only the output's sum.

    Raises AttributeError or TypeError for what is no usage.
    """
    steps = said.get("iterations")
    if steps:
        given, made, read, written = (summed(steps, name) for name in ("input_tokens", "output_tokens", READ, WRITTEN))
    else:
        given, made = whole(said.get("input_tokens")), whole(said.get("output_tokens"))
        read, written = counted(said.get(READ)), counted(said.get(WRITTEN))
    total = given + read + written
    details: JsonObject = {
        "cached_tokens": read,
        "cache_write_tokens": written,
        "cache_creation_tokens": written,
        "text_tokens": given,
    }
    for_how_long = written_for(said)
    if for_how_long is not None:
        details["cache_creation_token_details"] = for_how_long
    out: JsonObject = {
        "prompt_tokens": total,
        "completion_tokens": made,
        "total_tokens": total + made,
        "prompt_tokens_details": details,
        WRITTEN: written,
        READ: read,
    }
    share = thought(said) if thoughts else None
    if share is not None:
        share = min(max(0, share), made)
        out["completion_tokens_details"] = {"reasoning_tokens": share, "text_tokens": made - share}
    for name in ("iterations", "service_tier"):
        if said.get(name) is not None:
            out[name] = said[name]
    return out


def thought(said: Mapping[str, Any]) -> int | None:
    """Tokens of thoughts: the sum over all steps where each tells its own, else the whole's."""
    each = [told(step) for step in said.get("iterations") or ()]
    known = [tokens for tokens in each if tokens is not None]
    return sum(known) if known and len(known) == len(each) else told(said)


def told(said: Any) -> int | None:
    details = said.get("output_tokens_details") if isinstance(said, Mapping) else None
    tokens = details.get("thinking_tokens") if isinstance(details, Mapping) else None
    return tokens if isinstance(tokens, int) else None


def written_for(said: Mapping[str, Any]) -> JsonObject | None:
    """How long what was written to the cache is kept, where Anthropic says so; of the steps that do not, five minutes."""
    steps: Sequence[Any] = said.get("iterations") or ()
    parts = [part for step in steps if isinstance(part := step.get("cache_creation"), Mapping)]
    if parts:
        short, long = (sum(int(part.get(name) or 0) for part in parts) for name in WRITTEN_FOR)
        rest = max(0, summed(steps, WRITTEN) - short - long)
        return dict(zip(WRITTEN_FOR, (short + rest, long), strict=True))
    part = said.get("cache_creation")
    return {name: part.get(name) for name in WRITTEN_FOR} if isinstance(part, Mapping) else None


def summed(steps: Sequence[Any], name: str) -> int:
    return sum(step.get(name, 0) or 0 for step in steps)


def whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0


def counted(value: Any) -> int:
    return 0 if value is None else value
