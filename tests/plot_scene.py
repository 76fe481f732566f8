"""A month of reviews for the plots: debriefs of two rubrics, decided by two reviewers, some written over."""

from datetime import timedelta

from debrief.review import ReviewState
from storage.accounts import Account, find_account
from storage.engine import Database, new_id, utc_now
from storage.tables import FeedbackRow, FeedbackVersionRow, ReviewRow
from tests.review_scene import make_account, make_feedback, make_talk

DECISIONS = (("approve", ReviewState.APPROVED), ("edit", ReviewState.EDITED_APPROVED), ("reject", ReviewState.REJECTED))


def fill(db: Database, *, days: int = 12, a_day: int = 4) -> None:
    """So many debriefs each day, three of four decided, and as many that wait."""
    rita = find_account(db, "rita") or make_account(db, "rita")
    talk = make_talk(db)
    for day in range(days):
        for n in range(a_day):
            age_s = day * 86_400 + n * 3_600
            rubric = ("a" if day < days / 2 else "b") * 64
            lineage: dict[str, object] = {"model": "scripted", "rubric_hash": rubric}
            decision, state = DECISIONS[(day + n) % 3] if n else ("", ReviewState.PENDING)
            row = make_feedback(
                db, talk, state=state, age_s=age_s, lineage=lineage, partial=(day + n) % 5 == 0, checks_failed=n % 2
            )
            if decision:
                _decide(db, row, rita, decision, age_s)


def _decide(db: Database, row: FeedbackRow, reviewer: Account, decision: str, age_s: float) -> None:
    at = utc_now() - timedelta(seconds=age_s)
    with db.write() as session:
        session.add(
            ReviewRow(
                id=new_id("rv"), feedback_id=row.id, version_id=row.version_id or "", reviewer_id=reviewer.id, round=0,
                decision=decision, levels={}, blind=False, opened_at=at, created_at=at,
                seconds_spent=int(30 + age_s / 1000),
            )
        )  # fmt: skip
        if decision == "edit":
            before = session.get_one(FeedbackVersionRow, row.version_id)
            body = {**before.body, "next_step": "Say the number first, then how you came to it."}
            session.add(
                FeedbackVersionRow(
                    id=new_id("fv"), feedback_id=row.id, n=2, job_id=None, origin="human_edit", parent_id=before.id,
                    partial=False, body=body, checks=[], lineage=dict(before.lineage), created_at=at,
                )
            )  # fmt: skip
