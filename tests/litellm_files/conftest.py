"""What the tests of the twelve files share: their environment, the gateway on one of them, LiteLLM's own router on it.

Every address in the files is a variable, so that they are read unchanged and still reach the simulated fleet.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from tests.harness import FleetThread, GatewayThread

HERE = Path(__file__).parent
KEYS = {
    "OPENAI_API_KEY": "sk-openai-0123456789",
    "ANTHROPIC_API_KEY": "sk-ant-0123456789",
    "GEMINI_API_KEY": "sk-gemini-0123456789",
    "AZURE_API_KEY": "sk-azure-0123456789",
    "LITELLM_MASTER_KEY": "sk-litellm-0123456789",
}


def environment(urls: dict[str, str]) -> dict[str, str]:
    """The variables that the twelve files ask for, with the fleet's addresses."""
    addresses = {f"{name.upper()}_API_BASE": urls[name] for name in ("openai", "anthropic", "gemini")}
    return {**KEYS, **addresses, "AZURE_API_BASE": urls["openai"]}


CALLBACKS = (
    *("callbacks", "input_callback", "success_callback", "failure_callback"),
    *("_async_input_callback", "_async_success_callback", "_async_failure_callback"),
)


@pytest.fixture(scope="module", autouse=True)
def litellm_as_it_was() -> Iterator[None]:
    """A router writes its models' prices into LiteLLM's map, and itself among LiteLLM's callbacks."""
    from gateway import assembly
    from gateway.providers.runtime import load

    litellm = load()
    prices = copy.deepcopy(litellm.model_cost)
    callbacks = {name: list(getattr(litellm, name)) for name in CALLBACKS}
    yield
    litellm.model_cost.clear()
    litellm.model_cost.update(prices)
    for name, before in callbacks.items():
        getattr(litellm, name)[:] = before
    assembly.facts.cache_clear()


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetThread]:
    running = FleetThread()
    yield running
    running.close()


class FileGateway(GatewayThread):
    """A gateway on one of the files, as it is."""

    def __init__(self, folder: Path, fleet: FleetThread, name: str) -> None:
        super().__init__(folder, fleet)
        self.config_file = file_of(name)
        self.master = KEYS["LITELLM_MASTER_KEY"]
        self._variables = environment(fleet.urls)

    def http(self, key: str | None = KEYS["LITELLM_MASTER_KEY"], **options: Any) -> httpx.Client:
        return super().http(key, **options)

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, **self._variables}


def file_of(name: str) -> Path:
    """The file whose name begins so."""
    (found,) = (path for path in HERE.glob(f"{name}_*.yaml") if path.stem != "11_models")
    return found


def oracle(name: str, fleet: FleetThread) -> Any:
    """LiteLLM's own router on the same file, set up as its proxy does it."""
    import litellm

    variables = environment(fleet.urls)
    file = YAML(typ="safe", pure=True).load(file_of(name).read_text(encoding="utf-8"))
    for entry in file["model_list"]:
        params = entry["litellm_params"]
        for key, value in params.items():
            if isinstance(value, str) and value.startswith("os.environ/"):
                params[key] = variables[value.removeprefix("os.environ/")]
    general = file.get("litellm_settings") or {}
    of_the_router = inspect.signature(litellm.Router.__init__).parameters.keys()
    settings = {key: value for key, value in general.items() if key in of_the_router}
    settings |= {key: value for key, value in (file.get("router_settings") or {}).items() if key in of_the_router}
    if isinstance(settings.get("num_retries"), str):
        settings["num_retries"] = int(settings["num_retries"])
    return litellm.Router(model_list=file["model_list"], **settings)


class Pair:
    """The gateway and LiteLLM's router on the same file, asked the same."""

    def __init__(self, gateway: FileGateway, fleet: FleetThread, name: str) -> None:
        self.gateway = gateway
        self.fleet = fleet
        self._name = name

    def ours(self, model: str, faults: Mapping[str, str] = MappingProxyType({}), **body: Any) -> list[str]:
        """The provider's models that the gateway asked, in their order."""
        self._prepare(faults)
        with self.gateway.http() as http:
            self.answer = http.post("/v1/chat/completions", json=_body(model, **body))
        return self._asked()

    def theirs(self, model: str, faults: Mapping[str, str] = MappingProxyType({}), **body: Any) -> list[str]:
        """Those that LiteLLM asked."""
        self._prepare(faults)
        router = oracle(self._name, self.fleet)
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            asyncio.run(router.acompletion(**_body(model, **body)))
        return self._asked()

    def _prepare(self, faults: Mapping[str, str]) -> None:
        self.fleet.reset()
        for name, kind in faults.items():
            self.fleet.fault(kind, model=name)

    def _asked(self) -> list[str]:
        return [each.model for each in sorted(self.fleet.settled(0), key=lambda each: each.request)]


def _body(model: str, **members: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "a word, please"}], "max_tokens": 8, **members}


@pytest.fixture(scope="module")
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, fleet: FleetThread
) -> Iterator[Pair]:
    """For the file that the module names in `FILE`."""
    name = request.module.FILE
    with FileGateway(tmp_path_factory.mktemp("gateway"), fleet, name) as gateway:
        yield Pair(gateway, fleet, name)
