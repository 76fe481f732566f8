"""The making of feedback as a queue: the job row is the job. How a visitor sees it is `storage/feedback.py`.

A worker claims a row with a fresh token and a lease, and may write to it only while the row still carries that token.
Work may happen twice, its result is stored once. Seats are counted in the same transaction as the claim, so that
workers on several machines share them.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, CursorResult, and_, delete, func, or_, select, text, update
from sqlalchemy.orm import Session

from debrief.errors import NotFound
from debrief.feedback import Check, FeedbackBody, JobState
from debrief.policy import Policy, Release
from debrief.review import ReviewState, move
from debrief.webhooks import OF_MOVES
from storage.audit import audit
from storage.engine import Database, new_id, utc_now
from storage.feedback import put_back
from storage.review_facts import begins_to_wait, note_version
from storage.tables import (
    ConversationRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    GaugeRow,
    ScenarioVersionRow,
    WorkerRow,
)
from storage.webhook_outbox import announce

logger = logging.getLogger(__name__)

CANNOT_REPEAT = "cannot_repeat"
RETRY_BACK_OFF = (1, 4, 15)
FORGET_WORKER_AFTER = timedelta(days=1)
CLOCKS_DIFFER = timedelta(seconds=60)
"""The clocks of several machines differ by less. What lies further ahead than it was ever set to was set before the
clock was put back: it holds nobody up."""

_Job = FeedbackJobRow
_WAITING = (JobState.QUEUED.value, JobState.RETRY_WAIT.value)
QUEUE_LOCK = 0x4465627269656600  # any number that nobody else locks on this PostgreSQL database


@dataclass(frozen=True)
class Claim:
    """A job in this worker's hands. Whoever writes to it shows `token`."""

    job_id: str
    token: str
    attempt: int
    feedback_id: str
    conversation_id: str
    leaf_id: str
    language: str
    repeats: str | None = None
    """The version that is to be made again exactly; its result is for the record and never shown to the visitor."""
    guidance: str | None = None
    """What a reviewer wants done better than in the version before."""


def claim_job(db: Database, job_id: str, worker_id: str, *, lease_s: float, seats: int) -> Claim | None:
    """Answer a ring: of all jobs that are due, or whose worker has been silent for too long, take the oldest.

    Which one that is the rows say, not the order of the rings: else a job whose worker died would wait behind all
    that were rung for meanwhile. None when nothing is due, or all `seats` are taken: then the job that was rung for
    is noted as not rung for, so that whoever frees a seat rings for it. A job that used up its attempts without an
    end (its worker died each time) ends as failed here.
    """
    now = utc_now()
    with db.write() as session:
        _lock_queue(session)
        if count_taken(session, now, lease_s=lease_s) >= seats:
            _forget_ring(session, job_id)
            return None
        job = _next_due(session, now, lease_s)
        if job is None:
            return None
        feedback = session.get_one(FeedbackRow, job.feedback_id)
        token = new_id("t")
        job.state, job.token, job.worker_id = JobState.RUNNING.value, token, worker_id
        job.lease_until = now + timedelta(seconds=lease_s)
        job.attempts += 1
        job.started_at = job.updated_at = now
        job.progress, job.error_code = {"step": "reading"}, None
        return Claim(
            job_id=job.id,
            token=token,
            attempt=job.attempts,
            feedback_id=feedback.id,
            conversation_id=job.conversation_id,
            leaf_id=job.leaf_id,
            language=feedback.language,
            repeats=job.repeats,
            guidance=job.guidance,
        )


def get_scenario_body(db: Database, claim: Claim) -> dict[str, Any]:
    """The scenario as it was when the conversation began.

    Raises:
        NotFound: the conversation has been deleted.
    """
    body = (
        select(ScenarioVersionRow.body)
        .join(ConversationRow, ConversationRow.scenario_hash == ScenarioVersionRow.hash)
        .where(ConversationRow.id == claim.conversation_id)
    )
    with db.read() as session:
        found = session.scalar(body)
        if found is None:
            raise NotFound
        return found


def extend_lease(db: Database, claim: Claim, *, lease_s: float) -> bool:
    """Say that the work goes on. False: the job is no longer ours, stop."""
    return _update_mine(db, claim, lease_until=utc_now() + timedelta(seconds=lease_s))


def set_progress(db: Database, claim: Claim, progress: dict[str, Any]) -> bool:
    """Tell the visitor what is being done. False: the job is no longer ours, stop."""
    return _update_mine(db, claim, progress=progress, updated_at=utc_now())


