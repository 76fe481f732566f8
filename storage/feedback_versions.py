"""The versions of a feedback: who wrote each, which was shown to its visitor when, and what differs between two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from debrief.difference import Section, compare_bodies
from debrief.errors import NotFound
from debrief.feedback import Check, FeedbackBody
from debrief.showing import Shown, shown_spans
from storage.engine import Database
from storage.feedback import owned_row, read_views
from storage.tables import AccountRow, AuditRow, FeedbackRow, FeedbackVersionRow

HUMAN = "human_edit"


@dataclass(frozen=True)
class VersionLine:
    """A version without its words. `parent_n`: the one that it was made from; `author`: a person's name or None."""

    n: int
    origin: str
    author: str | None
    parent_n: int | None
    guidance: str | None
    partial: bool
    checks: int
    checks_passed: int
    counts: bool
    """Whether it is the one that counts now."""
    shown: tuple[Shown, ...]
    created_at: datetime


@dataclass(frozen=True)
class Comparison:
    """Two versions of one feedback, section by section."""

    before_n: int
    after_n: int
    sections: list[Section]


@dataclass(frozen=True)
class Corrections:
    """What a person changed in what the program wrote, for its visitor.

    `was_shown`: they could read the version before; where not, what was taken out of it is left out here too.
    """

    at: datetime
    was_shown: bool
    sections: list[Section]


def list_versions(db: Database, feedback_id: str) -> list[VersionLine]:
    """All versions, newest first; those made again for the record have the origin "repeat".

    Raises:
        NotFound: there is no such feedback.
    """
    with db.read() as session:
        row = session.get(FeedbackRow, feedback_id)
        if row is None:
            raise NotFound
        found = session.execute(
            select(FeedbackVersionRow, AccountRow.name)
            .outerjoin(AccountRow, AccountRow.id == FeedbackVersionRow.author_id)
            .where(FeedbackVersionRow.feedback_id == feedback_id)
            .order_by(FeedbackVersionRow.n.desc())
        ).all()
        numbers = {version.id: version.n for version, _ in found}
        spans = _shown(session, feedback_id)
        return [
            VersionLine(
                n=version.n,
                origin=version.origin,
                author=author,
                parent_n=numbers.get(version.parent_id or ""),
                guidance=version.lineage.get("guidance") if version.origin == "model" else None,
                partial=version.partial,
                checks=len(version.checks),
                checks_passed=sum(1 for check in version.checks if Check.model_validate(check).passed),
                counts=version.id == row.version_id,
                shown=tuple(span for span in spans if span.version_id == version.id),
                created_at=version.created_at,
            )
            for version, author in found
        ]


def compare_versions(db: Database, feedback_id: str, before_n: int, after_n: int) -> Comparison:
    """What differs between two versions, by their numbers. Raises NotFound: there is no such version."""
    with db.read() as session:
        before, after = (_version(session, feedback_id, n) for n in (before_n, after_n))
        return Comparison(before_n, after_n, compare_bodies(_body(before), _body(after)))


def find_corrections(db: Database, visitor_id: str, feedback_id: str) -> Corrections | None:
    """What people changed in the version that is shown; None where it is as the program wrote it, or not shown.

    Raises:
        NotFound: no such feedback, or not this visitor's.
    """
    with db.read() as session:
        row = owned_row(session, visitor_id, feedback_id)
        version = session.get(FeedbackVersionRow, row.version_id or "")
        [view] = read_views(session, [row])
        if version is None or version.origin != HUMAN or view.body is None:
            return None
        first = _written(session, version)
        was_shown = any(span.version_id == first.id for span in _shown(session, feedback_id))
        changed = [section for section in compare_bodies(_body(first), _body(version)) if section.change != "same"]
        if not was_shown:
            changed = [section.newer_only for section in changed if section.change != "removed"]
        return Corrections(version.created_at, was_shown, changed)


def _written(session: Session, version: FeedbackVersionRow) -> FeedbackVersionRow:
    """The version of the program's that all edits up to this one were made from."""
    while version.origin == HUMAN:
        parent = session.get(FeedbackVersionRow, version.parent_id or "")
        if parent is None:
            return version
        version = parent
    return version


def _version(session: Session, feedback_id: str, n: int) -> FeedbackVersionRow:
    wanted = (FeedbackVersionRow.feedback_id == feedback_id, FeedbackVersionRow.n == n)
    found = session.scalar(select(FeedbackVersionRow).where(*wanted))
    if found is None:
        raise NotFound
    return found


def _body(version: FeedbackVersionRow) -> FeedbackBody:
    return FeedbackBody.model_validate(version.body)


def _shown(session: Session, feedback_id: str) -> list[Shown]:
    events = session.scalars(select(AuditRow).where(AuditRow.object_id == feedback_id).order_by(AuditRow.id))
    return shown_spans((event.at, event.action, event.detail) for event in events)
