"""One question for all who ask at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Awaitable calls that share one run while it lasts, so that nobody waits in line behind another's timeout.

    Who is cancelled while waiting does not disturb the others. An error reaches everyone who waits for it.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._ask = ask
        self._running: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        if self._running is None:
            self._running = asyncio.create_task(self._ask())
            self._running.add_done_callback(self._end)
        return await asyncio.shield(self._running)

    async def aclose(self) -> None:
        """Give up the run, if any."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    def _end(self, task: asyncio.Task[T]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # seen, even if nobody waits any more
