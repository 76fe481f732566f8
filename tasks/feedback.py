"""One feedback, from claim to result. Reads top to bottom: claim, load, ask, check, store.

What goes wrong is decided here once: what gives the job back untried, what is tried again, what ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from debrief.errors import DebriefError, InputRejected, ModelUnavailable, NotFound
from debrief.manner import Likeness
from debrief.request import Ask
from debrief.scenario import Scenario
from debrief.settings import Settings
from debrief.transcript import number_lines
from debrief.writing import Written, write_feedback
from inference.client import ChatModel, Completion
from inference.likeness import open_likeness
from storage import conversations, jobs
from storage.engine import Database
from storage.jobs import Claim
from tasks.manner import chat_is_slow, decide_manner

logger = logging.getLogger(__name__)

MODEL_RECHECK_S = 30
"""When a job that waits for the model looks again by itself; usually it is rung for as soon as the model is ready."""


class JobLost(Exception):
    """The job is no longer ours: another worker has it, or it was cancelled or deleted."""


def _happened() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True)
class Desk:
    """What making a feedback needs.

    Args:
        needs_model: is called when a job has to wait for the model.
        likeness: places where the model does not.
        probe_over: set when nothing more is to be learned of the model for now; see tasks/manner.py.
    """

    settings: Settings
    db: Database
    model: ChatModel
    worker_id: str
    needs_model: Callable[[], None]
    likeness: Likeness = field(default_factory=open_likeness)
    probe_over: asyncio.Event = field(default_factory=_happened)

    async def ask(self, question: Ask) -> Completion:
        return await self.model.complete_structured(
            question.messages,
            schema=question.schema,
            schema_name=question.schema_name,
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            seed=question.seed,
        )


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
        written = await _while_beating(desk, claim, _write(desk, claim))
        stored = await asyncio.to_thread(_store, desk, claim, written)
        logger.info("job_done job_id=%s stored=%s partial=%s", claim.job_id, stored, written.partial)
    except (JobLost, NotFound):
        logger.warning("job_lost job_id=%s attempt=%d", claim.job_id, claim.attempt)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.to_thread(jobs.give_back, desk.db, claim))
        logger.info("job_given_back job_id=%s", claim.job_id)
        raise
    except ModelUnavailable:
        desk.needs_model()
        await asyncio.to_thread(
            jobs.give_back, desk.db, claim, error_code=ModelUnavailable.code, after_s=MODEL_RECHECK_S
        )
    except InputRejected as error:
        await asyncio.to_thread(jobs.skip_job, desk.db, claim, error.reason)
    except DebriefError as error:
        logger.warning("job_attempt_failed job_id=%s attempt=%d code=%s", claim.job_id, claim.attempt, error.reason)
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
    body = await asyncio.to_thread(jobs.get_scenario_body, desk.db, claim)
    path = await asyncio.to_thread(conversations.list_path, desk.db, claim.conversation_id, claim.leaf_id)
    transcript = number_lines(path)
    if not transcript.choosable:
        raise InputRejected("too_short")

    async def report(progress: dict[str, Any]) -> None:
        if not await asyncio.to_thread(jobs.set_progress, desk.db, claim, progress):
            raise JobLost

    manner = await decide_manner(desk, claim.language)
    # Likeness needs no model: then a debrief can be had while there is none.
    model = await desk.model.info() if manner.placing == "model" else None
    return await write_feedback(
        desk.ask,
        transcript,
        Scenario.from_body(body),
        claim.language,
        manner,
        report,
        likeness=desk.likeness,
        context_tokens=model.context_tokens if model else 4096,
        count=desk.model.count_tokens,
        model=model.name if model else "",
        # Another attempt is to write something else. What is not sent must not stand in the lineage either.
        seed=100 * claim.attempt if desk.settings.model_seeds == "on" else None,
    )


async def _retry_later(desk: Desk, claim: Claim, error_code: str) -> float | None:
    return await asyncio.to_thread(jobs.retry_later, desk.db, claim, error_code, first_wait_s=desk.settings.job_retry_s)


def _store(desk: Desk, claim: Claim, written: Written) -> bool:
    return jobs.store_result(
        desk.db,
        claim,
        body=written.body,
        checks=written.checks,
        partial=written.partial,
        lineage=written.lineage,
        release=desk.settings.release,
    )


async def _while_beating(desk: Desk, claim: Claim, work: Awaitable[Written]) -> Written:
    """Await the work while its lease is kept up; a lost lease ends the work at once, and with it the model's."""

    async def keep_lease() -> None:
        while True:
            await asyncio.sleep(desk.settings.job_heartbeat_s)
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
