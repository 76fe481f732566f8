"""Feedbacks that wait for a reviewer for too long, and which of them somebody was told of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from storage.engine import Database, utc_now
from storage.reviews import WAITING
from storage.tables import AccountRow, FeedbackRow

_Row = FeedbackRow


def overdue_before(hours: float, now: datetime | None = None) -> datetime:
    """What waits since before this time waits for too long."""
    return (now or utc_now()) - timedelta(hours=hours)


@dataclass(frozen=True)
class Overdue:
    """A feedback that waits for too long. `assigned_to` is a name."""

    id: str
    scenario_id: str
    waiting_since: datetime
    assigned_to: str | None


def list_overdue_untold(db: Database, hours: float, *, limit: int = 100) -> list[Overdue]:
    """Those that wait for more than so many hours and of which nobody was told yet, the longest first.

    Tell, then `note_overdue_told`: whoever dies in between tells twice rather than never.
    """
    with db.read() as session:
        rows = session.execute(
            select(_Row.id, _Row.scenario_id, _Row.waiting_since, AccountRow.name)
            .outerjoin(AccountRow, AccountRow.id == _Row.assigned_to)
            .where(
                _Row.review_state.in_([state.value for state in WAITING]),
                _Row.waiting_since < overdue_before(hours),
                _Row.overdue_told_at.is_(None),
            )
            .order_by(_Row.waiting_since, _Row.id)
            .limit(limit)
        )
        return [Overdue(*row) for row in rows]


def note_overdue_told(db: Database, feedback_ids: Collection[str]) -> None:
    """These were told; they come again only after they have begun to wait anew."""
    with db.write() as session:
        for row in session.scalars(select(_Row).where(_Row.id.in_(feedback_ids))):
            row.overdue_told_at = utc_now()
