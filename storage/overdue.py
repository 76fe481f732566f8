"""Feedbacks that wait for a reviewer for too long, and the telling of them by webhook."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from debrief.review import ReviewState
from storage.engine import Database, utc_now
from storage.reviews import WAITING
from storage.tables import FeedbackRow
from storage.webhook_outbox import announce, anybody_wants

EVENT = "review.overdue"
_Row = FeedbackRow


def overdue_before(hours: float, now: datetime | None = None) -> datetime:
    """What waits since before this time waits for too long."""
    return (now or utc_now()) - timedelta(hours=hours)


def tell_overdue(db: Database, hours: float, *, limit: int = 100) -> int:
    """Announce those that wait for more than so many hours and were not told yet, the longest first; gives how many.

    Telling and the note that it was told are one transaction: each is told once, and again only after it has begun to
    wait anew. Where no endpoint wants to know they stay untold, for one that is added later.
    """
    if not anybody_wants(db, EVENT):
        return 0
    late = (
        select(_Row)
        .where(
            _Row.review_state.in_([state.value for state in WAITING]),
            _Row.waiting_since < overdue_before(hours),
            _Row.overdue_told_at.is_(None),
        )
        .order_by(_Row.waiting_since, _Row.id)
        .limit(limit)
    )
    told = 0
    with db.write() as session:
        for row in session.scalars(late.with_for_update(skip_locked=True)).all():
            if announce(session, EVENT, row, state=ReviewState(row.review_state)):
                row.overdue_told_at = utc_now()
                told += 1
    return told
