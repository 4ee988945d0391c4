"""LiteLLM's logging object with its callbacks taken out: nothing is kept of a call, and nothing told of it.

Without it LiteLLM builds one itself and hands it to threads after each call. *Internal*: pinned, with a contract test.
"""

from __future__ import annotations

import datetime as dt
import functools
import uuid
from typing import Any

from gateway.providers.runtime import load


@functools.cache
def recorder_class() -> type[Any]:
    """The class, made once LiteLLM is there."""
    load()
    from litellm.litellm_core_utils.litellm_logging import Logging  # noqa: PLC0415 - behind the lazy import

    class Recorder(Logging):  # type: ignore[misc]
        """Success and failure go nowhere: the ledger is ours."""

        async def async_success_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        def success_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def async_failure_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        def failure_handler(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def dispatch_success_handlers(self, *args: Any, **kwargs: Any) -> None:
            return None

        async def dispatch_failure_handlers(self, *args: Any, **kwargs: Any) -> None:
            return None

        def claim_async_success_log(self) -> bool:
            return False  # else a task of LiteLLM's own, bound to this event loop, would take the log

        def handle_sync_success_callbacks_for_async_calls(self, *args: Any, **kwargs: Any) -> None:
            return None

    return Recorder


def recorder(arguments: dict[str, Any], *, stream: bool) -> Any:
    """A fresh one for one attempt."""
    call_id = str(uuid.uuid4())
    made: Any = recorder_class()(
        model=arguments["model"],
        messages=arguments.get("messages") or arguments.get("input") or [],
        stream=stream,
        call_type="aembedding" if "input" in arguments else "acompletion",
        start_time=dt.datetime.now(tz=dt.UTC),
        litellm_call_id=call_id,
        function_id=call_id,
        dynamic_success_callbacks=[],
        dynamic_failure_callbacks=[],
    )
    return made
