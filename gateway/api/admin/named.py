"""Names in a body that must be those of something the gateway has."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api.state import Services
from gateway.errors import Unprocessable


def known_models(found: Services, names: Iterable[str] | None) -> None:
    """Raise Unprocessable, naming everything that is no model of the configuration, no group of them, no pattern."""
    details = [
        {"where": f"models.{place}", "what": f"there is no model '{name}'"}
        for place, name in enumerate(names or ())
        if not found.routes.nameable(name)
    ]
    if details:
        raise Unprocessable("The request does not fit: see 'details'.", param="models", details=details)
