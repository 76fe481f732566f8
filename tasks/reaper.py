"""Rings for what nobody rang for: lost rings, retries that are due, jobs of a worker that died. Never executes any.

Workers that died on this machine are known by their sign of life: what they held is given away at once. All others
(on another machine, or frozen) lose their jobs when the lease ends.

Also asks for the feedback of talks that have been silent for long, where the settings say so.

Of several workers one looks each time (a row elects it). It rings only for what a free seat can take, and not again
for what was rung a moment ago, so that the queue does not fill with echoes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from debrief.errors import TooBusy
from debrief.settings import Settings
from debrief.versions import request_versions
from storage import alive, jobs, unasked
from storage.engine import Database
from storage.feedback import FeedbackLimits
from tasks.feedback import seats_now

logger = logging.getLogger(__name__)

IDLE_LOOK_S = 60


def look(db: Database, settings: Settings, ring: Callable[[str], None]) -> int:
    """Ring for all that needs it; gives how many."""
    overlooked = jobs.take_due(
        db,
        seats=seats_now(db, settings),
        lease_s=settings.job_lease_s,
        overlooked_after_s=settings.reaper_interval_s,
    )
    for job_id in overlooked:
        logger.info("rung job_id=%s", job_id)
        ring(job_id)
    return len(overlooked)


def signs_of_life(settings: Settings) -> Path:
    """The folder in which each worker of this machine shows that it lives."""
    return settings.data_dir / "alive" / "workers"


def take_over(db: Database, settings: Settings, ring: Callable[[str], None]) -> int:
    """Ring for what was in the hands of this machine's workers that died; gives how many have been found.

    Not in turn with other workers: those of another machine do not see who died here. Two that do it at once do no
    harm, because a job taken meanwhile is no longer the dead worker's.
    """
    dead = alive.list_dead(signs_of_life(settings))
    if dead:
        left = jobs.give_away(db, dead)
        logger.warning("workers_died worker_ids=%s jobs=%d", ",".join(dead), left)
        look(db, settings, ring)
        alive.forget(signs_of_life(settings), dead)
    return len(dead)


def look_in_turn(db: Database, settings: Settings, ring: Callable[[str], None]) -> int:
    """The same, unless another worker has looked within the interval."""
    if not jobs.win_turn(db, "reaper", every_s=settings.reaper_interval_s * 0.9):
        return 0
    return look(db, settings, ring)


def ask_in_turn(db: Database, settings: Settings, ring: Callable[[str], None]) -> int:
    """Ask for the feedback of talks that have been silent for `feedback_idle_min`; gives for how many.

    Of several workers one looks, about once a minute: the look reads all talks of a day.
    """
    silence = timedelta(minutes=settings.feedback_idle_min)
    every_s = min(IDLE_LOOK_S, silence.total_seconds() / 4)
    if not silence or not jobs.win_turn(db, "idle", every_s=every_s):
        return 0
    asked = 0
    for silent in unasked.list_silent(db, silence):
        job_id = _ask_after_silence(db, settings, silent, silence)
        if job_id is not None:
            logger.info("asked_after_silence job_id=%s", job_id)
            ring(job_id)
            asked += 1
    return asked


def _ask_after_silence(db: Database, settings: Settings, silent: unasked.Silent, silence: timedelta) -> str | None:
    """Where a limit is reached the talk waits for a later look: for a day, then nobody asks for it any more."""
    versions, limits = request_versions(settings, silent.scenario_hash), FeedbackLimits.of(settings)
    try:
        return unasked.request_after_silence(db, silent.conversation_id, silence, versions=versions, limits=limits)
    except TooBusy as refusal:
        logger.info("not_asked_after_silence conversation_id=%s code=%s", silent.conversation_id, refusal.reason)
        return None
