"""Deleting a talk, or all talks, so that it can be undone for a while; then for good.

A deleted talk is at once in no list, no search and no review (`_hide_deleted` in engine.py), and nothing of it is made
any more. The web process ends the grace (`delete_expired`), also at its next start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, delete, func, select, update
from sqlalchemy.orm import Session

from debrief.errors import NotFound
from debrief.review import ReviewState
from storage.engine import ALSO_DELETED, Database, new_id, utc_now
from storage.feedback import UNFINISHED, put_back, stop_making
from storage.tables import ConversationRow, FeedbackJobRow, FeedbackRow

GRACE = timedelta(minutes=10)
"""How long a deletion can be undone."""
AT_ONCE = 50
"""Talks deleted for good in one transaction: others want to write in between."""


@dataclass(frozen=True)
class Deletion:
    """Talks that were deleted together and are not gone yet. `title` is the talk's where it was only one."""

    id: str
    count: int
    title: str | None
    conversation_id: str | None
    deleted_at: datetime

    @property
    def until(self) -> datetime:
        return self.deleted_at + GRACE


def delete_with_grace(db: Database, visitor_id: str, conversation_id: str) -> Deletion:
    """Take one talk away from everybody; for a while it can come back.

    Raises:
        NotFound: not there, not theirs, or deleted already.
    """
    return _delete(db, visitor_id, ConversationRow.id == conversation_id)


def delete_all_with_grace(db: Database, visitor_id: str) -> Deletion:
    """The same for all talks of a visitor, together.

    Raises:
        NotFound: there is none.
    """
    try:
        return _delete(db, visitor_id, ConversationRow.visitor_id == visitor_id)
    except NotFound:
        raise NotFound("nothing_to_delete") from None


def list_deletions(db: Database, visitor_id: str) -> list[Deletion]:
    """What this visitor can still undo, the newest first."""
    with db.read() as session:
        return [
            Deletion(id, count, title, only_id, at)
            for id, count, title, only_id, at in session.execute(_deletions(visitor_id))
            if id and at
        ]


def undo_deletion(db: Database, visitor_id: str, deletion_id: str) -> list[str]:
    """Bring the talks back as they were; their ids. What was being made of them when they were deleted stays ended.

    Raises:
        NotFound: no such deletion of theirs, or it is too late.
    """
    with db.write() as session:
        rows = session.scalars(
            select(ConversationRow.id)
            .where(ConversationRow.visitor_id == visitor_id, ConversationRow.deletion_id == deletion_id)
            .with_for_update()
            .execution_options(**ALSO_DELETED)
        ).all()
        if not rows:
            raise NotFound("too_late_to_undo")
        _show_feedback(session, select(ConversationRow.id).where(ConversationRow.deletion_id == deletion_id))
        session.execute(
            update(ConversationRow)
            .where(ConversationRow.visitor_id == visitor_id, ConversationRow.deletion_id == deletion_id)
            .values(deleted_at=None, deletion_id=None, changed_at=utc_now())
            .execution_options(synchronize_session=False)
        )
        return list(rows)


def delete_expired(db: Database, *, before: datetime | None = None) -> int:
    """Delete for good what was deleted longer ago than the grace, or before that time; how many."""
    before = before or utc_now() - GRACE
    return _delete_for_good(db, select(ConversationRow.id).where(ConversationRow.deleted_at < before))


def _delete(db: Database, visitor_id: str, which: ColumnElement[bool]) -> Deletion:
    id, now = new_id("d"), utc_now()
    mine = and_(ConversationRow.visitor_id == visitor_id, which, ConversationRow.deleted_at.is_(None))
    with db.write() as session:
        _stop_making(session, mine)
        _hide_feedback(session, select(ConversationRow.id).where(mine))
        change = update(ConversationRow).where(mine).values(deleted_at=now, deletion_id=id, changed_at=now)
        change = change.returning(ConversationRow.id, ConversationRow.title)
        found = session.execute(change.execution_options(synchronize_session=False)).all()
        if not found:
            raise NotFound
    only_id, title = found[0] if len(found) == 1 else (None, None)
    return Deletion(id, len(found), title, only_id, now)


def _stop_making(session: Session, which: ColumnElement[bool]) -> None:
    """End the debriefs that are being made of these talks: nobody will read them."""
    unfinished = select(FeedbackJobRow.feedback_id).where(FeedbackJobRow.state.in_(UNFINISHED))
    being_made = (
        select(FeedbackRow)
        .join(ConversationRow, ConversationRow.id == FeedbackRow.conversation_id)
        .where(which, FeedbackRow.id.in_(unfinished))
    )
    for feedback in session.scalars(being_made).all():
        stop_making(session, feedback.id)
        put_back(session, feedback)
        feedback.updated_at = utc_now()
    session.flush()


def _hide_feedback(session: Session, conversation_ids: Select[str]) -> None:
    """To reviewers, and to whatever goes by states, it is as if it were still being made."""
    feedback = FeedbackRow
    is_claimed = feedback.review_state == ReviewState.CLAIMED.value
    session.execute(
        update(feedback)
        .where(feedback.conversation_id.in_(conversation_ids), feedback.review_state != ReviewState.NONE.value)
        .values(
            hidden_state=case((is_claimed, ReviewState.PENDING.value), else_=feedback.review_state),
            review_state=ReviewState.NONE.value,
            row_version=feedback.row_version + 1,
            claimed_by=None,
            claimed_at=None,
            claimed_until=None,
        )
        .execution_options(synchronize_session=False)
    )


def _show_feedback(session: Session, conversation_ids: Select[str]) -> None:
    """As it stood; one that somebody had in hand waits again."""
    feedback = FeedbackRow
    session.execute(
        update(feedback)
        .where(feedback.conversation_id.in_(conversation_ids), feedback.hidden_state.is_not(None))
        .values(review_state=feedback.hidden_state, hidden_state=None, row_version=feedback.row_version + 1)
        .execution_options(synchronize_session=False)
    )


def _deletions(visitor_id: str) -> Select[str | None, int, str | None, str | None, datetime | None]:
    is_one = func.count() == 1
    return (
        select(
            ConversationRow.deletion_id,
            func.count(),
            case((is_one, func.min(ConversationRow.title))),
            case((is_one, func.min(ConversationRow.id))),
            func.min(ConversationRow.deleted_at),
        )
        .where(ConversationRow.visitor_id == visitor_id, ConversationRow.deleted_at.is_not(None))
        .group_by(ConversationRow.deletion_id)
        .order_by(func.min(ConversationRow.deleted_at).desc(), ConversationRow.deletion_id)
        .execution_options(**ALSO_DELETED)
    )


def _delete_for_good(db: Database, ids: Select[str]) -> int:
    count = 0
    some = ids.limit(AT_ONCE).with_for_update().execution_options(**ALSO_DELETED)
    while True:
        with db.write() as session:
            found = session.scalars(some).all()
            session.execute(delete(ConversationRow).where(ConversationRow.id.in_(found)))
        count += len(found)
        if len(found) < AT_ONCE:
            break
    if count:
        db.forget_deleted()
    return count
