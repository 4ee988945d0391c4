"""The provider of the benchmarks: OpenAI's chat at next to no cost, which says exactly `max_tokens` words.

A streamed word is a write of its own, a pause after the one before it: words that leave together arrive together, and
whatever relays them then looks many times cheaper than it is. What cannot be read gets a 400; nothing else fails.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
from typing import cast

import httptools
import msgspec
import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n\r\n"
STREAM_HEAD = HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
LAST_CHUNK = b"0\r\n\r\n"
PROMPT_TOKENS = 20
ENVELOPE = {"id": "chatcmpl-bench", "created": 1_700_000_000, "model": "bench", "system_fingerprint": "fp_bench"}
_encode = msgspec.json.Encoder().encode


class StreamOptions(msgspec.Struct):
    """OpenAI's `stream_options`."""

    include_usage: bool = False


class Question(msgspec.Struct):
    """What of a request's body decides about the answer."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None

    @property
    def words(self) -> int:
        return self.max_completion_tokens or self.max_tokens or 16


_question = msgspec.json.Decoder(Question).decode


class Upstream:
    """What all connections share: the pause between two words in seconds, and how many requests were seen."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.seen = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests come one after the other."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._body = []

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"GET":
            self._transport.write(whole(b"200 OK", _encode({"seen": self._upstream.seen})))
            return
        try:
            question = _question(b"".join(self._body))
        except msgspec.DecodeError as error:
            self._transport.write(whole(b"400 Bad Request", _encode({"error": {"message": str(error)}})))
            return
        self._upstream.seen += 1
        if question.stream:
            usage = question.stream_options is not None and question.stream_options.include_usage
            self._write(frames(question.words, usage=usage), 0, self._loop.time())
        else:
            self._transport.write(answer(question.words))

    def _write(self, pieces: tuple[bytes, ...], index: int, began: float) -> None:
        """Write one piece; the next one is due by the clock of the stream's begin, so that no delay adds up."""
        self._transport.write(pieces[index])
        index += 1
        if index < len(pieces):
            due = began + index * self._upstream.pause
            self._timer = self._loop.call_at(due, self._write, pieces, index, began)


def whole(status: bytes, body: bytes) -> bytes:
    """A response of known length."""
    head = HEAD.replace(b"200 OK", status) % (b"application/json", b"content-length: %d" % len(body))
    return head + body


@functools.lru_cache(16)
def answer(words: int) -> bytes:
    """A whole answer."""
    text = "".join(word(index) for index in range(words))
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None},
        "logprobs": None,
        "finish_reason": "stop",
    }
    return whole(
        b"200 OK", _encode({**ENVELOPE, "object": "chat.completion", "choices": [choice], "usage": usage_of(words)})
    )


@functools.lru_cache(16)
def frames(words: int, *, usage: bool) -> tuple[bytes, ...]:
    """What a stream writes: head, role and first word; each further word; the end with usage where it was asked for."""
    asked = {"usage": None} if usage else {}
    base = {**ENVELOPE, "object": "chat.completion.chunk", **asked}

    def event(delta: dict[str, str | None], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: " + _encode({**base, "choices": [choice]}) + b"\n\n"

    spoken = [event({"content": word(index)}) for index in range(words)]
    last = event({}, "stop")
    if usage:
        last += b"data: " + _encode({**base, "choices": [], "usage": usage_of(words)}) + b"\n\n"
    first = event({"role": "assistant", "content": "", "refusal": None}) + spoken[0]
    head, *rest = [in_chunk(piece) for piece in (first, *spoken[1:], last + b"data: [DONE]\n\n")]
    rest[-1] += LAST_CHUNK
    return (STREAM_HEAD + head, *rest)


def in_chunk(data: bytes) -> bytes:
    """One chunk of HTTP's chunked encoding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def word(index: int) -> str:
    return f" word{index}"


def usage_of(words: int) -> dict[str, object]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": words,
        "total_tokens": PROMPT_TOKENS + words,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


async def serve(port: int, pause: float) -> None:
    upstream = Upstream(pause)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(upstream), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upstream", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two words")
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.pause))


if __name__ == "__main__":
    main()
