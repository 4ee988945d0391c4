"""Counts tokens with the tokenizer that LiteLLM bundles: a common measure for every model, within its spread.

Used where a provider did not say, never on the way of a good answer. It takes 50 MB and 0.1 s to load, so that is left
until somebody counts; on an event loop nobody waits for it. Without the file nothing is fetched: bytes have to do.
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
from collections.abc import Callable
from typing import Any

import structlog

from gateway.providers import runtime
from gateway.providers.price_map import package

logger = structlog.get_logger(__name__)

NAME = "cl100k_base"
FOLDER = "litellm_core_utils/tokenizers"
FILE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # what it is called by is the digest of where it came from
MOST_CHARS = 2_000_000  # beyond, a quarter of the bytes has to do
SPREAD = 5, 4  # today's tokenizers make up to a quarter more of a text than this one


class BundledTokens:
    """Implements ports.Tokens."""

    def __init__(self, load: Callable[[], Any] | None = None) -> None:
        self._load = load or tokenizer
        self._encoding: Any = None
        self._begun = False

    def count(self, text: str) -> int:
        """Tokens of `text` for any of today's models, rather too many than too few; at least a quarter of its bytes.

        On an event loop, until the tokenizer is loaded, as many as it has bytes: no tokenizer makes more of them.
        """
        size = len(text.encode(errors="replace"))
        least = -(-size // 4)
        if len(text) > MOST_CHARS:
            return least
        encoding = self._at_hand()
        if encoding is None:
            return size
        more, of = SPREAD
        return max(least, -(-len(encoding.encode(text, disallowed_special=())) * more // of))

    def _at_hand(self) -> Any:
        if self._encoding is None and (not runtime.on_a_loop() or runtime.state() == "loaded"):
            self._encoding = self._load()  # LiteLLM has brought it along, if it is there
        elif self._encoding is None and not self._begun:
            self._begun = True
            threading.Thread(target=self._fetch, name="tokenizer").start()
        return self._encoding

    def _fetch(self) -> None:
        self._encoding = self._load()


@functools.cache
def tokenizer() -> Any:
    """From the file in LiteLLM's package; it is the one that LiteLLM uses, too. None where it is not there."""
    file = package() / FOLDER / FILE
    if not file.is_file():  # else it would be fetched
        logger.warning("tokenizer_missing", file=FILE, effect="a text counts as many tokens as it has bytes")
        return None
    os.environ["TIKTOKEN_CACHE_DIR"] = str(file.parent)
    return importlib.import_module("tiktoken").get_encoding(NAME)
