"""A provider on OpenAI's wire that always says "ok" and remembers every request exactly: headers, path, body, connections.

    recorder = Recorder()
    recorder.url                       # for api_base
    recorder.requests, recorder.connections, recorder.clear()
    recorder.status = 500              # refuse everything from now on; 0: never answer

GET /recorded gives what it remembers, for tests in other processes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REPLY = {"role": "assistant", "content": "ok"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}


@dataclass(frozen=True, slots=True)
class Recorded:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: Any


class Recorder:
    """Listens on loopback until `close`."""

    def __init__(self) -> None:
        self.requests: list[Recorded] = []
        self.connections = 0
        self.status = 200
        self.over = threading.Event()
        self.open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def clear(self) -> None:
        self.requests.clear()
        self.connections = 0
        self.status = 200

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        return type("Bound", (Handler,), {"recorder": self})


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    recorder: Recorder

    def setup(self) -> None:
        super().setup()
        self.recorder.connections += 1
        self.recorder.open.add(self.connection)

    def finish(self) -> None:
        self.recorder.open.discard(self.connection)
        super().finish()

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        if self.path == "/recorded":
            self._send(200, [asdict(request) for request in self.recorder.requests])
        else:
            self.do_POST()

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(data) if data else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.recorder.requests.append(Recorded(self.command, self.path, headers, body))
        if self.recorder.status == 0:
            self.recorder.over.wait()
            self.close_connection = True
        elif self.recorder.status != 200:
            error = {"message": "no", "type": "server_error", "param": None, "code": None}
            self._send(self.recorder.status, {"error": error})
        elif self.path.endswith("/embeddings"):
            item = {"object": "embedding", "index": 0, "embedding": [1.0, 0.0]}
            self._send(200, {"object": "list", "data": [item], "model": "m", "usage": USAGE})
        elif isinstance(body, dict) and body.get("stream"):
            self._send(200, stream())
        else:
            choice = {"index": 0, "message": REPLY, "logprobs": None, "finish_reason": "stop"}
            self._send(200, envelope([choice], USAGE))

    def _send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "text/event-stream" if body is data else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def envelope(choices: list[Any], usage: Any, kind: str = "chat.completion") -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 1, "model": "m", "choices": choices, "usage": usage}


def stream() -> bytes:
    kind = "chat.completion.chunk"
    said = envelope([{"index": 0, "delta": REPLY, "finish_reason": None}], None, kind)
    ended = envelope([{"index": 0, "delta": {}, "finish_reason": "stop"}], None, kind)
    counted = envelope([], USAGE, kind)
    return b"".join(f"data: {json.dumps(chunk)}\n\n".encode() for chunk in (said, ended, counted)) + b"data: [DONE]\n\n"
