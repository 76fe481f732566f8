"""Daily budgets: how many answers are begun and how many feedbacks asked for in a day (UTC), by one visitor and by all.

Spending is part of the transaction that begins the thing: what is refused or fails spends nothing, what was stored
before and is only given back spends nothing, and deleting a talk gives nothing back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from debrief.errors import TooBusy
from debrief.texts import Wait
from storage.engine import Database, count_up, utc_now
from storage.tables import SpendingRow

Budget = Literal["answers", "feedbacks"]
DAYS_KEPT = 1
"""Beyond today: a transaction that began before midnight may end after it."""


@dataclass(frozen=True)
class Daily:
    """How much may be used in a day, by all visitors together and by one; 0: no limit."""

    limit: int = 0
    limit_per_visitor: int = 0


UNLIMITED = Daily()


@dataclass(frozen=True)
class Spent:
    """What was used today: by all, and by the visitor who used most."""

    used: int
    most_by_one_visitor: int


def spend(session: Session, budget: Budget, visitor_id: str, daily: Daily, now: datetime) -> None:
    """Count one for the visitor and one for all, inside the caller's transaction, which a refusal undoes.

    Both rows stay locked until that transaction ends, also without a limit: whoever counts afterwards what is being
    made counts alone, for this visitor and for all.

    Raises:
        TooBusy: a limit was reached before; says how long it is until midnight UTC.
    """
    if not _count(session, f"{budget}:{visitor_id}", daily.limit_per_visitor, now):
        raise _spent(f"{budget}_spent", daily.limit_per_visitor, now)
    if not _count(session, budget, daily.limit, now):
        raise _spent(f"{budget}_spent_by_all", daily.limit, now)


def read_spent(db: Database, budget: Budget) -> Spent:
    """Today's use."""
    today = SpendingRow.day == _day(utc_now())
    of_one = SpendingRow.name.startswith(f"{budget}:", autoescape=True)
    with db.read() as session:
        used = session.scalar(select(SpendingRow.used).where(today, SpendingRow.name == budget))
        most = session.scalar(select(func.max(SpendingRow.used)).where(today, of_one))
    return Spent(used or 0, most or 0)


def forget_old_days(db: Database) -> None:
    """Delete what was counted on days that no limit looks at any more."""
    oldest = _day(utc_now() - timedelta(days=DAYS_KEPT))
    with db.write() as session:
        session.execute(delete(SpendingRow).where(SpendingRow.day < oldest))


def _count(session: Session, name: str, limit: int, now: datetime) -> bool:
    return count_up(session, SpendingRow, {"day": _day(now), "name": name}, column="used", most=limit)


def _day(now: datetime) -> str:
    return now.astimezone(UTC).date().isoformat()


def _spent(code: str, limit: int, now: datetime) -> TooBusy:
    midnight = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    wait_s = (midnight - now).total_seconds()
    return TooBusy(code, retry_after_s=wait_s, limit=limit, wait=Wait(wait_s))
