"""Imports LiteLLM once, in a thread, with everything off that would reach out or change what we asked for.

The import takes seconds of CPU and 180 MB, so it begins when somebody needs it; whoever does waits, everybody else is
served meanwhile. Nothing is fetched from the network (S20). An import that fails is a provider's failure to all who wait
for it; who asks later tries again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import gc
import importlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import structlog

from gateway.errors import Fault, ProviderError
from gateway.providers import transport

logger = structlog.get_logger(__name__)

SETTINGS = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_MODE": "PRODUCTION",  # no .env file is read
    "HF_HUB_OFFLINE": "1",
    "DISABLE_ADMIN_UI": "True",
    "DISABLE_AIOHTTP_TRANSPORT": "False",  # `transport` stands around it
    "LITELLM_HTTP2": "False",
    "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB": "0",
    "AIOHTTP_KEEPALIVE_TIMEOUT": "30",  # seconds; the longer, the likelier is it that a provider hangs up just then
}


@contextlib.contextmanager
def unswept() -> Iterator[None]:
    """No garbage collection during an import, which would hold up all threads; what is there then is never swept."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class _Import:
    """The one import: `module` once it is there, `waiting` while a thread is at it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.module: Any = None
        self.waiting: concurrent.futures.Future[Any] | None = None
        self.after: Callable[[], None] = lambda: None
        self._work = work
        self._one_imports = threading.Lock()
        self._one_begins = threading.Lock()

    def now(self) -> Any:
        """Import in this thread, or wait for the thread that does."""
        with self._one_imports:
            if self.module is None:
                with unswept():
                    module = self._work()
                self.after()
                self.module = module
        return self.module

    def begin(self) -> concurrent.futures.Future[Any]:
        """Import in a thread, unless one is at it; what comes of it."""
        with self._one_begins:
            if self.waiting is None or self.waiting.done():
                self.waiting = concurrent.futures.Future()
                self.waiting.set_running_or_notify_cancel()
                # no daemon: ended in the middle of an extension's code, it would take the whole process with it
                threading.Thread(target=self._tell, args=(self.waiting,), name="litellm").start()
            return self.waiting

    def _tell(self, waiting: concurrent.futures.Future[Any]) -> None:
        try:
            waiting.set_result(self.now())
        except Exception as error:  # noqa: BLE001 - whatever it was, it is for those who wait
            logger.error("litellm_not_loaded", error=f"{type(error).__name__}: {error}")  # noqa: TRY400
            waiting.set_exception(error)


def load() -> Any:
    """The configured litellm module. It may take seconds, so call it in a thread; once it is there it is free."""
    return _litellm.module or _litellm.now()


async def loaded() -> Any:
    """The configured litellm module, imported in a thread where it is not there yet. Cancelled, the import goes on.

    Raises ProviderError where it cannot be imported: nothing was sent, and nothing can be.
    """
    if _litellm.module is not None:
        return _litellm.module
    try:
        return await asyncio.shield(asyncio.wrap_future(_litellm.begin()))
    except Exception as error:
        raise ProviderError(Fault.SERVER, "the gateway cannot load LiteLLM") from error


def afterwards(act: Callable[[], None]) -> None:
    """What is to be done in the importing thread before anybody gets to see LiteLLM."""
    _litellm.after = act


def begin() -> None:
    """Begin to import it in a thread; nobody waits."""
    _litellm.begin()


def state() -> str:
    """For people: "absent" until somebody needs LiteLLM, then "loading", then "loaded" or "failed"."""
    if _litellm.module is not None:
        return "loaded"
    waiting = _litellm.waiting
    if waiting is None:
        return "absent"
    return "failed" if waiting.done() else "loading"


def on_a_loop() -> bool:
    """Whether this thread runs an event loop, which nothing may hold up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def imported() -> Any:
    """Import LiteLLM and set it up."""
    os.environ.update(SETTINGS)
    # Cancelled at the wrong moment LiteLLM drops a coroutine that it has not begun: nothing was sent, nothing is owed.
    warnings.filterwarnings(
        "ignore", "coroutine '.*(async_streaming|acompletion|dispatch|async_completion)", RuntimeWarning
    )
    litellm: Any = importlib.import_module("litellm")
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.num_retries = 0
    litellm.DEFAULT_MAX_RETRIES = 0  # what embeddings take where 0 is asked for
    litellm.drop_params = False
    litellm.modify_params = True
    litellm.callbacks = []
    litellm.success_callback = []
    litellm.failure_callback = []
    litellm.input_callback = []
    litellm.cache = None
    litellm.disable_streaming_logging = True
    litellm.turn_off_message_logging = True
    litellm.disable_hf_tokenizer_download = True
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # *Internal*: before OpenAI's Responses API is asked, an MCP client would be imported that is not installed.
    responses: Any = importlib.import_module("litellm.responses.main")
    responses._responses_try_dispatch_mcp_gateway = nothing  # noqa: SLF001
    urls: Any = importlib.import_module("litellm.litellm_core_utils.url_utils")
    urls.validate_url = functools.partial(refuse, urls.SSRFError)  # *internal*: asked by all that fetches for a request
    warm(litellm)
    transport.install()  # last: it may be done once only, and whatever fails before it is tried again
    return litellm


_litellm = _Import(imported)


def warm(litellm: Any) -> None:
    """Import now what LiteLLM would import on the first request, for a third of a second, on the event loop."""
    importlib.import_module("openai.resources.chat.completions")
    for provider in ("openai", "anthropic", "gemini"):
        asked = [{"role": "user", "content": "warm"}]
        litellm.completion(model=f"{provider}/warm", messages=asked, api_key="none", mock_response="warm")
    litellm.encoding.encode("warm")


async def close() -> None:
    """Close the connections that were made for this event loop; LiteLLM makes new ones when it is asked again."""
    loop, litellm = asyncio.get_running_loop(), _litellm.module
    if litellm is None:
        return
    kept: dict[str, Any] = litellm.in_memory_llm_clients_cache.cache_dict
    for key, holder in [*kept.items(), ("", litellm.module_level_aclient)]:
        client = getattr(holder, "_client", None)
        session = getattr(getattr(client, "_transport", None), "client", None)
        if isinstance(client, httpx.AsyncClient) and getattr(session, "_loop", loop) is loop:
            await client.aclose()
            if not hasattr(holder, "create_client"):  # LiteLLM's own kind opens again by itself, the SDK's does not
                kept.pop(key, None)


def nothing(**_: Any) -> None:
    """Instead of a function of LiteLLM's that may take a call over."""


def refuse(error: type[Exception], url: str) -> None:
    """Instead of LiteLLM's check of an address before it fetches it: nothing is fetched (S2)."""
    raise error(f"the gateway opens no address that a request names ({len(url)} characters)")