def store_result(
    db: Database,
    claim: Claim,
    *,
    body: FeedbackBody,
    checks: Sequence[Check],
    partial: bool,
    lineage: dict[str, Any],
    release: Release,
    sample_percent: int = 0,
) -> bool:
    """Store what was written, end the job and hand the feedback to its visitor or to a reviewer, all or nothing.

    `release` and `sample_percent` are the policy in force, see `debrief.policy`.

    Returns:
        False when the job is no longer ours: nothing is stored.
    """
    state = JobState.PARTIAL if partial else JobState.SUCCEEDED
    with db.write() as session:
        if not _end(session, claim, state):
            return False
        feedback = session.get_one(FeedbackRow, claim.feedback_id, with_for_update=True)
        version = _add_version(
            session, claim, "model", body, checks, partial=partial, lineage=lineage, parent_id=feedback.version_id
        )
        feedback.version_id = version.id
        note_version(session, feedback, version)
        if feedback.review_state == ReviewState.NONE.value:
            good = not partial and not any(check.is_fault for check in checks)
            policy = Policy(release, sample_percent)
            _hand_over(session, feedback, release_at_once=good and version.n == 1 and policy.releases(feedback.id))
        elif feedback.review_state == ReviewState.REGENERATING.value:
            _hand_over(session, feedback, release_at_once=False)
            feedback.review_round += 1  # other words: what was thought of the ones before is of another round
            feedback.review_before = feedback.claimed_by = feedback.claimed_until = feedback.claimed_at = None
        feedback.row_version += 1
        feedback.updated_at = utc_now()
        audit(
            session, "worker", "feedback_written", "feedback", feedback.id, version=version.id, state=state.value,
            review_state=feedback.review_state, attempts=claim.attempt,
        )  # fmt: skip
        return True


def store_repeat(
    db: Database,
    claim: Claim,
    *,
    body: FeedbackBody,
    checks: Sequence[Check],
    partial: bool,
    lineage: dict[str, Any],
) -> bool:
    """Store what came of making a version again beside it, and end the job. What the visitor sees stays as it is.

    Returns:
        False when the job is no longer ours: nothing is stored.
    """
    with db.write() as session:
        if not _end(session, claim, JobState.PARTIAL if partial else JobState.SUCCEEDED):
            return False
        session.get_one(FeedbackRow, claim.feedback_id, with_for_update=True)  # the version's number is taken alone
        version = _add_version(session, claim, "repeat", body, checks, partial=partial, lineage=lineage)
        same = bool(lineage["repeat"]["same"])
        audit(session, "worker", "feedback_repeated", "feedback", claim.feedback_id, version=version.id, same=same)
        return True


def refuse_repeat(db: Database, claim: Claim, differs: Sequence[str]) -> bool:
    """End a job that cannot make its version again exactly, and say what stands in the way.

    Returns:
        False when the job is no longer ours.
    """
    with db.write() as session:
        if not _end(session, claim, JobState.FAILED, CANNOT_REPEAT, progress={"differs": list(differs)}):
            return False
        cause = ":".join(differs)[:64]
        audit(session, "worker", CANNOT_REPEAT, "feedback", claim.feedback_id, version=claim.repeats, cause=cause)
        return True


def retry_later(db: Database, claim: Claim, error_code: str, *, first_wait_s: float) -> float | None:
    """Try again after a while, longer each time, or end the job as failed when this was the last attempt.

    Returns:
        Seconds until the job is due again; None when it has ended or is no longer ours.
    """
    with db.write() as session:
        job = _mine(session, claim)
        if job is None:
            return None
        if job.attempts >= job.max_attempts:
            _fail(session, job, error_code)
            return None
        back_off = RETRY_BACK_OFF[min(job.attempts, len(RETRY_BACK_OFF)) - 1]
        wait_s = first_wait_s * back_off * random.uniform(0.8, 1.2)  # noqa: S311 no secret
        _let_go(job, JobState.RETRY_WAIT, run_after=utc_now() + timedelta(seconds=wait_s), error_code=error_code)
        return wait_s


def give_back(db: Database, claim: Claim, *, error_code: str | None = None, after_s: float = 0) -> bool:
    """Put a job back as if it had not been tried: the worker stops, or the model is not ready.

    `error_code` says what it waits for. False: the job is no longer ours.
    """
    with db.write() as session:
        job = _mine(session, claim)
        if job is None:
            return False
        job.attempts -= 1
        _let_go(job, JobState.QUEUED, run_after=utc_now() + timedelta(seconds=after_s), error_code=error_code)
        return True


def fail_job(db: Database, claim: Claim, error_code: str) -> bool:
    """End a job that no further attempt can help. False: the job is no longer ours."""
    with db.write() as session:
        job = _mine(session, claim)
        if job is not None:
            _fail(session, job, error_code)
        return job is not None


