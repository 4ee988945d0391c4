"""Imports LiteLLM once, in a thread, with everything off that would reach out or change what we asked for.

The import takes seconds of CPU; `/health/live` is answered meanwhile. Nothing is fetched from the network (S20).
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import warnings
from typing import Any

from gateway.providers import lines

SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # no .env file is read
    "HF_HUB_OFFLINE": "1",
    "DISABLE_ADMIN_UI": "True",
}


@functools.cache
def load() -> Any:
    """The configured litellm module. Call it in a thread first; afterwards it is free."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # Cancelled at the wrong moment LiteLLM drops a coroutine that it has not begun: nothing was sent, nothing is owed.
    warnings.filterwarnings(
        "ignore", "coroutine '.*(async_streaming|acompletion|dispatch|async_completion)", RuntimeWarning
    )
    litellm: Any = importlib.import_module("litellm")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.num_retries = 0
    litellm.drop_params = False
    litellm.modify_params = True
    litellm.callbacks = []
    litellm.success_callback = []
    litellm.failure_callback = []
    litellm.input_callback = []
    litellm.cache = None
    litellm.disable_streaming_logging = True
    litellm.turn_off_message_logging = True
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).setLevel(logging.WARNING)
    lines.install()
    handlers: Any = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    handlers.AsyncHTTPHandler.single_connection_post_request = not_again
    litellm.encoding.encode("warm")
    return litellm


async def close() -> None:
    """Close the connections that LiteLLM keeps; those of the OpenAI SDK close with their loop."""
    await load().close_litellm_async_clients()


async def not_again(*_: Any, **__: Any) -> None:
    """Instead of LiteLLM's second try, which it makes whenever a connection broke: what happened goes to the caller.

    The provider may have got, and will bill, the first request. *Internal*: pinned, with a test that counts hits.
    """
    raise sys.exception() or RuntimeError("called outside of an exception's handling")
