"""Feedback as its owner asks for it and sees it. How its making runs is `storage/jobs.py`.

A feedback has one job for each time that it is made (again), and a version for each time that somebody wrote it: the
model or a person. What a visitor sees is one `FeedbackView` of the three.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from debrief.conversation import MessageState
from debrief.errors import InputRejected, NotFound, TooBusy
from debrief.feedback import AskedBy, Check, Dispute, FeedbackBody, FeedbackView, JobState
from debrief.review import ReviewState, move
from debrief.settings import Settings
from debrief.texts import Wait
from storage.audit import SYSTEM, audit
from storage.engine import Database, new_id, utc_now
from storage.spending import UNLIMITED, Daily, spend
from storage.tables import (
    ConversationRow,
    DisputeRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    MessageRow,
    ReactionRow,
    WorkerRow,
)

WORKER_SILENT_AFTER_S = 30
WAITING = (JobState.QUEUED.value, JobState.RETRY_WAIT.value)
UNFINISHED = (*WAITING, JobState.RUNNING.value)
RETRY_AFTER_S = 60
"""When all places are taken: with every feedback that is finished one gets free."""
FRUITLESS = (JobState.FAILED.value, JobState.CANCELLED.value, JobState.SKIPPED.value)
"""Makings that ended without a version."""
_BEING_MADE = (ReviewState.NONE.value, ReviewState.REGENERATING.value)
_TAKEN_BACK = (ReviewState.REJECTED.value, ReviewState.WITHDRAWN.value)


@dataclass(frozen=True)
class FeedbackLimits:
    """How many feedbacks may be asked for, and how many may wait or be made at once; 0: no limit."""

    daily: Daily = UNLIMITED
    waiting: int = 0
    waiting_per_visitor: int = 0

    @classmethod
    def of(cls, settings: Settings) -> FeedbackLimits:
        return cls(
            Daily(settings.feedbacks_per_day, settings.feedbacks_per_day_per_visitor),
            settings.feedbacks_waiting,
            settings.feedbacks_waiting_per_visitor,
        )


NO_LIMITS = FeedbackLimits()


def request_feedback(
    db: Database,
    visitor_id: str,
    conversation_id: str,
    *,
    versions: dict[str, str],
    nonce: str = "",
    limits: FeedbackLimits = NO_LIMITS,
) -> tuple[FeedbackView, str | None]:
    """Ask for a debrief of what has been said so far; asking twice for the same is asking once.

    `versions` is what else decides the outcome (rubric, prompt, schema, model): another version is another request.
    Any `nonce` asks for the same once more on purpose.

    Returns:
        The feedback, and the id of the job to ring for: None when the request had been made before.

    Raises:
        NotFound: no such conversation, or not this visitor's.
        InputRejected: nothing of the visitor's own to review.
        TooBusy: a limit is reached; a request that had been made before is never refused.
    """
    with db.write() as session:
        # The lock makes requests for one conversation wait for each other on PostgreSQL; on SQLite all writers wait.
        conversation = session.scalar(
            select(ConversationRow)
            .where(ConversationRow.id == conversation_id, ConversationRow.visitor_id == visitor_id)
            .with_for_update()
        )
        if conversation is None:
            raise NotFound()
        path = settled_path(session, conversation)
        if not any(message.role == "user" and message.text.strip() for message in path):
            raise InputRejected("nothing_to_review")
        feedback, job_id = find_or_begin(session, conversation, path, versions=versions, limits=limits, nonce=nonce)
        return read_views(session, [feedback])[0], job_id


def find_or_begin(
    session: Session,
    conversation: ConversationRow,
    path: list[MessageRow],
    *,
    versions: dict[str, str],
    limits: FeedbackLimits,
    nonce: str = "",
    asked_by: AskedBy = "visitor",
) -> tuple[FeedbackRow, str | None]:
    """The feedback on this path, inside the caller's transaction, which holds the conversation's lock.

    Returns:
        The feedback, and the id of the job to ring for after the commit: None when the request had been made before.

    Raises:
        TooBusy: a limit is reached. The caller's transaction must not be committed then.
    """
    key, existing = _find_request(session, conversation.id, path, versions, nonce)
    if existing is not None:
        return _get_row(session, existing.feedback_id), None
    _check_room(session, conversation.visitor_id, limits)
    feedback = _new_feedback(session, conversation, asked_by)
    return feedback, new_job(session, feedback, leaf_id=path[-1].id, dedupe_key=key).id


def _check_room(session: Session, visitor_id: str, limits: FeedbackLimits) -> None:
    """Spend a feedback, or refuse. Spending comes first: it makes those who ask at once count one after another."""
    spend(session, "feedbacks", visitor_id, limits.daily, utc_now())
    unfinished = select(func.count()).select_from(FeedbackJobRow).where(FeedbackJobRow.state.in_(UNFINISHED))
    own = unfinished.join(ConversationRow, ConversationRow.id == FeedbackJobRow.conversation_id).where(
        ConversationRow.visitor_id == visitor_id, FeedbackJobRow.repeats.is_(None)
    )
    most = limits.waiting_per_visitor
    if most and (session.scalar(own) or 0) >= most:
        raise TooBusy("feedbacks_waiting", limit=most, retry_after_s=RETRY_AFTER_S)
    if limits.waiting and (session.scalar(unfinished) or 0) >= limits.waiting:
        raise TooBusy("feedbacks_waiting_of_all", wait=Wait(RETRY_AFTER_S), retry_after_s=RETRY_AFTER_S)


def cancel_feedback(db: Database, visitor_id: str, feedback_id: str) -> FeedbackView:
    """Stop the making of a feedback, where it has not ended already. A worker on it finds out by its next beat.

    Raises:
        NotFound: no such feedback, or not this visitor's.
    """
    with db.write() as session:
        feedback = owned_row(session, visitor_id, feedback_id)
        stop_making(session, feedback_id)
        put_back(session, feedback)
        feedback.updated_at = utc_now()
        session.flush()
        return read_views(session, [feedback])[0]


def put_back(session: Session, feedback: FeedbackRow) -> None:
    """What was to be written anew was not: it stands where it stood, with the words that it had.

    Inside the caller's transaction, which holds the row's lock. No change where nothing was to be written anew.
    """
    if feedback.review_state != ReviewState.REGENERATING.value:
        return
    before = ReviewState(feedback.review_before or ReviewState.PENDING)
    feedback.review_state = move(ReviewState.REGENERATING, "restore", before=before).value
    feedback.review_before = None
    feedback.row_version += 1
    audit(
        session, SYSTEM, "restore", "feedback", feedback.id,
        before=ReviewState.REGENERATING.value, after=feedback.review_state, version=feedback.version_id,
    )  # fmt: skip


def stop_making(session: Session, feedback_id: str) -> None:
    """End what is being made of a feedback, inside the caller's transaction: its worker stores nothing any more.

    To be done before the feedback's row is locked: workers lock the two in this order.
    """
    now = utc_now()
    for job in session.scalars(_jobs_of([feedback_id]).with_for_update()):
        if not JobState(job.state).is_final:
            job.state, job.token, job.lease_until = JobState.CANCELLED.value, None, None
            job.finished_at = job.updated_at = now


def get_feedback(db: Database, visitor_id: str, feedback_id: str) -> FeedbackView:
    """One feedback of this visitor's.

    Raises:
        NotFound: no such feedback, or not this visitor's.
    """
    with db.read() as session:
        return read_views(session, [owned_row(session, visitor_id, feedback_id)])[0]


def list_feedback(db: Database, visitor_id: str, conversation_id: str) -> list[FeedbackView]:
    """All feedback of a conversation, newest first.

    Raises:
        NotFound: no such conversation, or not this visitor's.
    """
    with db.read() as session:
        owned = select(ConversationRow.id).where(
            ConversationRow.id == conversation_id, ConversationRow.visitor_id == visitor_id
        )
        if session.scalar(owned) is None:
            raise NotFound()
        rows = session.scalars(
            select(FeedbackRow)
            .where(FeedbackRow.conversation_id == conversation_id)
            .order_by(FeedbackRow.created_at.desc(), FeedbackRow.id)
        )
        return read_views(session, list(rows))


def list_changed(db: Database, visitor_ids: Collection[str], since: datetime) -> list[tuple[str, FeedbackView]]:
    """What changed for these visitors from `since` on: progress, ends, reviews, places in the queue; oldest first.

    A change carries the time of its transaction, which may end a moment later: look a second further back than the
    last time, and expect to see some twice.
    """
    if not visitor_ids:
        return []
    left_queue = select(FeedbackJobRow.id).where(
        or_(FeedbackJobRow.started_at >= since, FeedbackJobRow.finished_at >= since)
    )
    moved_up = FeedbackJobRow.state.in_(WAITING) & left_queue.exists()
    with db.read() as session:
        found = session.execute(
            select(ConversationRow.visitor_id, FeedbackRow)
            .join(FeedbackRow, FeedbackRow.conversation_id == ConversationRow.id)
            .join(FeedbackJobRow, FeedbackJobRow.feedback_id == FeedbackRow.id)
            .where(
                ConversationRow.visitor_id.in_(visitor_ids),
                FeedbackJobRow.repeats.is_(None),
                or_(FeedbackRow.updated_at >= since, FeedbackJobRow.updated_at >= since, moved_up),
            )
            .order_by(FeedbackRow.updated_at, FeedbackRow.id)
        ).all()
        owners = {row.id: visitor_id for visitor_id, row in found}
        rows = {row.id: row for _, row in found}
        return [(owners[view.id], view) for view in read_views(session, list(rows.values()))]


def worker_is_alive(session: Session) -> bool:
    """Whether any worker has given a sign of life lately."""
    return count_workers_alive(session) > 0


def count_workers_alive(session: Session) -> int:
    """A sign of life that lies as far ahead as a stale one lies behind is from before the clock was put back."""
    now, lately = utc_now(), timedelta(seconds=WORKER_SILENT_AFTER_S)
    alive = WorkerRow.beat_at.between(now - lately, now + lately) & (WorkerRow.state != "stopped")
    return session.scalar(select(func.count()).select_from(WorkerRow).where(alive)) or 0


def new_job(
    session: Session,
    feedback: FeedbackRow,
    *,
    leaf_id: str,
    dedupe_key: str,
    repeats: str | None = None,
    guidance: str | None = None,
) -> FeedbackJobRow:
    """A queued job, inside the caller's transaction. One that `repeats` a version is no news to the visitor.

    `rung_at` is set because the caller rings right after the commit; if it dies first, the reaper finds the job
    overlooked.
    """
    now = utc_now()
    job = FeedbackJobRow(
        id=new_id("j"),
        feedback_id=feedback.id,
        conversation_id=feedback.conversation_id,
        leaf_id=leaf_id,
        dedupe_key=dedupe_key,
        repeats=repeats,
        guidance=guidance,
        state=JobState.QUEUED.value,
        run_after=now,
        rung_at=now,
        progress={"step": "waiting"},
        created_at=now,
        updated_at=now,
    )
    if repeats is None:
        feedback.updated_at = now
    session.add(job)
    session.flush()
    return job


def _new_feedback(session: Session, conversation: ConversationRow, asked_by: AskedBy) -> FeedbackRow:
    now = utc_now()
    feedback = FeedbackRow(
        id=new_id("f"),
        conversation_id=conversation.id,
        scenario_id=conversation.scenario_id,
        language=conversation.language,
        review_state=ReviewState.NONE.value,
        asked_by=asked_by,
        waiting_since=now,
        created_at=now,
        updated_at=now,
    )
    session.add(feedback)
    session.flush()
    return feedback


def settled_path(session: Session, conversation: ConversationRow) -> list[MessageRow]:
    """The active path from the opening line on, without an answer that is still being written."""
    rows = session.scalars(select(MessageRow).where(MessageRow.conversation_id == conversation.id))
    by_id = {row.id: row for row in rows}
    path: list[MessageRow] = []
    node = by_id.get(conversation.active_leaf_id or "")
    while node is not None:
        path.append(node)
        node = by_id.get(node.parent_id or "")
    path.reverse()
    if path and path[-1].state == MessageState.RUNNING.value:
        path.pop()
    return path


def _find_request(
    session: Session, conversation_id: str, path: list[MessageRow], versions: dict[str, str], nonce: str
) -> tuple[str, FeedbackJobRow | None]:
    """The key of this request and the job that answers it already, if any.

    A job without a result, or whose result a person turned down, answers nothing: the request gets the next free key.
    """
    said = digest(*([message.id, message.role, message.text] for message in path))
    again = 0
    while True:
        key = digest(conversation_id, path[-1].id, said, versions, nonce, again)
        job = session.scalar(select(FeedbackJobRow).where(FeedbackJobRow.dedupe_key == key))
        if job is None or not (job.state in FRUITLESS or _is_taken_back(session, job)):
            return key, job
        again += 1


def _is_taken_back(session: Session, job: FeedbackJobRow) -> bool:
    return _get_row(session, job.feedback_id).review_state in _TAKEN_BACK


def digest(*parts: object) -> str:
    """SHA-256 over JSON data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def owned_row(session: Session, visitor_id: str, feedback_id: str, *, lock: bool = False) -> FeedbackRow:
    """The row of a feedback of this visitor's, inside the caller's transaction.

    Raises:
        NotFound: no such feedback, or not this visitor's.
    """
    query = (
        select(FeedbackRow)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .where(FeedbackRow.id == feedback_id, ConversationRow.visitor_id == visitor_id)
    )
    row = session.scalar(query.with_for_update(of=FeedbackRow) if lock else query)
    if row is None:
        raise NotFound()
    return row


