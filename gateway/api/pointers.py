"""Where LiteLLM's other administrative routes are here, for the 404 that they get."""

from __future__ import annotations

OURS = {
    "/key": "/admin/keys",
    "/user": "/admin/users",
    "/team": "/admin/teams",
    "/customer": "/admin/users",
    "/invitation": "/admin/invitations",
    "/spend": "/spend/logs and /admin/reports/spend",
    "/global": "/admin/reports/spend",
    "/model": "GET /v1/models, and config.yaml",
}


def pointer(path: str) -> str:
    """A sentence to go on with, or nothing."""
    first = "/" + path.lstrip("/").partition("/")[0]
    return f" LiteLLM's route is not served; see {OURS[first]}." if path != first and first in OURS else ""
