"""What the review queue knows of a feedback without reading its words: columns that change with version and state.

Whoever makes another version the one that counts, or lets a feedback wait (again), changes these in the same
transaction; the queue then filters and sorts a hundred thousand feedbacks by indexes alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from debrief.review import ReviewState
from storage.tables import NO_LEVEL, DisputeRow, FeedbackRow, FeedbackVersionRow

UNDECIDED = (ReviewState.PENDING, ReviewState.CLAIMED)


def facts_of(version: FeedbackVersionRow) -> dict[str, Any]:
    """The columns of a feedback that follow from the version that counts, by name.

    A person's edit keeps the rubric and the model of the version that it was made from.
    """
    failed = [str(check["name"]) for check in version.checks if not check["passed"]]
    return {
        "partial": version.partial,
        "worst_level": worst_level(version.body),
        "checks": len(version.checks),
        "checks_failed": len(failed),
        "failed_checks": names_between_blanks(failed),
        **{name: version.lineage[name] for name in ("rubric_hash", "model") if version.lineage.get(name)},
    }


def worst_level(body: Mapping[str, Any]) -> int:
    """The lowest level that was given, or NO_LEVEL."""
    levels = [result["level"] for result in body["criteria"] if result.get("level")]
    return min(levels, default=NO_LEVEL)


def names_between_blanks(names: Sequence[str]) -> str:
    return f" {' '.join(dict.fromkeys(names))} " if names else ""


def note_version(session: Session, feedback: FeedbackRow, version: FeedbackVersionRow) -> None:
    """Another version counts from now on. Inside the transaction that makes it so."""
    for name, value in facts_of(version).items():
        setattr(feedback, name, value)
    feedback.open_disputes = count_open_disputes(session, version.id)


def count_open_disputes(session: Session, version_id: str) -> int:
    open_ones = select(func.count()).where(DisputeRow.version_id == version_id, DisputeRow.closed_at.is_(None))
    return session.scalar(open_ones) or 0


def begins_to_wait(before: ReviewState, after: ReviewState, now: datetime) -> dict[str, Any]:
    """The columns that change when a move makes a feedback wait that did not; none for any other move."""
    if after is ReviewState.PENDING and before not in UNDECIDED:
        return {"waiting_since": now, "overdue_told_at": None}
    return {}
