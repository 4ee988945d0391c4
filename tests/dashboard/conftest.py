"""The fixtures of `world.py`, for every test in this folder."""

from __future__ import annotations

from tests.dashboard import world

stub = world.stub
now = world.now
dashboard = world.dashboard
browser = world.browser
https_browser = world.https_browser
