"""The fixtures of `world.py` and `config_steps.py`, for every test in this folder."""

from __future__ import annotations

from tests.dashboard import config_steps, world

stub = world.stub
now = world.now
dashboard = world.dashboard
browser = world.browser
https_browser = world.https_browser
config = config_steps.config
opened = config_steps.opened
