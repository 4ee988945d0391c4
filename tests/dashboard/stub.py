"""A gateway for the dashboard's tests: answers from memory, one key for each member, and remembers what it was asked.

People, teams and keys are in `accounts_stub.py`, the configuration is in `config_stub.py`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import httpx

from tests.dashboard.accounts_stub import PUBLIC, AccountsStub
from tests.dashboard.config_stub import ConfigStub

TEMPLATES = [
    {
        "id": "blog_post",
        "title": "Blog post",
        "description": "A complete article.",
        "current": "2",
        "versions": [
            {"version": "1", "variables": []},
            {
                "version": "2",
                "variables": [
                    {"name": "topic", "title": "Topic", "type": "string", "required": True, "max_length": 300},
                    {"name": "words", "title": "Length", "type": "integer", "min": 10, "max": 90, "default": 20},
                    {"name": "goal", "title": "Goal", "type": "enum", "choices": ["sign_ups", "visits"]},
                    {"name": "points", "title": "Points", "type": "list", "max_items": 5, "example": ["One", "Two"]},
                    {"name": "notes", "title": "Notes", "type": "text", "default": "None yet."},
                    {"name": "emoji", "title": "Emoji", "type": "boolean"},
                    {"name": "heat", "title": "Heat", "type": "number", "min": 0, "max": 1},
                ],
            },
        ],
    }
]
BRANDS = [{"id": "lumen", "name": "Lumen"}, {"id": "harbour", "name": "Harbour"}]
MODELS = [
    {"id": "claude", "endpoints": ["chat"], "deployments": ["claude"], "simulated": True},
    {"id": "fast", "endpoints": ["chat"], "deployments": ["gpt", "claude"], "simulated": True},
    {"id": "embed", "endpoints": ["embeddings"], "deployments": ["embed"], "simulated": True},
    {"id": "auto", "endpoints": ["chat"], "deployments": [], "simulated": False},
]


class Body(httpx.AsyncByteStream):
    """A streamed answer that stays open after its pieces when `hang` says so; `closed` once nobody reads it."""

    def __init__(self, pieces: Iterable[bytes], *, hang: bool = False) -> None:
        self._pieces = list(pieces)
        self._hang = hang
        self.sent = threading.Event()
        self.closed = threading.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import asyncio

        for piece in self._pieces:
            yield piece
        self.sent.set()
        if self._hang:
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed.set()


class StubGateway:
    """Answers by path; `refuse` puts an error in front of a path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []  # method, path, key
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[httpx.Headers] = []
        self.refusals: dict[str, tuple[int, str, str] | Exception] = {}
        self.refusal_headers: dict[str, str] = {}
        self.members: dict[str, dict[str, Any]] = {}
        self.status: list[dict[str, Any]] = []
        self.budgets: list[dict[str, Any]] = []  # for whoever asks: what the gateway leaves out is its own matter
        self.answer: Callable[[], httpx.AsyncByteStream] = lambda: Body(events("Hello", " world"))
        self.record: dict[str, Any] = {}
        self.accounts = AccountsStub(self.members)
        self.config = ConfigStub()
        self.transport = httpx.MockTransport(self._handle)

    def member(self, key: str, user: str, **more: Any) -> None:
        self.members[key] = {
            "key_id": f"k_{user}",
            "name": f"{user}'s key",
            "user": user,
            "team": None,
            "role": "member",
            "default_brand": None,
            "brands": None,
            "simulated": True,
            "spend": {"limit_nano": 10**10, "left_nano": 5 * 10**9},
            **more,
        }

    def refuse(self, path: str, status: int, message: str, code: str = "refused") -> None:
        self.refusals[path] = (status, message, code)

    def paths(self, key: str | None = None) -> list[str]:
        return [path for _, path, by in self.asked if key in (None, by)]

    def _handle(self, request: httpx.Request) -> httpx.Response:
        path, key = request.url.path, request.headers.get("authorization", "").removeprefix("Bearer ")
        self.asked.append((request.method, path, key))
        refusal = self.refusals.get(path)
        if isinstance(refusal, Exception):
            raise refusal
        if refusal is not None:
            status, message, code = refusal
            return httpx.Response(
                status,
                json={"error": {"message": message, "code": code, "type": "x", "param": None}},
                headers=self.refusal_headers,
            )
        if path in PUBLIC:
            return self.accounts.public(path, json.loads(request.content))
        if key not in self.members:
            return httpx.Response(401, json={"error": {"message": "Incorrect API key provided.", "code": "invalid"}})
        return self._routes(request, path, key)

    def _routes(self, request: httpx.Request, path: str, key: str) -> httpx.Response:
        if path.startswith("/admin/config"):
            return self.config.answer(request)
        if path.startswith(("/admin/", "/auth/")):
            return self.accounts.answer(request, key)
        match path:
            case "/v1/me":
                return httpx.Response(200, json=self.members[key])
            case "/v1/models":
                return httpx.Response(200, json={"data": MODELS})
            case "/v1/templates":
                return httpx.Response(200, json={"templates": TEMPLATES, "brands": BRANDS})
            case "/v1/status":
                return httpx.Response(200, json={"deployments": self.status, "budgets": self.budgets})
            case "/v1/chat/completions":
                self.bodies.append(json.loads(request.content))
                self.headers.append(request.headers)
                return httpx.Response(200, stream=self.answer(), headers=served())
        return httpx.Response(200, json={"id": "gen-1", "status": "completed", **self.record})


def served() -> dict[str, str]:
    return {
        "x-atelier-generation-id": "gen-1",
        "x-atelier-model": "gpt",
        "x-atelier-simulated": "true",
        "x-atelier-route-reason": "priority: first in order",
    }


def events(*words: str, finish: str | None = "stop", done: bool = True) -> list[bytes]:
    """A chat completion as a stream of bytes, an event each."""
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": {"content": word}}]} for word in words]
    if finish:
        chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    frames = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks]
    return [*frames, b"data: [DONE]\n\n"] if done else frames
