"""Visitors: a row is made with somebody's first talk, and stays when all of them are deleted, until they want it gone.

What belongs to a visitor is read off the tables themselves: every row that the deletion of the visitor's row takes
along. A new table that hangs on a visitor, a talk or a debrief is counted, and goes, without a line here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, func, select
from sqlalchemy.orm import Session

from storage.audit import VISITOR, audit
from storage.engine import Database
from storage.tables import AuditRow, Base, ConversationRow, FeedbackJobRow, SpendingRow, VisitorRow

_VISITORS = VisitorRow.metadata.tables[VisitorRow.__tablename__]


@dataclass(frozen=True)
class Stored:
    """What is kept of a visitor: since when, and how many rows of each table. None and empty: nothing."""

    since: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict[str, int])


def has_moved(db: Database, visitor_id: str) -> bool:
    """Whether this visitor, of whom there is no row, has become one with another; else all of theirs was deleted."""
    moved = select(AuditRow.id).where(AuditRow.object_id == hashed(visitor_id), AuditRow.action == "merge_visitor")
    with db.read() as session:
        return session.scalar(moved.limit(1)) is not None


def has_talked(db: Database, visitor_id: str) -> bool:
    """Whether this visitor ever began a talk here, or brought one."""
    with db.read() as session:
        return session.get(VisitorRow, visitor_id) is not None


def list_known(db: Database, visitor_ids: list[str]) -> list[str]:
    """Those of the visitors who have a row."""
    with db.read() as session:
        return list(session.scalars(select(VisitorRow.id).where(VisitorRow.id.in_(visitor_ids))))


def read_stored(db: Database, visitor_id: str) -> Stored:
    """What is kept of this visitor, in numbers."""
    with db.read() as session:
        return _stored(session, visitor_id)


def delete_visitor(db: Database, visitor_id: str, *, actor: str = VISITOR) -> Stored:
    """Really delete everything of this visitor, in one transaction; what that was, in numbers.

    Turns that begin at this moment wait and then find nothing. Workers that make a debrief of theirs lose it: they
    store nothing any more and stop at their next sign of life. The audit keeps that it was done, by whom and how much,
    and of whom only a hash.

    Args:
        db: the database.
        visitor_id: who is forgotten. Unknown: nothing happens.
        actor: who wants it, as the audit names them.
    """
    with db.write() as session:
        session.execute(select(VisitorRow.id).where(VisitorRow.id == visitor_id).with_for_update())
        _stop_jobs(session, visitor_id)
        stored = _stored(session, visitor_id)
        session.execute(delete(SpendingRow).where(is_spent_by(visitor_id)))
        session.execute(delete(VisitorRow).where(VisitorRow.id == visitor_id))
        if stored.rows:
            audit(session, actor, "delete_visitor", "visitor", hashed(visitor_id), **stored.rows)
    db.forget_deleted()
    return stored


def hashed(visitor_id: str) -> str:
    """How the audit names a visitor: it outlives the person, and an id would still be in somebody's cookie."""
    return hashlib.sha256(visitor_id.encode()).hexdigest()[:40]


def _stop_jobs(session: Session, visitor_id: str) -> None:
    """Before their debriefs' rows are touched: workers lock the two in this order."""
    jobs = (
        select(FeedbackJobRow.id)
        .join(ConversationRow, ConversationRow.id == FeedbackJobRow.conversation_id)
        .where(ConversationRow.visitor_id == visitor_id)
        .order_by(FeedbackJobRow.id)
        .with_for_update(of=FeedbackJobRow)
    )
    session.execute(jobs)


def _stored(session: Session, visitor_id: str) -> Stored:
    rows: dict[str, int] = {}
    for table in Base.metadata.sorted_tables:
        theirs = _of_visitor(table, visitor_id)
        if table is SpendingRow.__table__:
            theirs = is_spent_by(visitor_id)
        if theirs is not None and (n := session.scalar(select(func.count()).select_from(table).where(theirs))):
            rows[table.name] = n
    since = session.scalar(select(VisitorRow.created_at).where(VisitorRow.id == visitor_id))
    return Stored(since, rows)


def _of_visitor(table: Table, visitor_id: str) -> ColumnElement[bool] | None:
    """Which rows of the table go when the visitor's row is deleted; None where none do."""
    if table is _VISITORS:
        return _VISITORS.c.id == visitor_id
    for key in table.foreign_keys:
        parent = key.column.table
        if key.ondelete != "CASCADE" or parent is table:
            continue
        theirs = _of_visitor(parent, visitor_id)
        if theirs is not None:
            return key.parent.in_(select(key.column).where(theirs))
    return None


def is_spent_by(visitor_id: str) -> ColumnElement[bool]:
    """Of the daily limits' counts, which are this visitor's: they name them without a foreign key."""
    return SpendingRow.name.endswith(f":{visitor_id}", autoescape=True)
