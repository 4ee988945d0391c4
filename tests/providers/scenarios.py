"""What the cassettes hold: one scenario each, recorded once from the simulated providers.

To record them again, after a change of LiteLLM's version or of the fleet: `python -m tests.providers.scenarios`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import vcr

from gateway.fleet import Settings, start_fleet
from gateway.ports import ProviderRequest
from gateway.providers import runtime
from gateway.providers.sdk import SdkLane
from gateway.types import JsonObject
from tests.providers.asking import HELLO, TEXT, TOOL, WIRES, request
from tests.providers.clientside import completed, streamed
from tests.providers.taped import from_tape

FOLDER = Path(__file__).parent / "cassettes"
HOST = "http://provider.invalid"
BASES = {"openai": "/v1", "anthropic": "", "gemini": "/v1beta"}


def says(text: str, **members: Any) -> JsonObject:
    return {**HELLO, "messages": [{"role": "user", "content": text}], **members}


@dataclass(frozen=True, slots=True)
class Scenario:
    """`model` is the fleet's: "echo" repeats the last message."""

    name: str
    body: JsonObject
    stream: bool = False
    model: str = "echo"

    def asked(self, wire: str, base: str) -> ProviderRequest:
        return request(f"{wire}/{self.model}", base, self.body)


SCENARIOS = (
    Scenario("whole", says("Dîner à huit heures, 約束だよ 🍜")),
    Scenario("stream", says("Dîner à huit heures, 約束だよ 🍜"), stream=True),
    Scenario("tool", says("Look it up", tools=[TOOL], tool_choice="required"), model="writer"),
    Scenario("tool-stream", says("Look it up", tools=[TOOL], tool_choice="required"), stream=True, model="writer"),
    Scenario("length", says("one two three four five six seven", max_completion_tokens=3), stream=True),
    Scenario("refused", says("[[sim:429 retry_after=7]] Hello")),
    Scenario("refused-stream", says("[[sim:429 retry_after=7]] Hello"), stream=True),
    Scenario("in-band-error", says("[[sim:in_band_error after=2]] one two three four"), stream=True),
    Scenario("cut", says("[[sim:clean_end after=2]] one two three four"), stream=True),
    Scenario("no-usage", says("[[sim:usage_absent]] Hello"), stream=True),
)
EMBEDDING = Scenario("embedding", TEXT, model="text-embedding-3-small")


@contextlib.contextmanager
def cassette(wire: str, scenario: Scenario, folder: Path = FOLDER, *, record: bool = False) -> Iterator[Any]:
    """A context in which every request of this process is answered from the cassette, or recorded on it."""
    tape = vcr.VCR(
        record_mode="once" if record else "none",
        match_on=["method", "path", "body"],
        decode_compressed_response=True,
        before_record_request=stripped_request,
        before_record_response=stripped_response,
    )
    with tape.use_cassette(str(folder / f"{wire}-{scenario.name}.yaml")) as playing, from_tape(playing):
        yield playing


def stripped_request(found: Any) -> Any:
    """No address, no key, no headers but the kind of body."""
    found.uri = HOST + urlsplit(found.uri).path
    kept = {name: value for name, value in found.headers.items() if name.lower() == "content-type"}
    found.headers.clear()
    found.headers.update(kept)
    return found


def stripped_response(found: Any) -> Any:
    kept = {"content-type", "retry-after"}
    found["headers"] = {name: value for name, value in found["headers"].items() if name.lower() in kept}
    found.pop("url", None)
    return found


async def record(folder: Path) -> None:
    """Record every scenario from a fleet of this process."""
    fleet = await start_fleet(Settings(speed=0))
    lane = SdkLane(str)
    for wire in WIRES:
        for scenario in (*SCENARIOS, *([EMBEDDING] if wire == "openai" else [])):
            asked = scenario.asked(wire, fleet.urls[wire])
            with cassette(wire, scenario, folder, record=True):
                if scenario is EMBEDDING:
                    await lane.complete(asked)
                else:
                    await (streamed if scenario.stream else completed)(lane, asked)
    await runtime.close()
    await fleet.stop()


if __name__ == "__main__":
    runtime.load()
    for old in FOLDER.glob("*.yaml"):
        old.unlink()
    asyncio.run(record(FOLDER))
