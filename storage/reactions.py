"""What visitors say of their debriefs: seen, helpful or not, "this is wrong".

Each function is one transaction. "Not there" and "not yours" are the same NotFound.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from debrief.conversation import storable
from debrief.dispute import COMMENT_MAX_CHARS, find_sentence
from debrief.errors import Conflict, InputRejected
from debrief.feedback import FeedbackBody, FeedbackView
from debrief.review import ReviewState, move
from storage.audit import VISITOR, audit
from storage.engine import Database, new_id, utc_now
from storage.feedback import owned_row, read_views
from storage.review_facts import count_open_disputes
from storage.tables import DisputeRow, FeedbackRow, FeedbackVersionRow, ReactionRow
from storage.webhook_outbox import announce


def mark_seen(db: Database, visitor_id: str, feedback_id: str) -> None:
    """Note when its visitor first had the words before their eyes. What is not shown cannot be seen: no change.

    Raises:
        NotFound: no such feedback, or not this visitor's.
    """
    with db.write() as session:
        row = owned_row(session, visitor_id, feedback_id, lock=True)
        if row.seen_at is None and _read(session, row).body is not None:
            row.seen_at = row.updated_at = utc_now()


def react(db: Database, visitor_id: str, feedback_id: str, helpful: bool | None) -> FeedbackView:
    """Say whether the version that is shown helped; None takes it back.

    Raises:
        NotFound: no such feedback, or not this visitor's.
        Conflict: nothing is shown of it.
    """
    with db.write() as session:
        row = owned_row(session, visitor_id, feedback_id, lock=True)
        version = _shown_version(session, row)
        session.execute(delete(ReactionRow).where(ReactionRow.version_id == version.id))
        if helpful is not None:
            session.add(ReactionRow(version_id=version.id, helpful=helpful, at=utc_now()))
        session.flush()
        return _read(session, row)


def dispute(db: Database, visitor_id: str, feedback_id: str, path: str, comment: str = "") -> FeedbackView:
    """Object to one sentence of the version that is shown; the review opens again in the same transaction.

    Saying it again of the same sentence replaces the comment, and opens a closed one. A reviewer who has the feedback
    open is refused their next move, because they have not read this yet.

    `path` names the sentence as `debrief.dispute.find_sentence` reads it; `comment` says what is wrong with it and may
    be empty.

    Raises:
        NotFound: no such feedback, or not this visitor's.
        Conflict: nothing is shown of it.
        InputRejected: there is no such sentence, or the comment is too long.
    """
    comment = comment.strip()
    if len(comment) > COMMENT_MAX_CHARS:
        raise InputRejected("message_too_long", length=len(comment), limit=COMMENT_MAX_CHARS)
    with db.write() as session:
        row = owned_row(session, visitor_id, feedback_id, lock=True)
        version = _shown_version(session, row)
        if find_sentence(FeedbackBody.model_validate(version.body), path) is None:
            raise InputRejected("no_such_sentence")
        objection = _keep(session, version, path, storable(comment), utc_now())
        before = ReviewState(row.review_state)
        _reopen(row)
        audit(
            session, VISITOR, "dispute", "feedback", row.id, before=before.value, after=row.review_state,
            version=version.id, dispute=objection.id, path=path,
        )  # fmt: skip
        announce(session, "feedback.disputed", row, state=ReviewState(row.review_state), before=before)
        session.flush()
        row.open_disputes = count_open_disputes(session, version.id)
        return _read(session, row)


def close_disputes(session: Session, feedback_id: str) -> None:
    """A person has decided on the feedback: what was open is answered. Inside the caller's transaction."""
    session.execute(
        update(DisputeRow)
        .where(DisputeRow.feedback_id == feedback_id, DisputeRow.closed_at.is_(None))
        .values(closed_at=utc_now())
    )
    session.execute(update(FeedbackRow).where(FeedbackRow.id == feedback_id).values(open_disputes=0))


def _keep(session: Session, version: FeedbackVersionRow, path: str, comment: str, now: datetime) -> DisputeRow:
    row = session.scalar(select(DisputeRow).where(DisputeRow.version_id == version.id, DisputeRow.path == path))
    if row is None:
        row = DisputeRow(id=new_id("d"), feedback_id=version.feedback_id, version_id=version.id, path=path)
        session.add(row)
    row.comment, row.created_at, row.closed_at = comment, now, None
    return row


def _reopen(row: FeedbackRow) -> None:
    state, now = ReviewState(row.review_state), utc_now()
    if state.is_shown:
        row.review_state = move(state, "reopen").value
        row.waiting_since, row.overdue_told_at = now, None
        row.reviewed_by = row.reject_reason = row.review_note = None
        row.review_round += 1
    row.row_version += 1
    row.updated_at = now


def _shown_version(session: Session, row: FeedbackRow) -> FeedbackVersionRow:
    version = session.get(FeedbackVersionRow, row.version_id) if row.version_id else None
    if version is None or _read(session, row).body is None:
        raise Conflict("nothing_shown")
    return version


def _read(session: Session, row: FeedbackRow) -> FeedbackView:
    return read_views(session, [row])[0]
