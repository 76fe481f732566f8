"""How often: messages of a visitor, requests of an address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from debrief.errors import TooBusy
from debrief.settings import Settings
from webapp.limits import CHANGING
from webapp.limits.proxies import client_address
from webapp.refusals import refuse

REQUESTS_PER_MINUTE = 600
"""Requests that change something, per address: room for an office behind one address, not for a flood."""


class TokenBuckets:
    """So many a minute per key, with a burst of the same size. Forgets the keys that were quiet longest."""

    def __init__(self, per_minute: int, *, keys: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take one: 0 when there was one, else the seconds until there is."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (float(self._per_minute), now))
        tokens = min(float(self._per_minute), tokens + (now - at) * self._per_minute / 60)
        wait = 0.0 if tokens >= 1 else (1 - tokens) * 60 / self._per_minute
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return wait


class RateLimits:
    """The limits in force. `off` in the settings lets everything pass, for tests and benchmarks."""

    def __init__(self, settings: Settings) -> None:
        self._is_on = settings.rate_limit == "on"
        self._messages_per_minute = settings.messages_per_minute
        self._messages = TokenBuckets(settings.messages_per_minute)
        self._requests = TokenBuckets(REQUESTS_PER_MINUTE)

    def check_message(self, visitor_id: str) -> None:
        """Count a message of this visitor.

        Raises:
            TooBusy: more than the limit; says how long to wait.
        """
        wait = self._messages.wait_s(visitor_id) if self._is_on else 0.0
        if wait:
            limit = self._messages_per_minute
            raise TooBusy("too_many_messages", retry_after_s=wait, limit=limit, wait_s=math.ceil(wait))

    def check_request(self, address: str) -> None:
        """Count a changing request from this address.

        Raises:
            TooBusy: more than the limit.
        """
        wait = self._requests.wait_s(address) if self._is_on else 0.0
        if wait:
            raise TooBusy("too_many_requests", retry_after_s=wait, wait_s=math.ceil(wait))


class AddressLimit:
    """Holds back an address that sends changing requests faster than people do."""

    def __init__(self, app: Any, *, limits: RateLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] in CHANGING:
            try:
                self._limits.check_request(client_address(scope))
            except TooBusy as error:
                await refuse(scope, send, error)
                return
        await self._app(scope, receive, send)
