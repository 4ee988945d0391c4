"""The provider of the benchmarks, at next to no cost: OpenAI's, Anthropic's and Gemini's formats, told by the path.

It says exactly as many words as it is asked for. A streamed word is a write of its own, a pause after the one before it:
words that leave together arrive together, and whatever relays them then looks many times cheaper than it is.
`GET /seen` says how many requests there were, `GET /pace/0.02` sets the pause. What cannot be read gets a 400.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import cast

import httptools
import msgspec
import uvloop

from benchmarks import formats


class StreamOptions(msgspec.Struct):
    """OpenAI's `stream_options`."""

    include_usage: bool = False


class GenerationConfig(msgspec.Struct):
    """Gemini's `generationConfig`; LiteLLM writes its members in snake case."""

    max_output_tokens: int | None = None
    maxOutputTokens: int | None = None  # noqa: N815 - Gemini's name


class Question(msgspec.Struct):
    """What of a request's body decides about the answer, in any of the formats."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    generationConfig: GenerationConfig | None = None  # noqa: N815 - Gemini's name

    @property
    def words(self) -> int:
        config = self.generationConfig
        gemini = (config.max_output_tokens or config.maxOutputTokens) if config is not None else None
        return gemini or self.max_completion_tokens or self.max_tokens or 16

    @property
    def usage_asked(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


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
        self._path = b""
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
        self._path = b""
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_method() == b"GET":
            self._transport.write(self._control())
            return
        try:
            question = _question(b"".join(self._body))
        except msgspec.DecodeError as error:
            self._transport.write(formats.whole({"error": {"message": str(error)}}, b"400 Bad Request"))
            return
        self._upstream.seen += 1
        speaks, stream = formats.told_by(self._path, stream=question.stream)
        if stream:
            self._write(formats.pieces(speaks, question.words, usage=question.usage_asked), 0, self._loop.time())
        else:
            self._transport.write(formats.answer(speaks, question.words))

    def _control(self) -> bytes:
        if self._path.startswith(b"/pace/"):
            self._upstream.pause = float(self._path.removeprefix(b"/pace/"))
        return formats.whole({"seen": self._upstream.seen, "pause": self._upstream.pause})

    def _write(self, pieces: tuple[bytes, ...], index: int, began: float) -> None:
        """Write one piece; the next one is due by the clock of the stream's begin, so that no delay adds up."""
        self._transport.write(pieces[index])
        index += 1
        if index < len(pieces):
            due = began + index * self._upstream.pause
            self._timer = self._loop.call_at(due, self._write, pieces, index, began)


async def serve(port: int, pause: float) -> None:
    upstream = Upstream(pause)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(upstream), "127.0.0.1", port, backlog=4096
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
