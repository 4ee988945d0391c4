"""What every refusal looks like, and a walk over every route there is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
from fastapi.routing import APIRoute

HELLO: dict[str, Any] = {"model": "echo", "messages": [{"role": "user", "content": "hello there"}]}
REQUEST_ID = re.compile(r"req_[0-9a-f]{24}")


def refused(answer: httpx.Response, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """Check that this is OpenAI's error object with that status, and return it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert {"message", "type", "param", "code"} <= set(error)
    assert isinstance(error["message"], str)
    assert error["message"].strip()
    assert "Traceback" not in answer.text
    assert (error["code"], error["param"]) == (code, param), error
    return error


def api_routes(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """Every route of an app, those of included routers too; anything that is no plain API route fails the test."""
    for route in routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from api_routes(included.routes)
        else:
            assert isinstance(route, APIRoute), route
            yield route
