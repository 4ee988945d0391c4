"""Imports LiteLLM once, in a thread, with everything off that would reach out or change what we asked for.

The import takes seconds of CPU; `/health/live` is answered meanwhile. Nothing is fetched from the network (S20).
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
from typing import Any

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
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    litellm.encoding.encode("warm")
    return litellm
