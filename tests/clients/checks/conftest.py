"""What the checks know of the gateway under test: addresses in an environment variable, everything else over HTTP."""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from typing import Any

import pytest


class UnderTest:
    """A running gateway, the fleet behind it, and a provider that remembers what it is sent."""

    def __init__(self) -> None:
        given = json.loads(os.environ["CLIENTS_UNDER_TEST"])
        self.url: str = given["url"]
        self.base_url: str = given["url"] + "/v1"
        self._master: str = given["master"]
        self._fleet: str = given["fleet"]
        self._recorder: str = given["recorder"]
        self.api_key = self.key(max_budget=100)
        self._seen = 0

    def key(self, **members: Any) -> str:
        made: str = call(f"{self.url}/key/generate", members, self._master)["key"]
        return made

    def fault(self, kind: str, **members: Any) -> None:
        call(f"{self._fleet}/_sim/faults", {"kind": kind, **members})

    def reset(self) -> None:
        call(f"{self._fleet}/_sim/reset", {})
        self._seen += len(self._lines())

    def hits(self, model: str) -> list[dict[str, Any]]:
        """This check's requests to one of the providers' models, in order of their begin."""
        return [line for line in self._lines() if line["event"] == "start" and line["model"] == model]

    def recorded(self) -> dict[str, Any]:
        """The last request that the remembering provider got: headers and body."""
        found: dict[str, Any] = call(f"{self._recorder}/recorded")[-1]
        return found

    def _lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = call(f"{self._fleet}/_sim/journal?since={self._seen}")["lines"]
        return found


def call(url: str, body: Any = None, key: str = "") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", "authorization": f"Bearer {key}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def session_gateway() -> UnderTest:
    return UnderTest()


@pytest.fixture
def gateway(session_gateway: UnderTest) -> UnderTest:
    session_gateway.reset()
    return session_gateway
