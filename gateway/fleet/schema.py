"""x"""

from __future__ import annotations

from typing import Any


def instance(schema: dict[str, Any], hint: str, seed: int = 0) -> Any:
    return {}