def skip_job(db: Database, claim: Claim, error_code: str) -> bool:
    """End a job that has nothing to work on. False: the job is no longer ours."""
    with db.write() as session:
        if not _end(session, claim, JobState.SKIPPED, error_code):
            return False
        if claim.repeats is None:
            put_back(session, session.get_one(FeedbackRow, claim.feedback_id, with_for_update=True))
        return True


def forget_ring(db: Database, job_id: str) -> None:
    """Note that a ring came to nothing, so that the next look rings again."""
    with db.write() as session:
        _forget_ring(session, job_id)


def give_away(db: Database, worker_ids: Sequence[str]) -> int:
    """These workers have ended: what they held is due at once, and they are no longer told as alive.

    The attempt that each of their jobs was at is used up. Gives the number of jobs.
    """
    with db.write() as session:
        _lock_queue(session)  # on a server a claim can still be committed for a process that died after sending it
        session.execute(update(WorkerRow).where(WorkerRow.id.in_(worker_ids)).values(state="stopped"))
        held = update(_Job).where(_Job.worker_id.in_(worker_ids), _Job.state == JobState.RUNNING.value)
        return _rows(session.execute(held.values(lease_until=None, rung_at=None)))


def take_due(db: Database, *, seats: int, lease_s: float, overlooked_after_s: float) -> list[str]:
    """The jobs to ring for now, oldest first, noted as rung: as many as there are free seats, and no others.

    A job needs a ring when it is due and nobody has rung, or when a ring that came `overlooked_after_s` ago has not
    led to a claim although a seat is free. A running job whose lease has run out is due like a waiting one.
    """
    now = utc_now()
    overlooked = now - timedelta(seconds=overlooked_after_s)
    with db.write() as session:
        _lock_queue(session)
        free = seats - count_taken(session, now, lease_s=lease_s)
        if free <= 0:
            return []
        unheard = or_(_Job.rung_at.is_(None), _Job.rung_at <= overlooked, _Job.rung_at > now + CLOCKS_DIFFER)
        jobs = session.scalars(
            select(_Job).where(_is_due(now, lease_s), unheard).order_by(_Job.created_at, _Job.id).limit(free)
        ).all()
        for job in jobs:
            job.rung_at = now
        return [job.id for job in jobs]


def make_due(db: Database, error_code: str) -> int:
    """What waited for this (the model, say) need not wait any longer. Gives the number of jobs."""
    with db.write() as session:
        waiting = update(_Job).where(_Job.state == JobState.QUEUED.value, _Job.error_code == error_code)
        return _rows(session.execute(waiting.values(run_after=utc_now(), rung_at=None)))


def count_taken(session: Session, now: datetime, *, lease_s: float) -> int:
    """Jobs in good hands: running, with a lease in force."""
    held = and_(_Job.state == JobState.RUNNING.value, ~_has_lapsed(now, lease_s))
    return session.scalar(select(func.count()).where(held)) or 0


def win_turn(db: Database, name: str, *, every_s: float) -> bool:
    """Whether this process does a regular job this time. At most one process in `every_s` seconds gets True."""
    now = utc_now()
    with db.write() as session:
        _lock_queue(session)
        row = session.get(GaugeRow, f"turn:{name}")
        if row is None:
            session.add(GaugeRow(name=f"turn:{name}", value=0, at=now))
            return True
        if abs(now - row.at) < timedelta(seconds=every_s):  # further ahead: the clock was put back
            return False
        row.at = now
        return True


def beat(db: Database, worker_id: str) -> None:
    """A worker's sign of life. The rows of workers long gone are removed."""
    now = utc_now()
    with db.write() as session:
        row = session.get(WorkerRow, worker_id)
        if row is None:
            session.add(WorkerRow(id=worker_id, started_at=now, beat_at=now, state="running"))
            session.execute(delete(WorkerRow).where(WorkerRow.beat_at < now - FORGET_WORKER_AFTER))
        else:
            row.beat_at, row.state = now, "running"


