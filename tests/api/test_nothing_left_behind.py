"""An answered request leaves nothing behind that only a sweep for garbage would free: its body could be megabytes."""

from __future__ import annotations

import gc
import http.client
import json
from collections import Counter

import pytest

from tests.api.shapes import HELLO
from tests.harness import MASTER, GatewayThread

OURS = {
    "Call",
    "Delivery",
    "Direct",
    "RequestResponseCycle",
    "Interruption",
    "Generation",
    "Completion",
    "RunningAttempt",
}


def ask(connection: http.client.HTTPConnection, *, stream: bool, key: str = MASTER) -> int:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps({**HELLO, "stream": stream}), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


@pytest.mark.parametrize("stream", [False, True])
def test_an_answered_request_is_freed_at_once(gateway: GatewayThread, stream: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    assert ask(connection, stream=stream) == 200
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        statuses = [ask(connection, stream=stream) for _ in range(10)]
        gc.collect()
        found = Counter(type(each).__name__ for each in gc.garbage)
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        connection.close()
    assert statuses == [200] * 10
    assert {name: count for name, count in found.items() if name in OURS} == {}