def _get_row(session: Session, feedback_id: str, *, lock: bool = False) -> FeedbackRow:
    row = session.get(FeedbackRow, feedback_id, with_for_update=lock)
    if row is None:
        raise NotFound()
    return row


def _jobs_of(feedback_ids: Iterable[str]) -> Select[FeedbackJobRow]:
    """What the visitor waits for or waited for; a version made once more for the record is none of theirs."""
    return select(FeedbackJobRow).where(FeedbackJobRow.feedback_id.in_(feedback_ids), FeedbackJobRow.repeats.is_(None))


def _counting_job(row: FeedbackRow, version: FeedbackVersionRow | None, jobs: list[FeedbackJobRow]) -> FeedbackJobRow:
    """What the visitor is told of: the newest making, or, where that was to replace words and did not, theirs."""
    newest = jobs[-1]
    if version is None or row.review_state in _BEING_MADE or newest.state not in FRUITLESS:
        return newest
    return next((job for job in reversed(jobs) if job.state not in FRUITLESS), newest)


def read_views(session: Session, rows: list[FeedbackRow]) -> list[FeedbackView]:
    """Each feedback with the job that counts and the version that does."""
    jobs: dict[str, list[FeedbackJobRow]] = {}
    for job in session.scalars(_jobs_of(row.id for row in rows).order_by(FeedbackJobRow.created_at)):
        jobs.setdefault(job.feedback_id, []).append(job)
    version_ids = [row.version_id for row in rows if row.version_id]
    versions = {
        version.id: version
        for version in session.scalars(select(FeedbackVersionRow).where(FeedbackVersionRow.id.in_(version_ids)))
    }
    said = _said(session, version_ids)
    alive = worker_is_alive(session)
    views: list[FeedbackView] = []
    for row in rows:
        if row.id in jobs:
            version = versions.get(row.version_id or "")
            job = _counting_job(row, version, jobs[row.id])
            views.append(_view(session, row, job, version, said, worker_alive=alive))
    return views


