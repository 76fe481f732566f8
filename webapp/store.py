"""The way from the event loop to the database: its functions run in a few threads, never on the loop itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from storage.engine import Database

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8
"""As many as the connections that a pool keeps open; SQLite has one writer anyway."""
CLOSE_S = 2


class Store:
    """`await store(get_conversation, visitor_id, id)` calls `get_conversation(db, visitor_id, id)` in a thread."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store")

    async def __call__(self, function: Callable[Concatenate[Database, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.in_thread(partial(function, self.db, *args, **kwargs))

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Run any blocking call in one of the same threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def close(self) -> None:
        """Let what is under way end, a moment at most, and close the connections."""
        ending = asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(ending, CLOSE_S)
        self.db.close()
