"""Rings for what nobody rang for: lost rings, retries that are due, jobs of a worker that died. Never executes any.

Of several workers one looks each time (a row elects it). It rings only for what a free seat can take, and not again
for what was rung a moment ago, so that the queue does not fill with echoes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from debrief.settings import Settings
from storage import jobs
from storage.engine import Database
from tasks.feedback import seats_now

logger = logging.getLogger(__name__)


def look(db: Database, settings: Settings, ring: Callable[[str], None]) -> int:
    """Ring for all that needs it; gives how many."""
    overlooked = jobs.take_due(db, seats=seats_now(db, settings), overlooked_after_s=settings.reaper_interval_s)
    for job_id in overlooked:
        logger.info("rung job_id=%s", job_id)
        ring(job_id)
    return len(overlooked)


def look_in_turn(db: Database, settings: Settings, ring: Callable[[str], None]) -> int:
    """The same, unless another worker has looked within the interval."""
    if not jobs.win_turn(db, "reaper", every_s=settings.reaper_interval_s * 0.9):
        return 0
    return look(db, settings, ring)
