"""The fixtures of `driver.py`, for every test in this folder."""

from __future__ import annotations

from tests.browser import driver

running = driver.running
chromium = driver.chromium
tab = driver.tab
