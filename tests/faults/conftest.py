"""The stores of a scaled set-up, empty, on servers that nobody stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.harness import Stores
from tests.servers import PostgresServer


@pytest.fixture
def stores(empty_stores: Callable[[], Stores], postgres_server: PostgresServer) -> Iterator[Stores]:
    made = empty_stores()
    yield made
    postgres_server.drop(made.database_url)
