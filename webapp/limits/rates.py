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
SESSIONS_PER_MINUTE = 60
"""Times that one person may open a page of Gradio's."""


class TokenBuckets:
    """So many per key in `per_s` seconds, with a burst of the same size. Forgets the keys that were quiet longest."""

    def __init__(
        self, most: int, *, per_s: float = 60, keys: int = 20_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = float(most)
        self._per_s = per_s
        self._keys = keys
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: str) -> float:
        """Take one: 0 when there was one, else the seconds until there is."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (self._most, now))
        tokens = min(self._most, tokens + (now - at) * self._most / self._per_s)
        wait = 0.0 if tokens >= 1 else (1 - tokens) * self._per_s / self._most
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
        self._sessions = TokenBuckets(SESSIONS_PER_MINUTE)
        self._newcomers_per_hour = settings.new_visitors_per_hour
        self._newcomers = TokenBuckets(settings.new_visitors_per_hour, per_s=3600)

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

    def check_session(self, asker: str) -> None:
        """Count a session that a Gradio page begins: one for each time that the page is opened.

        Raises:
            TooBusy: more than the limit.
        """
        wait = self._sessions.wait_s(asker) if self._is_on else 0.0
        if wait:
            raise TooBusy("too_many_sessions", retry_after_s=wait, limit=SESSIONS_PER_MINUTE, wait_s=math.ceil(wait))

    def check_newcomer(self, address: str) -> None:
        """Count a visitor's first talk. Whoever throws the cookie away for each talk is new each time.

        Raises:
            TooBusy: more than the limit came from this address.
        """
        wait = self._newcomers.wait_s(address) if self._is_on else 0.0
        if wait:
            minutes = math.ceil(wait / 60)
            raise TooBusy("too_many_newcomers", retry_after_s=wait, limit=self._newcomers_per_hour, wait_min=minutes)


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
