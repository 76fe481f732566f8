"""Storage that fails for real, in this process or another, and works again when told to.

* `full(db)`: SQLite's own SQLITE_FULL: no connection may make the file any longer.
* `no_room(pid)`: the system refuses every write to any file that the process makes (EFBIG; SQLite calls it a disk I/O
  error), so that database, queue and logs fail together. Pipes and sockets go on.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from storage.engine import Database


@contextmanager
def full(db: Database) -> Iterator[None]:
    """Within the block no page can be added, and the pages that the file has left are few."""

    def stop_growing(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present length where that is more

    event.listen(db.engine, "checkout", stop_growing)
    try:
        yield
    finally:
        event.remove(db.engine, "checkout", stop_growing)
        event.listen(db.engine, "checkout", _grow)


def _grow(connection: Any, _record: object, _proxy: object) -> None:
    connection.execute("PRAGMA max_page_count = 1073741823")


@contextmanager
def no_room(pid: int) -> Iterator[None]:
    """Within the block the process can write to no file; the hard limit stays, so that this can end."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
