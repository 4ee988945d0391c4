"""What the tests of the core share."""

from __future__ import annotations

import pytest

from tests.core.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
