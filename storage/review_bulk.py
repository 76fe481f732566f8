"""One decision for many feedbacks: each is a move of its own, in a transaction of its own, with its own audit row.

What cannot be moved is passed over, and why is counted: somebody has it, it was decided meanwhile, its visitor objects
to something. A walk goes through the queue in portions, newest first, and meets each feedback once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import func, select

from debrief.errors import Conflict, DebriefError, NotFound
from debrief.review import ReviewState
from storage import anew
from storage.accounts import Account, find_account
from storage.audit import audit
from storage.engine import Database
from storage.moves import move_review, take_in_hand
from storage.reviews import WAITING
from storage.tables import FeedbackRow

BulkAction = Literal["approve", "assign", "regenerate"]
BATCH_MAX = 100
REWRITES_AT_ONCE = 50
"""So many are being written anew for the desk at a time: each takes the model minutes that talks want too."""
_WHY = {
    "claimed_by_other": "in_hands",
    "not_found": "gone",
    "disputed": "disputed",
    "nothing_shown": "no_words",
    "admins_only": "not_allowed",
    "not_allowed": "not_allowed",
}
"""Codes of errors as codes of outcomes; every other refusal means that it stands differently by now."""


@dataclass
class Outcome:
    """What came of a portion.

    `skipped` counts by reason: in_hands, moved_on, disputed, no_words, not_allowed, gone, full (as many as may be are
    being written anew).

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
        if outcome.done >= room:
            outcome.skipped["full"] += 1
            continue
        try:
            job_id = act[action](feedback_id)
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


def _approve(db: Database, account: Account, feedback_id: str) -> None:
    """Claim and approve in one transaction. What a visitor objects to is left for somebody who reads the objection."""
    with db.write() as session:
        row = session.get(FeedbackRow, feedback_id, with_for_update=True)
        if row is None:
            raise NotFound
        if row.open_disputes:
            raise Conflict("disputed")
        seen = take_in_hand(session, account, feedback_id, None)
        move_review(session, account, feedback_id, seen, "approve", reviewed_by=account.id)


def _assign(db: Database, account: Account, feedback_id: str, to: str | None) -> None:
    """A plan and no move: who has it open goes on."""
    with db.write() as session:
        row = session.get(FeedbackRow, feedback_id, with_for_update=True)
        if row is None:
            raise NotFound
        if row.review_state not in WAITING:
            raise Conflict
        row.assigned_to = to
        audit(session, account.id, "assign", "feedback", feedback_id, to=to)


def _regenerate(db: Database, account: Account, feedback_id: str) -> str:
    return anew.regenerate(db, account, feedback_id, None, claims=True)[1]
