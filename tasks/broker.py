"""The bell: Huey carries job ids from the web process to a worker, nothing else.

Huey deletes a message when it hands it out, so a ring can be lost; the job row is the job and the reaper rings again.
Messages are JSON: Huey's own pickle would let whoever can write the queue run code in the worker.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from huey import Huey
from huey.registry import Message
from huey.storage import RedisStorage, SqliteStorage
from redis import ConnectionPool

from debrief.settings import Settings

logger = logging.getLogger(__name__)

QUEUE = "debrief"
RING_TIMEOUT_S = 0.5
CONSUME_TIMEOUT_S = 5.0


class JsonSerializer:
    """Huey's messages as JSON."""

    def serialize(self, data: object) -> bytes:
        return json.dumps(data).encode()

    def deserialize(self, data: bytes | memoryview) -> Message:
        return Message(*json.loads(bytes(data)))


class Broker:
    """One end of the bell. Nothing is opened before the first ring, so a locked queue does not stop a start.

    Args:
        settings: name the queue's file or its Redis.
        answer: what a worker does on a ring; the web process gives none.
    """

    def __init__(self, settings: Settings, answer: Callable[[str], None] | None = None) -> None:
        self._file = None if settings.queue_url else settings.queue_file
        self._inode: int | None = None
        timeout_s = RING_TIMEOUT_S if answer is None else CONSUME_TIMEOUT_S
        self.huey = Huey(
            QUEUE,
            results=False,
            serializer=JsonSerializer(),
            **_redis(settings.queue_url, timeout_s) if settings.queue_url else _sqlite(settings.queue_file, timeout_s),
        )

        def ring(job_id: str) -> None:
            if answer is not None:
                answer(job_id)

        self._ring = self.huey.task(name="ring")(ring)

    def ring(self, job_id: str) -> None:
        """Announce a job. Never raises: the job is stored, and the reaper rings again for what nobody heard."""
        try:
            self._open()
            self._ring(job_id)
        except Exception as error:  # noqa: BLE001 a bell that is out of order must not undo the request
            logger.warning("ring_failed job_id=%s error=%s", job_id, type(error).__name__)

    def open(self) -> None:
        """Make the queue ready, or find out that it was deleted and use the new one. Never raises either."""
        try:
            self._open()
        except Exception as error:  # noqa: BLE001 as above; the next call tries again
            logger.warning("queue_not_open error=%s", type(error).__name__)

    def _open(self) -> None:
        if self._file is None:
            return
        inode = _make_private(self._file)
        if inode != self._inode:
            self.huey.storage.close()
            self.huey.storage.initialize_schema()
            self._inode = inode


def _sqlite(file: Path, timeout_s: float) -> dict[str, object]:
    return {
        "storage_class": SqliteStorage,
        "filename": str(file),
        "timeout": timeout_s,
        "create_tables": False,
        "cache_mb": 1,
        "fsync": False,  # a ring lost in a power cut is rung again
    }


def _redis(url: str, timeout_s: float) -> dict[str, object]:
    make_pool = cast("Callable[..., object]", ConnectionPool.from_url)  # redis leaves its options untyped
    pool = make_pool(url, socket_connect_timeout=timeout_s, socket_timeout=timeout_s)
    return {"storage_class": RedisStorage, "connection_pool": pool, "read_timeout": 1}


def _make_private(file: Path) -> int:
    """Make sure that the queue file is there and that only we can read it; gives its inode.

    Never opens a file that is there: closing it would drop the locks that SQLite holds on it in this process
    (sqlite.org/howtocorrupt.html, 2.2). A log left over from a deleted file must not be played into the new one.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.with_name(f"{file.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                for leftover in ("-wal", "-shm"):
                    file.with_name(file.name + leftover).unlink(missing_ok=True)
                os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    return file.stat().st_ino
