"""The way from the event loop to the database: its functions run in a few threads, never on the loop itself.

Reading has threads of its own. While somebody holds the database's write lock, all that write wait, each in a thread;
pages, health and live streams must go on meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from debrief.errors import NotSaved
from storage.engine import Database

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
"""For reading, and as many for writing: the connections that each pool keeps open. SQLite has one writer anyway."""
QUEUE_PATIENCE_S = 30.0
"""Longest wait for a thread. Behind so many writers it is kinder to say that it was not saved."""
READING = ("get_", "find_", "list_", "count_", "read_", "who_is", "has_")
"""How the names of functions begin that only look; a test compares them with what they do."""
CLOSE_S = 2


class Store:
    """`await store(get_conversation, visitor_id, id)` calls `get_conversation(db, visitor_id, id)` in a thread."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._readers = ThreadPoolExecutor(THREADS, thread_name_prefix="reading")
        self._writers = ThreadPoolExecutor(THREADS, thread_name_prefix="writing")

    async def __call__(self, function: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.in_thread(partial(function, self.db, *args, **kwargs))

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run any blocking call in one of the same threads.

        Raises:
            NotSaved: no thread was free for too long; the function has not begun.
        """
        asked = time.monotonic()

        def begin() -> T:
            if time.monotonic() - asked > QUEUE_PATIENCE_S:
                raise NotSaved
            return function()

        threads = self._readers if is_reading(function) else self._writers
        return await asyncio.get_running_loop().run_in_executor(threads, begin)

    async def close(self) -> None:
        """Let what is under way end, a moment at most: its connections can be closed then."""
        ending = [
            asyncio.to_thread(partial(threads.shutdown, cancel_futures=True))
            for threads in (self._readers, self._writers)
        ]
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*ending), CLOSE_S)


def is_reading(function: Callable[..., Any]) -> bool:
    """Whether the name says so; what has no name may write."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__name__", "").lstrip("_").startswith(READING)
