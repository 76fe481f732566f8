"""The review of feedback: what waits, one case with all that a reviewer reads, and the moves.

Each move is one transaction: legal by `debrief.review.move`, compared with the row version that the reviewer saw,
written to the audit, and `feedback.updated_at` touched, so that the visitor's page hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session, aliased

from debrief.conversation import Message
from debrief.errors import Conflict, InputRejected, NotAllowed, NotFound
from debrief.feedback import Check, Dispute, FeedbackBody, JobState
from debrief.review import REASONS, ReviewState, move
from storage.accounts import Account
from storage.audit import audit
from storage.engine import Database, utc_now
from storage.feedback import read_disputes, stop_making
from storage.messages import read_path
from storage.reactions import close_disputes
from storage.repeats import Repeat, list_repeats
from storage.review_facts import begins_to_wait
from storage.tables import (
    AccountRow,
    ConversationRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    ScenarioVersionRow,
)

CLAIM_LEASE = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(seconds=60)
"""The clocks of several machines differ by less."""
NOTE_MAX_CHARS = 2000
WAITING = (ReviewState.PENDING, ReviewState.CLAIMED)
_DECISIONS = ("approve", "reject", "withdraw")
"""Moves that answer what the visitor objected to."""


@dataclass(frozen=True)
class ReviewCase:
    """All that a reviewer reads before deciding.

    `path` is the talk from its opening line to the last message that the feedback covers. `row_version` is to be
    given back with the move. `claimed_by` and `reviewed_by` are names; a claim that ran out is left out.
    `repeats` are the attempts to make a version again, newest first.
    """

    id: str
    conversation_id: str
    title: str
    state: ReviewState
    row_version: int
    scenario_id: str
    scenario_title: dict[str, str]
    language: str
    path: list[Message]
    body: FeedbackBody | None
    version_n: int | None
    partial: bool
    checks: list[Check]
    disputes: list[Dispute]
    lineage: dict[str, Any]
    job_state: JobState | None
    claimed_by: str | None
    claimed_by_id: str | None
    claimed_until: datetime | None
    reviewed_by: str | None
    reject_reason: str | None
    note: str | None
    repeats: tuple[Repeat, ...]
    created_at: datetime
    updated_at: datetime


# ---------------------------------------------------------------------------------------------------- looking


def get_review(db: Database, feedback_id: str) -> ReviewCase:
    """One case, read in one transaction.

    Raises:
        NotFound: there is no such feedback, or it is still being made.
    """
    with db.read() as session:
        return _case(session, feedback_id)


# ---------------------------------------------------------------------------------------------------- moving


def claim(db: Database, account: Account, feedback_id: str, row_version: int) -> ReviewCase:
    """Take a waiting feedback for ten minutes, or renew one's own claim. A claim that ran out may be taken over.

    Raises:
        Conflict: somebody else has it, was faster, or it does not wait.
        NotFound: there is no such feedback.
    """
    return _move(db, account, feedback_id, row_version, "claim")


def release(db: Database, account: Account, feedback_id: str, row_version: int) -> ReviewCase:
    """Give a claimed feedback back undecided. Raises as `claim`."""
    return _move(db, account, feedback_id, row_version, "release")


def approve(db: Database, account: Account, feedback_id: str, row_version: int) -> ReviewCase:
    """Let it count: the visitor sees it. Raises as `claim`."""
    return _move(db, account, feedback_id, row_version, "approve", reviewed_by=account.id)


def reject(
    db: Database, account: Account, feedback_id: str, row_version: int, *, reason: str | None, note: str = ""
) -> ReviewCase:
    """Keep it from the visitor, for one of the reasons on record; the note is for the other reviewers.

    Raises:
        InputRejected: no reason, or none that we know; the note is too long.
        Conflict, NotFound: as `claim`.
    """
    if reason not in REASONS:
        raise InputRejected("reason_needed")
    if len(note) > NOTE_MAX_CHARS:
        raise InputRejected("message_too_long", length=len(note), limit=NOTE_MAX_CHARS)
    return _move(
        db,
        account,
        feedback_id,
        row_version,
        "reject",
        reason=reason,
        reviewed_by=account.id,
        reject_reason=reason,
        review_note=note.strip() or None,
    )


def reopen(db: Database, account: Account, feedback_id: str, row_version: int) -> ReviewCase:
    """Put a decided feedback back among the waiting. Raises as `claim`."""
    return _move(
        db, account, feedback_id, row_version, "reopen", reviewed_by=None, reject_reason=None, review_note=None
    )


def withdraw(db: Database, account: Account, feedback_id: str, row_version: int | None = None) -> ReviewCase:
    """Take it away from everybody, whoever has it; where it is still being made, that ends.

    Without a `row_version` it is done however the feedback stands.

    Raises:
        NotAllowed: the account is no admin's.
        Conflict, NotFound: as `claim`.
    """
    if not account.is_admin:
        raise NotAllowed
    return _move(db, account, feedback_id, row_version, "withdraw")


def _move(
    db: Database, account: Account, feedback_id: str, row_version: int | None, action: str, **values: Any
) -> ReviewCase:
    with db.write() as session:
        move_review(session, account, feedback_id, row_version, action, **values)
        return _case(session, feedback_id)


def move_review(
    session: Session,
    account: Account,
    feedback_id: str,
    row_version: int | None,
    action: str,
    *,
    reason: str | None = None,
    **values: object,
) -> None:
    """Make one move inside the caller's transaction. Without a `row_version` it is made however the feedback stands.

    Raises as the moves above.
    """
    now = utc_now()
    if action == "withdraw":
        stop_making(session, feedback_id)
    row = session.get(FeedbackRow, feedback_id, with_for_update=True)
    if row is None:
        raise NotFound
    seen = row.row_version if row_version is None else row_version
    before = ReviewState(row.review_state)
    _check_hands(session, row, account, action, now)
    after = move(before, action)
    change = (
        update(FeedbackRow)
        .where(FeedbackRow.id == feedback_id, FeedbackRow.row_version == seen)
        .values(
            {
                "review_state": after.value,
                "row_version": seen + 1,
                "updated_at": now,
                "claimed_by": account.id if action == "claim" else None,
                "claimed_until": now + CLAIM_LEASE if action == "claim" else None,
                **begins_to_wait(before, after, now),
                **values,
            }
        )
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", session.execute(change)).rowcount != 1:
        raise Conflict
    if action in _DECISIONS:
        close_disputes(session, feedback_id)
    detail = {"before": before.value, "after": after.value, "version": row.version_id}
    audit(session, account.id, action, "feedback", feedback_id, **detail, **({"reason": reason} if reason else {}))
    session.expire_all()


def _check_hands(session: Session, row: FeedbackRow, account: Account, action: str, now: datetime) -> None:
    """Only the claimer moves what is claimed; a claim that ran out must be taken over first, by anybody."""
    if row.review_state != ReviewState.CLAIMED or row.claimed_by == account.id or action == "withdraw":
        return
    if not _is_held(row, now):
        if action == "claim":
            return
        raise Conflict("claim_first")
    claimer = session.get(AccountRow, row.claimed_by)
    raise Conflict("claimed_by_other", name=claimer.name if claimer else "?")


# ---------------------------------------------------------------------------------------------------- reading rows

_Claimer = aliased(AccountRow)
_Reviewer = aliased(AccountRow)


def _case(session: Session, feedback_id: str) -> ReviewCase:
    found = session.execute(
        select(FeedbackRow, ConversationRow, ScenarioVersionRow.body["title"], _Claimer.name, _Reviewer.name)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .join(ScenarioVersionRow, ScenarioVersionRow.hash == ConversationRow.scenario_hash)
        .outerjoin(_Claimer, _Claimer.id == FeedbackRow.claimed_by)
        .outerjoin(_Reviewer, _Reviewer.id == FeedbackRow.reviewed_by)
        .where(FeedbackRow.id == feedback_id, FeedbackRow.review_state != ReviewState.NONE.value)
    ).one_or_none()
    if found is None:
        raise NotFound
    row, conversation, title, claimer, reviewer = found
    now = utc_now()
    held = _is_held(row, now)
    version = session.get(FeedbackVersionRow, row.version_id) if row.version_id else None
    job = _job_of(session, row, version)
    return ReviewCase(
        id=row.id,
        conversation_id=conversation.id,
        title=conversation.title,
        state=state_now(row, now),
        row_version=row.row_version,
        scenario_id=conversation.scenario_id,
        scenario_title=title_by_language(title, conversation.scenario_id),
        language=row.language,
        path=read_path(session, conversation.id, job.leaf_id if job else conversation.active_leaf_id),
        body=FeedbackBody.model_validate(version.body) if version else None,
        version_n=version.n if version else None,
        partial=bool(version and version.partial),
        checks=[Check.model_validate(check) for check in version.checks] if version else [],
        disputes=read_disputes(session, [version.id]).get(version.id, []) if version else [],
        lineage=dict(version.lineage) if version else {},
        job_state=JobState(job.state) if job else None,
        claimed_by=claimer if held else None,
        claimed_by_id=row.claimed_by if held else None,
        claimed_until=row.claimed_until if held else None,
        reviewed_by=reviewer,
        reject_reason=row.reject_reason,
        note=row.review_note,
        repeats=list_repeats(session, row.id),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _job_of(session: Session, row: FeedbackRow, version: FeedbackVersionRow | None) -> FeedbackJobRow | None:
    """The job that wrote this version, else the newest."""
    if version and version.job_id:
        return session.get(FeedbackJobRow, version.job_id)
    return session.scalar(
        select(FeedbackJobRow)
        .where(FeedbackJobRow.feedback_id == row.id, FeedbackJobRow.repeats.is_(None))
        .order_by(FeedbackJobRow.created_at.desc())
        .limit(1)
    )


def _is_held(row: FeedbackRow, now: datetime) -> bool:
    """A claim that ends later than one made now was made before the clock was put back: it holds nobody up."""
    if row.review_state != ReviewState.CLAIMED or row.claimed_until is None:
        return False
    return now < row.claimed_until <= now + CLAIM_LEASE + CLOCKS_DIFFER


def state_now(row: FeedbackRow, now: datetime) -> ReviewState:
    state = ReviewState(row.review_state)
    return ReviewState.PENDING if state is ReviewState.CLAIMED and not _is_held(row, now) else state


def title_by_language(title: object, scenario_id: str) -> dict[str, str]:
    """The scenario's title by language, as it was when they talked."""
    return (
        {str(k): str(v) for k, v in cast("dict[str, object]", title).items()}
        if isinstance(title, dict)
        else {"en": scenario_id}
    )
