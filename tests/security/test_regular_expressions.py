"""S16: no regular expression of ours can blow up. Each is found in the sources and fed hostile text of 100 KB.

An expression that backtracks without bound would take hours on these; the bound below only tells the two kinds apart.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator

import pytest

import dashboard
import gateway
import routing_policies

SIZE = 100_000
BOUND = 2.0  # seconds for all texts together, on a busy machine; linear expressions take milliseconds
SEEDS = (
    "a", " ", "\n", "0", "-", "_", ".", ":", "/", "%41", "<|", "|>", "<", ">", "[INST]", "Human: ", "\n\nassistant :", "`",
    "\\", "${", "sk-", "Bearer ", "key=", "://u:p@", "ab1-", "é", "\u200b", "\u2028", "0d", "1d2h", "aA1._-", "::1",
)  # fmt: skip
STARTED_ON_IMPORT = ("__main__", "gateway.fleet", "dashboard.main", "dashboard.app", "gateway.store.migrations")


def modules() -> Iterator[str]:
    for package in (gateway, routing_policies, dashboard):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(part in found.name for part in STARTED_ON_IMPORT):
                yield found.name


def expressions() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Every compiled expression that a module keeps, by where it is."""
    found: dict[str, re.Pattern[str] | re.Pattern[bytes]] = {}
    for name in modules():
        for member, value in vars(importlib.import_module(name)).items():
            values = value if isinstance(value, tuple | list) else [value]
            flat = [part for each in values for part in (each if isinstance(each, tuple) else [each])]
            for place, part in enumerate(flat):
                if isinstance(part, re.Pattern):
                    found[f"{name}.{member}.{place}"] = part
    return found


EXPRESSIONS = expressions()


def hostile(seed: str) -> Iterator[str]:
    """The seed again and again, with an end that does not fit, and with a break in the middle."""
    many = seed * (SIZE // len(seed))
    yield from (f"{many}!", f"x{many[: SIZE // 2]}\x00{many[: SIZE // 2]}")


def anchored(expression: re.Pattern[str] | re.Pattern[bytes]) -> bool:
    """Written for `match` on a whole value: it is never searched for within a text."""
    end = expression.pattern[-2:]
    return end in {r"\Z", rb"\Z"}


def test_the_expressions_are_found() -> None:
    assert len(EXPRESSIONS) >= 12
    assert any("neutralise" in place for place in EXPRESSIONS)
    assert any("redact" in place for place in EXPRESSIONS)


@pytest.mark.parametrize("place", sorted(EXPRESSIONS))
def test_it_stays_linear_on_hostile_text(place: str) -> None:
    expression = EXPRESSIONS[place]
    started = time.process_time()
    for seed in SEEDS:
        for text in hostile(seed):
            given = text.encode() if isinstance(expression.pattern, bytes) else text
            expression.match(given)  # type: ignore[arg-type]
            if not anchored(expression):
                for _ in expression.finditer(given):  # type: ignore[arg-type]
                    pass
    assert time.process_time() - started < BOUND * len(SEEDS)
