"""Having a debrief written anew: a reviewer says what to do better, and the model writes another version.

The version that is there stays; until the new one has come, the feedback is `regenerating`. What the reviewer says is
an instruction of this house's and never a part of the talk; see `debrief.request`.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import select

from debrief.conversation import storable
from debrief.errors import Conflict, InputRejected, NotFound
from debrief.feedback import JobState
from storage.accounts import Account
from storage.engine import Database, new_id
from storage.feedback import digest, new_job
from storage.moves import move_review, take_in_hand
from storage.reviews import ReviewCase, read_case
from storage.tables import FeedbackJobRow, FeedbackRow

GUIDANCE_MAX_CHARS = 600
"""A few sentences: all of them go into every prompt of the new version."""


def regenerate(
    db: Database,
    account: Account,
    feedback_id: str,
    row_version: int | None,
    *,
    guidance: str = "",
    claims: bool = False,
) -> tuple[ReviewCase, str]:
    """Have it written once more; its words are not shown until the new ones have been read by a person.

    `claims`: first take it, where it waits. Without a `row_version` it is done however the feedback stands.

    Returns:
        The case, and the id of the job to ring for after the commit.

    Raises:
        InputRejected: the guidance is too long.
        NotFound: no such feedback.
        NotAllowed: only an admin may do this.
        Conflict: it is being made already, somebody was faster, or its review does not allow it.
    """
    wish = storable(guidance.strip())
    if len(wish) > GUIDANCE_MAX_CHARS:
        raise InputRejected("message_too_long", length=len(wish), limit=GUIDANCE_MAX_CHARS)
    with db.write() as session:
        if claims:
            row_version = take_in_hand(session, account, feedback_id, row_version)
        last = session.scalars(
            select(FeedbackJobRow)
            .where(FeedbackJobRow.feedback_id == feedback_id, FeedbackJobRow.repeats.is_(None))
            .order_by(FeedbackJobRow.created_at.desc(), FeedbackJobRow.id)
        ).first()
        row = session.get(FeedbackRow, feedback_id, with_for_update=True)
        if last is None or row is None:
            raise NotFound
        if not JobState(last.state).is_final:
            raise Conflict("illegal_move", state=last.state, action="regenerate")
        leaf_id, key, before = last.leaf_id, last.dedupe_key, row.review_state
        detail: dict[str, object] = {"guidance": hashlib.sha256(wish.encode()).hexdigest()} if wish else {}
        move_review(session, account, feedback_id, row_version, "regenerate", detail=detail, review_before=before)
        feedback = session.get_one(FeedbackRow, feedback_id)
        job = new_job(
            session, feedback, leaf_id=leaf_id, dedupe_key=digest(key, new_id("n")), guidance=wish or None
        )  # fmt: skip
        return read_case(session, feedback_id), job.id
