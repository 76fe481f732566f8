"""The clock on the wall, which somebody sets; what is measured without it goes on as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo

from storage import engine


class Clock:
    """What `storage.engine.utc_now` tells in this process."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def jump(self, **how_far: float) -> None:
        self._ahead += timedelta(**how_far)

    def now(self, zone: tzinfo = UTC) -> datetime:
        return datetime.now(zone) + self._ahead


@contextmanager
def clock() -> Iterator[Clock]:
    ours = Clock()
    engine.datetime = ours  # type: ignore[assignment]  # only its `now` is used
    try:
        yield ours
    finally:
        engine.datetime = datetime