@dataclass(frozen=True)
class _Said:
    """What visitors said of versions: by version id."""

    helpful: dict[str, bool]
    disputes: dict[str, list[Dispute]]


def _said(session: Session, version_ids: Collection[str]) -> _Said:
    reactions = session.scalars(select(ReactionRow).where(ReactionRow.version_id.in_(version_ids)))
    return _Said({row.version_id: row.helpful for row in reactions}, read_disputes(session, version_ids))


def read_disputes(session: Session, version_ids: Collection[str]) -> dict[str, list[Dispute]]:
    """What was said to be wrong in these versions, open and closed, oldest first; by version id."""
    rows = session.scalars(
        select(DisputeRow).where(DisputeRow.version_id.in_(version_ids)).order_by(DisputeRow.created_at, DisputeRow.id)
    )
    disputes: dict[str, list[Dispute]] = {}
    for row in rows:
        disputes.setdefault(row.version_id, []).append(
            Dispute(path=row.path, comment=row.comment, created_at=row.created_at, closed_at=row.closed_at)
        )
    return disputes


def _view(
    session: Session,
    row: FeedbackRow,
    job: FeedbackJobRow,
    version: FeedbackVersionRow | None,
    said: _Said,
    *,
    worker_alive: bool,
) -> FeedbackView:
    disputes = said.disputes.get(row.version_id or "", [])
    is_disputed = any(dispute.is_open for dispute in disputes)
    shown = version is not None and ReviewState(row.review_state).is_readable(is_disputed=is_disputed)
    progress = dict(job.progress)
    if job.state in WAITING:
        progress = {"step": "waiting", "position": 1 + _count_ahead(session, job)}
    return FeedbackView(
        id=row.id,
        conversation_id=row.conversation_id,
        state=JobState(job.state),
        review_state=row.review_state,
        progress=progress,
        body=FeedbackBody.model_validate(version.body) if version is not None and shown else None,
        checks=[Check.model_validate(check) for check in version.checks] if version else [],
        lineage=_told(version.lineage) if version else {},
        error_code=job.error_code,
        reject_reason=row.reject_reason,
        leaf_id=job.leaf_id,
        created_at=row.created_at,
        finished_at=job.finished_at,
        worker_alive=worker_alive,
        asked_by=cast("AskedBy", row.asked_by),
        seen_at=row.seen_at,
        version_n=version.n if version else None,
        is_edited=shown and version is not None and version.origin == "human_edit",
        helpful=said.helpful.get(row.version_id or ""),
        disputes=disputes,
    )


def _told(lineage: dict[str, Any]) -> dict[str, Any]:
    """What its visitor may know of how it was made: not what reviewers write to each other and to the model."""
    return {key: value for key, value in lineage.items() if key not in ("guidance", "edit")}


def _count_ahead(session: Session, job: FeedbackJobRow) -> int:
    earlier = or_(
        FeedbackJobRow.created_at < job.created_at,
        (FeedbackJobRow.created_at == job.created_at) & (FeedbackJobRow.id < job.id),
    )
    return session.scalar(select(func.count()).where(FeedbackJobRow.state.in_(WAITING), earlier)) or 0
