"""The audit: who did what, when. Append-only (triggers refuse changes), written inside the transaction it tells of.

It keeps ids, states, hashes, counts and reason codes, never people's words, so that deleting a person really deletes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from debrief.conversation import Page
from storage.engine import Database, utc_now
from storage.tables import AuditRow

SYSTEM = "system"
"""The actor when no signed-in person is behind a change: the command line, a policy, the first start."""

VISITOR = "visitor"
"""The actor when the owner of the object is behind it. Who that is goes away with the object: the audit stays."""

_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True)
class AuditEvent:
    at: datetime
    actor: str
    action: str
    object_type: str
    object_id: str
    detail: dict[str, Any]


def audit(session: Session, actor: str, action: str, object_type: str, object_id: str, **detail: object) -> None:
    """Add one event to the caller's transaction.

    Args:
        session: the transaction of the change itself: both are kept or neither.
        actor: an account's id, SYSTEM or VISITOR.
        action: a verb, such as `approve`.
        object_type: what was changed, such as `feedback`.
        object_id: which one.
        detail: ids, states, hashes and codes (no blanks, at most 64 characters), numbers, booleans or None.

    Raises:
        ValueError: a detail could be somebody's words.
    """
    for name, value in detail.items():
        if not _is_code(value):
            raise ValueError(f"audit detail {name!r} is no id, state, hash, code or number")
    session.add(
        AuditRow(at=utc_now(), actor=actor, action=action, object_type=object_type, object_id=object_id, detail=detail)
    )


def list_audit(db: Database, object_id: str) -> list[AuditEvent]:
    """Everything that was done to one object, oldest first."""
    with db.read() as session:
        rows = session.scalars(select(AuditRow).where(AuditRow.object_id == object_id).order_by(AuditRow.id))
        return [read_event(row) for row in rows]


@dataclass(frozen=True)
class AuditQuery:
    """Which events; what is None narrows nothing. `actor` is an account's id, SYSTEM, VISITOR or worker."""

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_events(db: Database, wanted: AuditQuery, *, limit: int = 50, before: int | None = None) -> Page[AuditEvent]:
    """A slice of the audit, newest first; `next` is what to give as `before` for the one after it."""
    columns = {name: getattr(AuditRow, name) for name in ("actor", "action", "object_type", "object_id")}
    same = [column == value for name, column in columns.items() if (value := getattr(wanted, name)) is not None]
    query = select(AuditRow).where(*same).order_by(AuditRow.id.desc()).limit(limit + 1)
    if wanted.since:
        query = query.where(AuditRow.at >= wanted.since)
    if wanted.until:
        query = query.where(AuditRow.at < wanted.until)
    if before is not None:
        query = query.where(AuditRow.id < before)
    with db.read() as session:
        rows = session.scalars(query).all()
    more = str(rows[limit - 1].id) if len(rows) > limit else None
    return Page([read_event(row) for row in rows[:limit]], more)


def list_actions(db: Database) -> list[str]:
    """Every action on record, for a menu."""
    with db.read() as session:
        return sorted(session.scalars(select(AuditRow.action).distinct()))


def read_event(row: AuditRow) -> AuditEvent:
    """A row as it is shown."""
    return AuditEvent(row.at, row.actor, row.action, row.object_type, row.object_id, dict(row.detail))


def _is_code(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float) or bool(_CODE.fullmatch(str(value)))
