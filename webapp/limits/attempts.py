"""Holds back guessing of passwords, at the desk and by visitors alike."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator

from debrief.errors import TooBusy
from debrief.settings import Settings
from webapp.limits.rates import TokenBuckets

HASHINGS_AT_ONCE = 2
"""argon2 takes 64 MB and a core for a moment; more at once would slow everybody's talk."""
ADDRESS_FACTOR = 5
"""An address may try as often for all names together as five times for one: an office, not a dictionary."""


class Attempts:
    """Per name and address together, and per address for all names."""

    def __init__(self, settings: Settings) -> None:
        self._is_on = settings.rate_limit == "on"
        self._pairs = TokenBuckets(settings.sign_ins_per_minute)
        self._addresses = TokenBuckets(settings.sign_ins_per_minute * ADDRESS_FACTOR)
        self._room = asyncio.Semaphore(HASHINGS_AT_ONCE)

    @contextlib.asynccontextmanager
    async def one(self, name: str, address: str) -> AsyncGenerator[None]:
        """Room for one attempt, in which a password may be hashed.

        Raises:
            TooBusy: too many; says how long to wait.
        """
        self.check(name, address)
        async with self._room:
            yield

    def check(self, name: str, address: str) -> None:
        """Count an attempt in which nothing is hashed. Raises TooBusy."""
        if not self._is_on:
            return
        wait = max(
            self._pairs.wait_s(f"{address} {name.strip().casefold()[:80]}"),
            self._addresses.wait_s(address),
        )
        if wait:
            raise TooBusy("too_many_sign_ins", retry_after_s=wait, wait_s=math.ceil(wait))
