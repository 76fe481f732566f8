"""The review of feedback: what waits, one case with all that a reviewer reads, and the moves.

Each move is one transaction, see `storage/moves.py`. Edits, versions and writing anew are `storage/edits.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from debrief.conversation import Message, storable
from debrief.errors import InputRejected, NotFound
from debrief.feedback import Check, Dispute, FeedbackBody, JobState
from debrief.review import REASONS, ReviewState
from storage.accounts import Account
from storage.engine import Database, utc_now
from storage.feedback import read_disputes
from storage.messages import read_path
from storage.moves import is_held, move_review, take_in_hand
from storage.repeats import Repeat, list_repeats
from storage.tables import (
    AccountRow,
    ConversationRow,
    FeedbackJobRow,
    FeedbackRow,
    FeedbackVersionRow,
    ScenarioVersionRow,
)

NOTE_MAX_CHARS = 2000
WAITING = (ReviewState.PENDING, ReviewState.CLAIMED)


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
    round: int = 1
    """Goes up each time that a decision is opened again."""
    origin: str = "model"
    """Who wrote the version that counts: "model", or "human_edit"."""
    versions: int = 1
    """How many there are, those made again for the record left out."""
    remade: Remade | None = None


@dataclass(frozen=True)
class Remade:
    """The newest wish to have it written anew: how far it is, what was asked for, and the error if it failed."""

    state: JobState
    guidance: str | None
    error_code: str | None
    asked_at: datetime


# ---------------------------------------------------------------------------------------------------- looking


def get_review(db: Database, feedback_id: str) -> ReviewCase:
    """One case, read in one transaction.

    Raises:
        NotFound: there is no such feedback, or it is still being made.
    """
    with db.read() as session:
        return read_case(session, feedback_id)


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


def approve(
    db: Database,
    account: Account,
    feedback_id: str,
    row_version: int | None,
    *,
    seconds: int | None = None,
    claims: bool = False,
) -> ReviewCase:
    """Let it count: the visitor sees it. Raises as `claim`.

    `seconds`: how long the reviewer had it open, for what needs no claim. `claims`: first take it, where it waits.
    """
    return _move(
        db, account, feedback_id, row_version, "approve", claims=claims, seconds=seconds, reviewed_by=account.id
    )


def reject(
    db: Database,
    account: Account,
    feedback_id: str,
    row_version: int | None,
    *,
    reason: str | None,
    note: str = "",
    seconds: int | None = None,
    claims: bool = False,
) -> ReviewCase:
    """Keep it from the visitor, for one of the reasons on record; the note is for the other reviewers.

    `seconds` and `claims` as for `approve`.

    Raises:
        InputRejected: no reason, or none that we know; the note is too long.
        Conflict, NotFound: as `claim`.
    """
    if reason not in REASONS:
        raise InputRejected("reason_needed")
    return _move(
        db,
        account,
        feedback_id,
        row_version,
        "reject",
        claims=claims,
        detail={"reason": reason},
        seconds=seconds,
        reviewed_by=account.id,
        reject_reason=reason,
        review_note=checked_note(note),
    )


def escalate(
    db: Database, account: Account, feedback_id: str, row_version: int | None, *, note: str, claims: bool = False
) -> ReviewCase:
    """Leave the decision to an admin; the note says why. `claims` as for `approve`.

    Raises:
        InputRejected: no note, or it is too long.
        Conflict, NotFound: as `claim`.
    """
    if not note.strip():
        raise InputRejected("note_needed")
    kept = checked_note(note)
    return _move(db, account, feedback_id, row_version, "escalate", claims=claims, review_note=kept)


def reopen(db: Database, account: Account, feedback_id: str, row_version: int, *, note: str = "") -> ReviewCase:
    """Put a decided or escalated feedback back among the waiting, for another round.

    The note is for whoever takes it next. Raises as `reject`, whose reason it does not need.
    """
    return _move(
        db,
        account,
        feedback_id,
        row_version,
        "reopen",
        review_round=FeedbackRow.review_round + 1,
        reviewed_by=None,
        reject_reason=None,
        review_note=checked_note(note),
    )


def checked_note(note: str) -> str | None:
    """A note as it is stored. Raises InputRejected: it is too long."""
    if len(note) > NOTE_MAX_CHARS:
        raise InputRejected("message_too_long", length=len(note), limit=NOTE_MAX_CHARS)
    return storable(note.strip()) or None


def withdraw(db: Database, account: Account, feedback_id: str, row_version: int | None = None) -> ReviewCase:
    """Take it away from everybody, whoever has it; where it is still being made, that ends.

    Without a `row_version` it is done however the feedback stands.

    Raises:
        NotAllowed: the account is no admin's.
        Conflict, NotFound: as `claim`.
    """
    return _move(db, account, feedback_id, row_version, "withdraw")


def _move(
    db: Database,
    account: Account,
    feedback_id: str,
    row_version: int | None,
    action: str,
    *,
    claims: bool = False,
    detail: dict[str, object] | None = None,
    seconds: int | None = None,
    **values: Any,
) -> ReviewCase:
    with db.write() as session:
        if claims:
            row_version = take_in_hand(session, account, feedback_id, row_version)
        move_review(session, account, feedback_id, row_version, action, detail=detail, seconds=seconds, **values)
        return read_case(session, feedback_id)


# ---------------------------------------------------------------------------------------------------- reading rows

_Claimer = aliased(AccountRow)
_Reviewer = aliased(AccountRow)


def read_case(session: Session, feedback_id: str) -> ReviewCase:
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
    held = is_held(row, now)
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
        path=read_reviewed(session, row, version),
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
        round=row.review_round,
        origin=version.origin if version else "model",
        versions=_count_versions(session, row.id),
        remade=_remade(session, row.id),
    )


def _count_versions(session: Session, feedback_id: str) -> int:
    written = select(func.count()).where(
        FeedbackVersionRow.feedback_id == feedback_id, FeedbackVersionRow.origin != "repeat"
    )
    return session.scalar(written) or 0


def _remade(session: Session, feedback_id: str) -> Remade | None:
    """Every making but the first was wished for by a reviewer."""
    jobs = session.scalars(
        select(FeedbackJobRow)
        .where(FeedbackJobRow.feedback_id == feedback_id, FeedbackJobRow.repeats.is_(None))
        .order_by(FeedbackJobRow.created_at.desc(), FeedbackJobRow.id)
        .limit(2)
    ).all()
    if len(jobs) < 2:
        return None
    return Remade(JobState(jobs[0].state), jobs[0].guidance, jobs[0].error_code, jobs[0].created_at)


def read_reviewed(session: Session, row: FeedbackRow, version: FeedbackVersionRow | None) -> list[Message]:
    """The talk from its opening line to the last message that the feedback covers."""
    job = _job_of(session, row, version)
    conversation = session.get_one(ConversationRow, row.conversation_id)
    return read_path(session, conversation.id, job.leaf_id if job else conversation.active_leaf_id)


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


def state_now(row: FeedbackRow, now: datetime) -> ReviewState:
    state = ReviewState(row.review_state)
    return ReviewState.PENDING if state is ReviewState.CLAIMED and not is_held(row, now) else state


def title_by_language(title: object, scenario_id: str) -> dict[str, str]:
    """The scenario's title by language, as it was when they talked."""
    return (
        {str(k): str(v) for k, v in cast("dict[str, object]", title).items()}
        if isinstance(title, dict)
        else {"en": scenario_id}
    )
