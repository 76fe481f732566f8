"""How many requests may be in progress at once: together, and of one address. An open live stream is one."""

from __future__ import annotations

from collections import Counter
from typing import Any

from debrief.errors import TooBusy
from debrief.settings import Settings
from webapp.limits.proxies import client_address
from webapp.refusals import refuse

BESIDE_STREAMS = 500
"""Requests in progress beside all the live streams: far more than the process can work on at once."""
SHARE_OF_ADDRESS = 4
"""One address may have a fourth of all: a whole school behind it, and never everything."""
RETRY_AFTER_S = 10.0
_FOR_PROBES = "/healthz"
_CLOSE = [(b"connection", b"close")]


class Crowd:
    """Refuses what is too much at once with 503, and what is too much from one address with 429.

    Args:
        app: what it protects.
        settings: with `rate_limit` off an address has no limit of its own.
    """

    def __init__(self, app: Any, *, settings: Settings) -> None:
        self._app = app
        self._most = settings.streams_at_once + BESIDE_STREAMS
        self._most_of_address = self._most // SHARE_OF_ADDRESS if settings.rate_limit == "on" else self._most
        self._in_progress = 0
        self._by_address: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] == _FOR_PROBES:
            await self._app(scope, receive, send)
            return
        address = client_address(scope)
        if self._in_progress >= self._most:
            await refuse(scope, send, TooBusy("crowded", retry_after_s=RETRY_AFTER_S), 503, _CLOSE)
            return
        if self._by_address[address] >= self._most_of_address:
            await refuse(scope, send, TooBusy("crowded_address", retry_after_s=RETRY_AFTER_S), None, _CLOSE)
            return
        self._in_progress += 1
        self._by_address[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_progress -= 1
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
