"""Versions made again from their own record, for whoever wants to know how a feedback came about.

The result stands beside the version as one more, with what was compared in its lineage; the version that counts stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from debrief.errors import Conflict, NotFound
from debrief.feedback import JobState
from storage.accounts import Account
from storage.audit import audit
from storage.engine import Database, new_id
from storage.feedback import digest, new_job
from storage.tables import FeedbackJobRow, FeedbackRow, FeedbackVersionRow


@dataclass(frozen=True)
class Repeat:
    """One wish to make a version again, and what came of it.

    Args:
        job_id: its making.
        version_n: which version.
        state: of its making.
        error_code: why it failed; `cannot_repeat`: something is no longer as it was.
        in_the_way: what that is, by the names of `debrief.repeat.DIFFERENCES`.
        same: whether the body is the same to the byte; None while there is none.
        differs: where it is not, as paths into the body.
        sampling: how a model chose: none, greedy, seeded or random; None while there is no result.
        asked_at: when.
    """

    job_id: str
    version_n: int
    state: JobState
    error_code: str | None
    in_the_way: tuple[str, ...]
    same: bool | None
    differs: tuple[str, ...]
    sampling: str | None
    asked_at: datetime


@dataclass(frozen=True)
class StoredVersion:
    """A version as JSON data."""

    id: str
    body: dict[str, Any]
    lineage: dict[str, Any]


def request_repeat(db: Database, account: Account, feedback_id: str, *, version_n: int | None = None) -> str | None:
    """Ask for a version of a feedback to be made again; by default the one that counts.

    Returns:
        The id of the job to ring for; None: it is being made again already.

    Raises:
        NotFound: no such feedback or version.
        Conflict: the version was not written by the program.
    """
    with db.write() as session:
        feedback = session.get(FeedbackRow, feedback_id, with_for_update=True)
        version = _version(session, feedback, version_n) if feedback else None
        if feedback is None or version is None:
            raise NotFound
        made_by = session.get(FeedbackJobRow, version.job_id) if version.job_id else None
        if version.origin != "model" or made_by is None:
            raise Conflict("not_repeatable")
        if _is_open(session, version.id):
            return None
        audit(session, account.id, "repeat", "feedback", feedback_id, version=version.id)
        key = digest("repeat", version.id, new_id("n"))
        return new_job(session, feedback, leaf_id=made_by.leaf_id, dedupe_key=key, repeats=version.id).id


def get_version(db: Database, version_id: str) -> StoredVersion:
    """Raises NotFound: it was deleted."""
    with db.read() as session:
        row = session.get(FeedbackVersionRow, version_id)
        if row is None:
            raise NotFound
        return StoredVersion(row.id, row.body, row.lineage)


def list_repeats(session: Session, feedback_id: str) -> tuple[Repeat, ...]:
    """All of a feedback, newest first, inside the caller's transaction."""
    jobs = session.scalars(
        select(FeedbackJobRow)
        .where(FeedbackJobRow.feedback_id == feedback_id, FeedbackJobRow.repeats.is_not(None))
        .order_by(FeedbackJobRow.created_at.desc(), FeedbackJobRow.id)
    ).all()
    if not jobs:
        return ()
    versions = session.scalars(select(FeedbackVersionRow).where(FeedbackVersionRow.feedback_id == feedback_id)).all()
    numbers = {version.id: version.n for version in versions}
    results = {version.job_id: version.lineage["repeat"] for version in versions if version.origin == "repeat"}
    return tuple(_repeat(job, numbers[job.repeats or ""], results.get(job.id)) for job in jobs)


def _repeat(job: FeedbackJobRow, version_n: int, result: dict[str, Any] | None) -> Repeat:
    return Repeat(
        job_id=job.id,
        version_n=version_n,
        state=JobState(job.state),
        error_code=job.error_code,
        in_the_way=tuple(job.progress.get("differs", ())),
        same=result["same"] if result else None,
        differs=tuple(result["differs"]) if result else (),
        sampling=result["sampling"] if result else None,
        asked_at=job.created_at,
    )


def _version(session: Session, feedback: FeedbackRow, n: int | None) -> FeedbackVersionRow | None:
    wanted = FeedbackVersionRow.id == feedback.version_id if n is None else FeedbackVersionRow.n == n
    return session.scalar(select(FeedbackVersionRow).where(FeedbackVersionRow.feedback_id == feedback.id, wanted))


def _is_open(session: Session, version_id: str) -> bool:
    over = [state.value for state in JobState if state.is_final]
    query = select(FeedbackJobRow.id).where(FeedbackJobRow.repeats == version_id, FeedbackJobRow.state.not_in(over))
    return session.scalar(query.limit(1)) is not None
