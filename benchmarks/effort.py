"""How much a round does: enough for steady figures by default, little for a look. Times are seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """Streams of one length: how many words each, how many streams, how many of them at once."""

    words: int
    streams: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Streams of two lengths: their difference tells what a chunk costs, and that what a stream costs without any."""

    short: Shape
    long: Shape


@dataclass(frozen=True, slots=True)
class Effort:
    """One round of each part. `pause`: between two words of a stream; `settling`: how long a server is watched at rest."""

    seconds: float = 2.0  # of whole answers
    connections: int = 8
    warm_up: int = 200  # requests
    pause: float = 0.02
    settling: float = 0.25
    idle: float = 2.0  # until memory is looked at, and again while CPU is
    chunk: Pair = Pair(Shape(16, 500, 75), Shape(128, 150, 150))  # so many that what a server does idly hardly counts
    peers: Pair = Pair(Shape(16, 40, 8), Shape(128, 20, 20))  # so few that the slowest of them is not saturated
    translate: Pair = Pair(Shape(16, 150, 25), Shape(128, 50, 50))
    prompt_seconds: float = 1.5
    sdk_requests: int = 500  # of the bare loop
    rate: float = 50.0  # requests a second of the open loop
    open_seconds: float = 4.0
    crowd: Shape = Shape(25, 3_000, 1_000)
    crowd_pause: float = 0.2
    crowd_rounds: int = 3
    first: int = 1_000  # requests and streams, until memory is looked at for the first time
    requests: int = 100_000
    streams: int = 10_000


QUICK = Effort(
    seconds=1.0,
    warm_up=100,
    idle=1.0,
    chunk=Pair(Shape(16, 150, 75), Shape(128, 75, 75)),
    peers=Pair(Shape(16, 16, 8), Shape(128, 8, 8)),
    translate=Pair(Shape(16, 50, 25), Shape(128, 25, 25)),
    prompt_seconds=0.7,
    sdk_requests=200,
    open_seconds=2.0,
    crowd=Shape(25, 1_000, 1_000),
    crowd_rounds=1,
    first=500,
    requests=5_000,
    streams=500,
)
