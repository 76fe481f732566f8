"""One feedback, from claim to result. Reads top to bottom: claim, load, ask, check, store.

What goes wrong is decided here once: what gives the job back untried, what is tried again, what ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from debrief.errors import DebriefError, InputRejected, ModelBusy, ModelUnavailable, NotFound, NotReadable, NotSaved
from debrief.policy import policy_for
from debrief.settings import Settings
from debrief.writing import Written
from inference import failures
from storage import jobs
from storage.engine import Database
from storage.jobs import Claim
from tasks.desk import Desk, JobLost, load_talk, whom_to_ask, write
from tasks.manner import chat_is_slow, decide_manner
from tasks.repeat import CannotRepeat, make_again

logger = logging.getLogger(__name__)

T = TypeVar("T")

STORE_AGAIN_S = (0.5, 10.0)
"""First and longest pause between two attempts to store a result for which there was no room."""
MODEL_RECHECK_S = 30
"""When a job that waits for the model looks again by itself; usually it is rung for as soon as the model is ready."""

BUSY_RETRIES = 5
"""Waits before a second attempt that a job waits for a model that turns it away and does not say for how long."""
BUSY_MOST_S = 300
"""Longest wait that a model server may ask for."""


async def make_feedback(desk: Desk, job_id: str) -> float | None:
    """Do one job, if it is there to be done.

    Returns:
        Seconds until the job is due again, None when it has ended or waits for something else.
    """
    settings = desk.settings
    seats = await asyncio.to_thread(seats_now, desk.db, settings)
    claim = await asyncio.to_thread(
        jobs.claim_job, desk.db, job_id, desk.worker_id, lease_s=settings.job_lease_s, seats=seats
    )
    if claim is None:
        return None
    logger.info("job_started job_id=%s attempt=%d", claim.job_id, claim.attempt)
    try:
        make = make_again if claim.repeats else _write
        written = await _while_beating(desk, claim, make(desk, claim))
        stored = await _while_beating(desk, claim, _store_when_there_is_room(desk, claim, written))
        logger.info("job_done job_id=%s stored=%s partial=%s", claim.job_id, stored, written.partial)
    except (JobLost, NotFound):
        logger.warning("job_lost job_id=%s attempt=%d", claim.job_id, claim.attempt)
    except asyncio.CancelledError:
        with suppress(NotSaved):  # then its lease ends, or the sign of life of this worker
            await asyncio.shield(asyncio.to_thread(jobs.give_back, desk.db, claim))
            logger.info("job_given_back job_id=%s", claim.job_id)
        raise
    except ModelUnavailable as error:
        return await _wait_for_model(desk, claim, error)
    except CannotRepeat as error:
        logger.info("job_cannot_repeat job_id=%s differs=%s", claim.job_id, error.differs)
        await asyncio.to_thread(jobs.refuse_repeat, desk.db, claim, error.differs)
    except InputRejected as error:
        await asyncio.to_thread(jobs.skip_job, desk.db, claim, error.reason)
    except DebriefError as error:
        fields = (claim.job_id, claim.attempt, error.reason, failures.cause(error))
        logger.warning("job_attempt_failed job_id=%s attempt=%d code=%s cause=%s", *fields)
        if error.retryable:
            return await _retry_later(desk, claim, error.reason)
        await asyncio.to_thread(jobs.fail_job, desk.db, claim, error.reason)
    except Exception:
        logger.exception("job_attempt_broke job_id=%s attempt=%d", claim.job_id, claim.attempt)
        return await _retry_later(desk, claim, DebriefError.code)
    return None


def seats_now(db: Database, settings: Settings) -> int:
    """How many feedbacks may be in flight: one only, while chat's first token is slow in coming."""
    if chat_is_slow(db, settings):
        return 1
    return min(settings.feedback_seats, settings.model_seats - 1)


async def _write(desk: Desk, claim: Claim) -> Written:
    talk = await load_talk(desk, claim)
    manner = await decide_manner(desk, claim.language)
    asked = await whom_to_ask(desk, manner)
    # Another attempt is to write something else. What is not sent must not stand in the lineage either.
    seed = 100 * claim.attempt if desk.settings.model_seeds == "on" else None
    return await write(desk, claim, talk, manner, asked, seed=seed, guidance=claim.guidance or "")


async def _wait_for_model(desk: Desk, claim: Claim, error: ModelUnavailable) -> float | None:
    """Give the job back untried. One that waits for a place is looked at after a while, one for the start is rung."""
    if isinstance(error, ModelBusy):
        wait_s = min(error.retry_after_s or BUSY_RETRIES * desk.settings.job_retry_s, BUSY_MOST_S)
        await asyncio.to_thread(jobs.give_back, desk.db, claim, error_code=error.reason, after_s=wait_s)
        return wait_s
    desk.needs_model()
    await asyncio.to_thread(jobs.give_back, desk.db, claim, error_code=error.reason, after_s=MODEL_RECHECK_S)
    return None


async def _retry_later(desk: Desk, claim: Claim, error_code: str) -> float | None:
    return await asyncio.to_thread(jobs.retry_later, desk.db, claim, error_code, first_wait_s=desk.settings.job_retry_s)


async def _store_when_there_is_room(desk: Desk, claim: Claim, written: Written) -> bool:
    """What took minutes to make is not thrown away because the database is full, locked or away just now."""
    pause_s = STORE_AGAIN_S[0]
    while True:
        try:
            return await asyncio.to_thread(_store, desk, claim, written)
        except (NotReadable, NotSaved):
            logger.warning("job_waits_for_room job_id=%s", claim.job_id)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, STORE_AGAIN_S[1])


def _store(desk: Desk, claim: Claim, written: Written) -> bool:
    if claim.repeats:
        return jobs.store_repeat(
            desk.db,
            claim,
            body=written.body,
            checks=written.checks,
            partial=written.partial,
            lineage=written.lineage,
        )
    policy = policy_for(desk.settings, jobs.get_scenario_body(desk.db, claim))
    return jobs.store_result(
        desk.db,
        claim,
        body=written.body,
        checks=written.checks,
        partial=written.partial,
        lineage=written.lineage,
        release=policy.release,
        sample_percent=policy.sample_percent,
    )


async def _while_beating(desk: Desk, claim: Claim, work: Awaitable[T]) -> T:
    """Await the work while its lease is kept up; a lost lease ends the work at once, and with it the model's.

    A lease that cannot be written is not lost: as long as nobody can write, nobody can take the job away.
    """

    async def keep_lease() -> None:
        while True:
            await asyncio.sleep(desk.settings.job_heartbeat_s)
            with suppress(NotSaved):
                if not await asyncio.to_thread(jobs.extend_lease, desk.db, claim, lease_s=desk.settings.job_lease_s):
                    raise JobLost

    working = asyncio.ensure_future(work)
    beating = asyncio.create_task(keep_lease())
    try:
        await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            beating.result()
        return await working
    finally:
        for task in (working, beating):
            task.cancel()
        await asyncio.gather(working, beating, return_exceptions=True)
