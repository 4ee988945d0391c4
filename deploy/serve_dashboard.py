#!/opt/atelier/bin/python
"""The dashboard as a container's only process. Its secrets may stand in files, as the gateway's: NAME_FILE has NAME's.

A file that cannot be read ends it with a sentence; the gateway may be away: the sign-in page says so. Streamlit is told
where browsers find it, or it would ask a service on the internet.
"""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

SECRETS = ("ATELIER_DASHBOARD_DATABASE_URL", "ATELIER_DASHBOARD_REDIS_URL", "ATELIER_OIDC_CLIENT_SECRET")
OPTIONS = ("--server.address", "0.0.0.0", "--server.port", "8501", "--server.headless", "true")  # noqa: S104


def read_secrets() -> None:
    """Put what stands in files into the environment. Raises OSError."""
    for name in SECRETS:
        file = os.environ.pop(f"{name}_FILE", None)
        if file:
            os.environ[name] = Path(file).read_text(encoding="utf-8").strip()


def public_host() -> str:
    """The host in ATELIER_DASHBOARD_URL, else this one."""
    return urlsplit(os.environ.get("ATELIER_DASHBOARD_URL", "")).hostname or "localhost"


def main() -> None:
    """Become Streamlit, under the same process id: signals reach it as they come."""
    try:
        read_secrets()
    except OSError as error:
        sys.exit(f"{error.filename} cannot be read ({error.strerror}).")
    page = str(files("dashboard") / "app.py")
    options = (*OPTIONS, "--browser.serverAddress", public_host())
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", page, *options])  # noqa: S606 - our own program


if __name__ == "__main__":
    main()
