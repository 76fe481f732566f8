"""What one decision for many would come to, before anybody decides: how many are moved, how many are left out and why.

By the rules of `storage/review_bulk.py`, so that what is told beforehand is what comes of it unless somebody is faster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from debrief.review import ReviewState
from storage.accounts import Account
from storage.engine import Database, utc_now
from storage.queue_filter import QueueFilter, arms_of, conditions_of, is_held
from storage.review_bulk import BulkAction, Standing, rewrites_left, why_not
from storage.review_search import narrow
from storage.tables import FeedbackRow

_Row = FeedbackRow


@dataclass(frozen=True)
class Preview:
    """`count` is `done` and all that is `left_out`, by the reasons of `storage.review_bulk.Outcome`."""

    count: int
    done: int
    left_out: Counter[str]


def preview_filter(
    db: Database, account: Account, action: BulkAction, wanted: QueueFilter, *, until: datetime
) -> Preview:
    """Of all that a filter admits and that was made by `until`."""
    now = utc_now()
    with db.read() as session:
        conditions = [*conditions_of(narrow(session, wanted)), _Row.created_at <= until]
        found: Counter[Standing] = Counter()
        for arm in arms_of(wanted.states, now):
            found += _count(session, account, now, and_(arm, *conditions))
    return _preview(db, account, action, found)


def preview_ids(db: Database, account: Account, action: BulkAction, feedback_ids: Sequence[str]) -> Preview:
    """Of these; what is not there any more is `gone`."""
    ids = set(feedback_ids)
    with db.read() as session:
        found = _count(session, account, utc_now(), _Row.id.in_(ids))
    return _preview(db, account, action, found, gone=len(ids) - found.total())


def _count(session: Session, account: Account, now: datetime, which: ColumnElement[bool]) -> Counter[Standing]:
    """How many stand how. An inner query, because PostgreSQL takes two parameters for two columns."""
    each = (
        select(
            _Row.review_state.label("state"),
            and_(
                _Row.review_state == ReviewState.CLAIMED.value,
                is_held(now),
                or_(_Row.claimed_by.is_(None), _Row.claimed_by != account.id),
            ).label("is_anothers"),
            (_Row.open_disputes > 0).label("is_disputed"),
            _Row.version_id.is_not(None).label("has_words"),
        )
        .where(which)
        .subquery()
    )
    found: Counter[Standing] = Counter()
    for row in session.execute(select(*each.c, func.count().label("n")).group_by(*each.c)).mappings():
        standing = Standing(
            state=ReviewState(row["state"]),
            is_anothers=bool(row["is_anothers"]),
            is_disputed=bool(row["is_disputed"]),
            has_words=bool(row["has_words"]),
        )
        found[standing] += row["n"]
    return found


def _preview(db: Database, account: Account, action: BulkAction, found: Counter[Standing], *, gone: int = 0) -> Preview:
    left_out: Counter[str] = Counter({"gone": gone} if gone else {})
    done = 0
    for one, n in found.items():
        why = why_not(action, one, account)
        if why is None:
            done += n
        else:
            left_out[why] += n
    if action == "regenerate" and done > (room := rewrites_left(db)):
        left_out["full"] = done - room
        done = room
    return Preview(found.total() + gone, done, left_out)
