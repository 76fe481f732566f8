"""One move of a review, inside the caller's transaction: legal, by whom it may be, of what was seen, and on record.

Each move is compared with the row version that the reviewer saw, written to the audit, and `feedback.updated_at` is
touched, so that the visitor's page hears of it. Decisions also leave a row in `reviews`, with the time that they took.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.orm import Session

from debrief.errors import Conflict, NotAllowed, NotFound
from debrief.feedback import FeedbackBody
from debrief.review import ReviewState, move, needs_admin
from debrief.webhooks import OF_MOVES
from storage.accounts import Account
from storage.audit import audit
from storage.engine import new_id, utc_now
from storage.feedback import stop_making
from storage.reactions import close_disputes
from storage.review_facts import begins_to_wait
from storage.tables import AccountRow, FeedbackRow, FeedbackVersionRow, ReviewRow
from storage.webhook_outbox import announce

CLAIM_LEASE = timedelta(minutes=10)
CLOCKS_DIFFER = timedelta(seconds=60)
"""The clocks of several machines differ by less."""
LONGEST_REVIEW_S = 3600
"""Who takes longer was away in between; more than this is not counted."""
DECISIONS = ("approve", "edit", "reject")
_ANSWERS = (*DECISIONS, "withdraw")
"""Moves that answer what the visitor objected to."""


def move_review(
    session: Session,
    account: Account,
    feedback_id: str,
    row_version: int | None,
    action: str,
    *,
    detail: dict[str, object] | None = None,
    levels: Mapping[str, int | None] | None = None,
    seconds: int | None = None,
    **values: object,
) -> None:
    """Make one move. Without a `row_version` it is made however the feedback stands.

    Args:
        session: the transaction that the move is a part of.
        account: who moves.
        feedback_id: what.
        row_version: as the reviewer saw it.
        action: one of `debrief.review.ACTIONS`.
        detail: what else the audit is to say: ids, hashes and codes.
        levels: what the reviewer gives with an edit, by criterion.
        seconds: how long they had it open, as they say; a claim's own time goes before.
        values: columns of the feedback that change with the move.

    Raises:
        NotFound: there is no such feedback.
        NotAllowed: only an admin may do this.
        Conflict: somebody else has it, was faster, or it is not legal from here.
    """
    now = utc_now()
    if action == "withdraw":
        stop_making(session, feedback_id)
    row = session.get(FeedbackRow, feedback_id, with_for_update=True)
    if row is None:
        raise NotFound
    before = ReviewState(row.review_state)
    if needs_admin(before, action) and not account.is_admin:
        raise NotAllowed("admins_only" if before is ReviewState.ESCALATED else None)
    seen = row.row_version if row_version is None else row_version
    check_hands(session, row, account, action, now)
    after = move(before, action)
    if seen != row.row_version:
        raise Conflict
    if action in DECISIONS:
        _keep_decision(session, row, account, action, now, levels, seconds)
    _change(
        session,
        row,
        {
            "review_state": after.value,
            **_kept_claim(row, account, action, now),
            **begins_to_wait(before, after, now),
            **values,
        },
        now,
    )
    if action in _ANSWERS:
        close_disputes(session, feedback_id)
    told = {"before": before.value, "after": after.value, "version": values.get("version_id", row.version_id)}
    audit(session, account.id, action, "feedback", feedback_id, **told, **(detail or {}))
    if action in OF_MOVES:
        reason = values.get("reject_reason")
        announce(session, OF_MOVES[action], row, state=after, before=before, reason=str(reason) if reason else None)
    session.expire_all()


def take_in_hand(session: Session, account: Account, feedback_id: str, row_version: int | None) -> int:
    """Claim it where it waits and nobody has it, so that a move may follow in the same transaction.

    What is refused afterwards takes the claim back with it: nobody holds what they did not decide.

    Returns:
        The row version for that move: as it was seen, or without one as it stands, one more after a claim.

    Raises:
        NotFound: there is no such feedback, or it is still being made.
        Conflict: somebody was faster.
    """
    row = session.get(FeedbackRow, feedback_id, with_for_update=True)
    if row is None or row.review_state == ReviewState.NONE:
        raise NotFound
    seen = row.row_version if row_version is None else row_version
    is_claimed = row.review_state == ReviewState.CLAIMED
    if row.review_state != ReviewState.PENDING and not (is_claimed and not is_held(row, utc_now())):
        return seen
    move_review(session, account, feedback_id, seen, "claim")
    return seen + 1


def _change(session: Session, row: FeedbackRow, values: dict[str, Any], now: datetime) -> None:
    seen = row.row_version
    change = (
        update(FeedbackRow)
        .where(FeedbackRow.id == row.id, FeedbackRow.row_version == seen)
        .values({**values, "row_version": seen + 1, "updated_at": now})
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", session.execute(change)).rowcount != 1:
        raise Conflict


def _kept_claim(row: FeedbackRow, account: Account, action: str, now: datetime) -> dict[str, Any]:
    """Who has it after the move. Writing anew keeps the claim, so that it is there again when that fails."""
    if action == "regenerate":
        return {}
    if action != "claim":
        return {"claimed_by": None, "claimed_until": None, "claimed_at": None}
    renewed = is_held(row, now) and row.claimed_by == account.id and row.claimed_at
    return {"claimed_by": account.id, "claimed_until": now + CLAIM_LEASE, "claimed_at": renewed or now}


def _keep_decision(
    session: Session,
    row: FeedbackRow,
    account: Account,
    action: str,
    now: datetime,
    levels: Mapping[str, int | None] | None,
    seconds: int | None,
) -> None:
    """One opinion a round and reviewer: deciding replaces what the same person thought blind.

    Who approves agrees with the levels that they read; who rejects says nothing of any.
    """
    version = session.get(FeedbackVersionRow, row.version_id or "")
    if version is None:
        raise Conflict("nothing_shown")
    opened_at = row.claimed_at or (now - timedelta(seconds=seconds) if seconds is not None else None)
    mine = (
        ReviewRow.feedback_id == row.id, ReviewRow.round == row.review_round, ReviewRow.reviewer_id == account.id
    )  # fmt: skip
    session.execute(delete(ReviewRow).where(*mine))
    session.add(
        ReviewRow(
            id=new_id("r"),
            feedback_id=row.id,
            version_id=version.id,
            reviewer_id=account.id,
            round=row.review_round,
            decision=action,
            levels=dict(
                levels or (levels_of(FeedbackBody.model_validate(version.body)) if action == "approve" else {})
            ),
            blind=False,
            opened_at=opened_at or now,
            created_at=now,
            seconds_spent=seconds_between(opened_at, now) if opened_at else None,
        )
    )


def levels_of(body: FeedbackBody) -> dict[str, int | None]:
    """The levels by criterion, None for "not observed"; those that nobody could judge are left out."""
    return {result.key: result.level for result in body.criteria if result.status != "unscored"}


def seconds_between(start: datetime, end: datetime) -> int:
    return max(0, min(LONGEST_REVIEW_S, int((end - start).total_seconds())))


def check_hands(session: Session, row: FeedbackRow, account: Account, action: str, now: datetime) -> None:
    """Only the claimer moves what is claimed; a claim that ran out must be taken over first, by anybody."""
    if row.review_state != ReviewState.CLAIMED or row.claimed_by == account.id or action == "withdraw":
        return
    if not is_held(row, now):
        if action == "claim":
            return
        raise Conflict("claim_first")
    claimer = session.get(AccountRow, row.claimed_by)
    raise Conflict("claimed_by_other", name=claimer.name if claimer else "?")


def is_held(row: FeedbackRow, now: datetime) -> bool:
    """A claim that ends later than one made now was made before the clock was put back: it holds nobody up."""
    if row.review_state != ReviewState.CLAIMED or row.claimed_until is None:
        return False
    return now < row.claimed_until <= now + CLAIM_LEASE + CLOCKS_DIFFER