def _lock_queue(session: Session) -> None:
    """One at a time past this point until the end of the transaction. On SQLite every write is alone already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": QUEUE_LOCK})


def _next_due(session: Session, now: datetime, lease_s: float) -> FeedbackJobRow | None:
    """The oldest job that is due and may be tried once more; those that may not end as failed."""
    due = select(_Job).where(_is_due(now, lease_s)).order_by(_Job.created_at, _Job.id).limit(1)
    while (job := session.scalar(due.with_for_update(skip_locked=True))) is not None:
        if job.attempts < job.max_attempts:
            return job
        _fail(session, job, "worker_lost")
        session.flush()
    return None


def _is_due(now: datetime, lease_s: float) -> ColumnElement[bool]:
    """Waiting, and its time has come; or running, and its worker has been silent for too long."""
    # A waiting job was last changed when its wait began: after now means that the clock was put back since.
    time_has_come = or_(_Job.run_after <= now, _Job.updated_at > now + CLOCKS_DIFFER)
    return or_(
        and_(_Job.state.in_(_WAITING), time_has_come),
        and_(_Job.state == JobState.RUNNING.value, _has_lapsed(now, lease_s)),
    )


def _has_lapsed(now: datetime, lease_s: float) -> ColumnElement[bool]:
    """All workers give leases of `lease_s`; one that ends later than such a lease can was given by another clock."""
    longest = now + timedelta(seconds=lease_s) + CLOCKS_DIFFER
    return or_(_Job.lease_until.is_(None), _Job.lease_until <= now, _Job.lease_until > longest)


def _forget_ring(session: Session, job_id: str) -> None:
    session.execute(update(_Job).where(_Job.id == job_id, _Job.state.in_(_WAITING)).values(rung_at=None))


def _is_mine(claim: Claim) -> ColumnElement[bool]:
    return and_(_Job.id == claim.job_id, _Job.token == claim.token, _Job.state == JobState.RUNNING.value)


def _mine(session: Session, claim: Claim) -> FeedbackJobRow | None:
    return session.scalar(select(_Job).where(_is_mine(claim)).with_for_update())


def _update_mine(db: Database, claim: Claim, **values: object) -> bool:
    with db.write() as session:
        return _rows(session.execute(update(_Job).where(_is_mine(claim)).values(**values))) == 1


def _end(
    session: Session,
    claim: Claim,
    state: JobState,
    error_code: str | None = None,
    *,
    progress: dict[str, Any] | None = None,
) -> bool:
    now = utc_now()
    ended = update(_Job).where(_is_mine(claim))
    return (
        _rows(
            session.execute(
                ended.values(
                    state=state.value,
                    token=None,
                    lease_until=None,
                    error_code=error_code,
                    progress=progress or {},
                    finished_at=now,
                    updated_at=now,
                )
            )
        )
        == 1
    )


def _let_go(job: FeedbackJobRow, state: JobState, *, run_after: datetime, error_code: str | None) -> None:
    job.state, job.token, job.lease_until, job.rung_at = state.value, None, None, None
    job.run_after, job.error_code, job.updated_at = run_after, error_code, utc_now()
    job.progress = {"step": "waiting"}


def _fail(session: Session, job: FeedbackJobRow, cause: str) -> None:
    """The visitor reads that it failed; why is for the operator, in the audit and the log."""
    now = utc_now()
    job.state, job.token, job.lease_until = JobState.FAILED.value, None, None
    job.error_code = "feedback_failed"
    job.finished_at = job.updated_at = now
    feedback = session.get_one(FeedbackRow, job.feedback_id, with_for_update=True)
    if job.repeats is None:
        put_back(session, feedback)
        feedback.updated_at = now
    logger.warning("job_failed job_id=%s cause=%s attempts=%d", job.id, cause, job.attempts)
    audit(session, "worker", "feedback_failed", "feedback", feedback.id, cause=cause, attempts=job.attempts)


def _hand_over(session: Session, feedback: FeedbackRow, *, release_at_once: bool) -> None:
    action = "auto_release" if release_at_once else "submit"
    before, now = ReviewState(feedback.review_state), utc_now()
    after = move(before, action)
    feedback.review_state = after.value
    for name, value in begins_to_wait(before, after, now).items():
        setattr(feedback, name, value)
    announce(session, OF_MOVES[action], feedback, state=after, before=before)


def _add_version(
    session: Session,
    claim: Claim,
    origin: Literal["model", "repeat"],
    body: FeedbackBody,
    checks: Sequence[Check],
    *,
    partial: bool,
    lineage: dict[str, Any],
    parent_id: str | None = None,
) -> FeedbackVersionRow:
    version = FeedbackVersionRow(
        id=new_id("fv"),
        feedback_id=claim.feedback_id,
        n=1 + last_version(session, claim.feedback_id),
        job_id=claim.job_id,
        parent_id=parent_id,
        origin=origin,
        partial=partial,
        body=body.model_dump(mode="json"),
        checks=[check.model_dump(mode="json") for check in checks],
        lineage={**lineage, "attempts": claim.attempt},
        created_at=utc_now(),
    )
    session.add(version)
    return version


def last_version(session: Session, feedback_id: str) -> int:
    """The number of the newest version, 0 where there is none; with the feedback's row locked it stays so."""
    newest = select(func.max(FeedbackVersionRow.n)).where(FeedbackVersionRow.feedback_id == feedback_id)
    return session.scalar(newest) or 0


def _rows(result: object) -> int:
    assert isinstance(result, CursorResult)  # noqa: S101 what an UPDATE gives
    return result.rowcount
