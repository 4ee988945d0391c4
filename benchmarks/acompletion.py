"""A bare loop of `litellm.acompletion`, in a process of its own: what the sdk lane is compared with.

It listens only to be told what to do: `POST /run` with {"requests", "at_once"} answers when so many calls are done, and
any other POST makes one. A call that fails ends the process, and with it the measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Iterator

import uvloop

from benchmarks.load import PROMPT_BYTES, prompt

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}
import litellm

MODEL = "cohere_chat/bench"
DONE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


async def calls(api_base: str, turns: Iterator[int]) -> None:
    """One call after the other, with nothing retried."""
    for _ in turns:
        await litellm.acompletion(
            model=MODEL,
            api_base=api_base,
            api_key="sk-provider",
            messages=[{"role": "user", "content": prompt(PROMPT_BYTES)}],
            max_tokens=40,
            max_retries=0,
            num_retries=0,
            timeout=60,
        )


async def serve(port: int, api_base: str) -> None:
    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(size))
            turns = iter(range(asked.get("requests", 1)))
            try:
                await asyncio.gather(*(calls(api_base, turns) for _ in range(asked.get("at_once", 1))))
            except litellm.exceptions.APIError as error:
                broken.set_exception(error)
            writer.write(DONE)

    broken = asyncio.get_running_loop().create_future()
    async with await asyncio.start_server(obey, "127.0.0.1", port):
        await broken


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.acompletion", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("api_base", help="the provider's address")
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.api_base))


if __name__ == "__main__":
    main()
