"""One decision for many feedbacks: each is a move of its own, in a transaction of its own, with its own audit row.

What cannot be moved is passed over, and why is counted: it was decided already, somebody has it, its visitor objects to
something. The same rules tell beforehand how many will be moved (`storage/bulk_preview.py`). A walk goes through the
queue in portions, newest first, and meets each feedback once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from debrief.errors import DebriefError, NotFound
from debrief.review import ReviewState
from storage import anew
from storage.accounts import Account, find_account
from storage.audit import audit
from storage.engine import Database, utc_now
from storage.moves import is_held, move_review, take_in_hand
from storage.reviews import WAITING
from storage.tables import FeedbackRow

BulkAction = Literal["approve", "assign", "regenerate"]
BATCH_MAX = 100
REWRITES_AT_ONCE = 50
"""So many are being written anew for the desk at a time: each takes the model minutes that talks want too."""
_WHY = {"claimed_by_other": "in_hands", "not_found": "gone", "nothing_shown": "no_words", "admins_only": "not_allowed"}
"""Codes of errors as codes of outcomes; every other refusal means that it stands differently by now."""
_DECIDED = (ReviewState.APPROVED, ReviewState.EDITED_APPROVED, ReviewState.REJECTED, ReviewState.WITHDRAWN)


@dataclass(frozen=True)
class Standing:
    """All of a feedback that decides whether it can be moved together with others."""

    state: ReviewState
    is_anothers: bool
    """Somebody else has it open."""
    is_disputed: bool
    has_words: bool


def why_not(action: BulkAction, one: Standing, account: Account) -> str | None:
    """Why this one is passed over, as a code of `Outcome.skipped`; None: it is moved."""
    if one.state in _DECIDED and not (action == "regenerate" and one.state is ReviewState.REJECTED):
        return "decided"
    if one.state is ReviewState.REGENERATING:
        return "rewriting"
    if action == "assign":
        return None if one.state in WAITING else "not_waiting"
    if one.state is ReviewState.ESCALATED and not account.is_admin:
        return "not_allowed"
    if one.is_anothers:
        return "in_hands"
    # What a visitor objects to is left for somebody who reads the objection.
    if action == "approve" and one.is_disputed:
        return "disputed"
    return None if one.has_words and one.state is not ReviewState.NONE else "no_words"


class _PassedOver(Exception):
    def __init__(self, why: str) -> None:
        self.why = why


@dataclass
class Outcome:
    """What came of a portion.

    `skipped` counts by reason: decided, rewriting, not_waiting (there is nothing to assign), not_allowed (it is
    for admins), in_hands, disputed, no_words, moved_on (it changed in this very moment), gone, full (as many as may be
    are being written anew).

    `jobs` are ids to ring for.
    """

    done: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    jobs: list[str] = field(default_factory=list[str])


def move_many(
    db: Database, account: Account, action: BulkAction, feedback_ids: Sequence[str], *, assignee: str | None = None
) -> Outcome:
    """Do the same to each of these feedbacks, as far as it is legal for this account now.

    Args:
        db: the record.
        account: who decides.
        action: approve it, assign it to `assignee`, or have it written anew.
        feedback_ids: at most BATCH_MAX; more are left alone.
        assignee: an account's name; None takes the assignment away.

    Raises:
        NotFound: there is no such assignee.
    """
    to = _assignee_id(db, assignee)
    act: dict[BulkAction, Callable[[str], str | None]] = {
        "approve": lambda one: _approve(db, account, one),
        "assign": lambda one: _assign(db, account, one, to),
        "regenerate": lambda one: _regenerate(db, account, one),
    }
    outcome = Outcome()
    room = rewrites_left(db) if action == "regenerate" else BATCH_MAX
    for feedback_id in feedback_ids[:BATCH_MAX]:
        try:
            if outcome.done >= room:
                _look(db, account, action, feedback_id)
                outcome.skipped["full"] += 1
                continue
            job_id = act[action](feedback_id)
        except _PassedOver as found:
            outcome.skipped[found.why] += 1
            continue
        except DebriefError as error:
            if error.retryable:
                raise
            outcome.skipped[_WHY.get(error.reason, "moved_on")] += 1
            continue
        outcome.done += 1
        if job_id:
            outcome.jobs.append(job_id)
    return outcome


def rewrites_left(db: Database) -> int:
    """How many more may be sent to be written anew several at once; one at a time always may."""
    under_way = select(func.count()).where(FeedbackRow.review_state == ReviewState.REGENERATING.value)
    with db.read() as session:
        return max(0, REWRITES_AT_ONCE - (session.scalar(under_way) or 0))


def _assignee_id(db: Database, name: str | None) -> str | None:
    if name is None:
        return None
    found = find_account(db, name)
    if found is None or found.disabled_at is not None:
        raise NotFound
    return found.id


def _open(session: Session, account: Account, action: BulkAction, feedback_id: str, *, for_update: bool) -> FeedbackRow:
    row = session.get(FeedbackRow, feedback_id, with_for_update=for_update)
    if row is None:
        raise NotFound
    why = why_not(action, standing_of(row, account, utc_now()), account)
    if why is not None:
        raise _PassedOver(why)
    return row


def standing_of(row: FeedbackRow, account: Account, now: datetime) -> Standing:
    return Standing(
        state=ReviewState(row.review_state),
        is_anothers=is_held(row, now) and row.claimed_by != account.id,
        is_disputed=row.open_disputes > 0,
        has_words=row.version_id is not None,
    )


def _look(db: Database, account: Account, action: BulkAction, feedback_id: str) -> None:
    with db.read() as session:
        _open(session, account, action, feedback_id, for_update=False)


def _approve(db: Database, account: Account, feedback_id: str) -> None:
    """Claim and approve in one transaction."""
    with db.write() as session:
        _open(session, account, "approve", feedback_id, for_update=True)
        seen = take_in_hand(session, account, feedback_id, None)
        move_review(session, account, feedback_id, seen, "approve", reviewed_by=account.id)


def _assign(db: Database, account: Account, feedback_id: str, to: str | None) -> None:
    """A plan and no move: who has it open goes on."""
    with db.write() as session:
        _open(session, account, "assign", feedback_id, for_update=True).assigned_to = to
        audit(session, account.id, "assign", "feedback", feedback_id, to=to)


def _regenerate(db: Database, account: Account, feedback_id: str) -> str:
    _look(db, account, "regenerate", feedback_id)
    return anew.regenerate(db, account, feedback_id, None, claims=True)[1]
