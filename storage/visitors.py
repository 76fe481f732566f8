"""Visitors: a row is made with somebody's first talk, and stays when all of them are deleted."""

from __future__ import annotations

from storage.engine import Database
from storage.tables import VisitorRow


def has_talked(db: Database, visitor_id: str) -> bool:
    """Whether this visitor ever began a talk here, or brought one."""
    with db.read() as session:
        return session.get(VisitorRow, visitor_id) is not None
