#!/opt/atelier/bin/python -ISB
"""`healthy PORT PATH`: does this container's server answer there? For HEALTHCHECK, without curl and without a proxy.

Exit code 1 for an answer of 500 and more, and for none within four seconds. A 400 is well: a gateway that is told which
hosts to answer for does not know 127.0.0.1. ATELIER_PORT wins over PORT.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

PATIENCE = 4.0  # seconds


def healthy(port: int, path: str) -> bool:
    """Whether the server on loopback answers with less than 500."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not healthy(int(os.environ.get("ATELIER_PORT") or sys.argv[1]), sys.argv[2]))
