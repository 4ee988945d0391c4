"""What the tests of the configuration share: a file to load, and a price map of three providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, Problem, load
from gateway.config.deployments import Facts, UnknownModelError
from gateway.types import Price

Load = Callable[..., Config]
Refused = Callable[..., list[Problem]]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    def loaded(text: str, env: Mapping[str, str] | None = None, **others: str) -> Config:
        for name, other in others.items():
            (tmp_path / f"{name}.yaml").write_text(other, encoding="utf-8")
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path, env or {})

    return loaded


@pytest.fixture
def refused(load_text: Load) -> Refused:
    """The problems of a file that must not load."""

    def problems(text: str, env: Mapping[str, str] | None = None, **others: str) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            load_text(text, env, **others)
        return list(caught.value.problems)

    return problems


class FakeFacts:
    """A stand-in for what LiteLLM knows: providers by prefix, one price for all but `unpriced` models."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None, str | None]] = []

    def __call__(self, model: str, *, custom_llm_provider: str | None, base_model: str | None) -> Facts:
        self.asked.append((model, custom_llm_provider, base_model))
        provider = custom_llm_provider or model.partition("/")[0]
        if custom_llm_provider is None and "/" not in model:
            raise UnknownModelError(f"nobody knows {model}; write its provider before it, for example `openai/{model}`")
        price = Price() if "unpriced" in model else Price(100, 400, cached_input=10, reasoning=500, source="litellm")
        mode = "embedding" if "embedding" in model else "image_generation" if "image" in model else "chat"
        return Facts(provider, price, mode, context_window=128_000, max_output=16_000, reasoning="think" in model)


@pytest.fixture
def facts() -> FakeFacts:
    return FakeFacts()
