"""First words."""

from __future__ import annotations


def compose(prompt: str, system: str = "", seed: int = 0, images: object = ()) -> str:
    return f"# {prompt[:60]}\n\nThis is the simulated answer number {seed}. It has a few sentences. They are about what was asked.\n"
