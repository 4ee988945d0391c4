"""What a lane posts to a provider, put so that the same request from two lanes is the same value."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.providers.replay import Seen

# What differs from lane to lane, and why nobody minds.
UNTOLD = {
    "host": "the same server, told by its port",
    "connection": "every lane keeps its connections",
    "content-length": "JSON is spaced differently; what it says is compared",
    "user-agent": "each lane says what made the request",
    "accept": "providers answer in JSON or in events by what the body asks for",
}
# LiteLLM tells providers its own name. What a fast lane sends is not LiteLLM's, so it does not.
LITELLMS = {("http-referer", "https://litellm.ai"), ("x-title", "liteLLM"), ("x-pplx-integration", "litellm")}
INVENTED = re.compile(r'"(call_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"')  # for a legacy call, which has no id


def posted(seen: Seen) -> dict[str, Any]:
    """Method, address, headers and the JSON, sorted: true is not 1, nor 1 is 1.0."""
    headers = {
        name: value
        for name, value in sorted(seen.headers.items())
        if name not in UNTOLD
        and (name, value) not in LITELLMS
        and not name.startswith("x-stainless-")  # what OpenAI's SDK tells of itself
    }
    body = INVENTED.sub('"…"', json.dumps(json.loads(seen.body), sort_keys=True)) if seen.body else ""
    return {"method": seen.method, "target": seen.target, "headers": headers, "body": body}
