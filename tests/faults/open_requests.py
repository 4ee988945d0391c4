"""Watches a scaled set-up's Redis from outside: when each key last had something that SQL did not have yet."""

from __future__ import annotations

import json
import time
from threading import Event, Thread

from redis import Redis

from tests.faults.audit import MONEY
from tests.harness import Stores


class OpenRequests(Thread):
    """Looks into Redis: when each key was last seen with a request that is open, or settled and not in SQL yet."""

    def __init__(self, stores: Stores) -> None:
        super().__init__(daemon=True)
        self.seen: dict[str, float] = {}
        self._redis = Redis.from_url(stores.redis_url, decode_responses=True)
        self._end = Event()

    def run(self) -> None:
        while not self._end.wait(0.2):
            for key in self.keys():
                self.seen[key] = time.monotonic()

    def keys(self) -> set[str]:
        records = [self._redis.hget(name, "record") for name in self._redis.scan_iter(f"{MONEY}req:*", count=1000)]
        records += [fields["r"] for _, fields in self._redis.xrange(f"{MONEY}outbox")]
        return {json.loads(record)["key_id"] for record in records if record is not None}

    def is_idle(self) -> bool:
        return not self.keys()

    def stop(self) -> None:
        self._end.set()
        if self.ident is not None:
            self.join()
        self._redis.close()
