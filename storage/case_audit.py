"""The audit of one feedback, as its reviewers read it: each event, with the number of the version that it was about."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from debrief.errors import NotFound
from storage.audit import AuditEvent, read_event
from storage.engine import Database
from storage.tables import AuditRow, FeedbackRow, FeedbackVersionRow

MOST = 500
"""Newest events; a feedback that was taken and given back more often than that has told its story."""


@dataclass(frozen=True)
class CaseEvent:
    event: AuditEvent
    version_n: int | None


def read_case_audit(db: Database, feedback_id: str) -> list[CaseEvent]:
    """Everything that was done to a feedback, newest first.

    Raises:
        NotFound: there is no such feedback, or no longer.
    """
    with db.read() as session:
        if session.get(FeedbackRow, feedback_id) is None:
            raise NotFound
        versions = select(FeedbackVersionRow.id, FeedbackVersionRow.n)
        numbers = {
            row.id: row.n for row in session.execute(versions.where(FeedbackVersionRow.feedback_id == feedback_id))
        }
        rows = session.scalars(
            select(AuditRow).where(AuditRow.object_id == feedback_id).order_by(AuditRow.id.desc()).limit(MOST)
        )
        return [CaseEvent(read_event(row), numbers.get(str(row.detail.get("version")))) for row in rows]
