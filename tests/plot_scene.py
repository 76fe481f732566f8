"""A month of reviews for the plots: debriefs of two rubrics, decided by two reviewers, some written over."""

from datetime import datetime, timedelta
from typing import Any

from debrief.review import ReviewState
from storage.accounts import Account, find_account
from storage.engine import Database, new_id, utc_now
from storage.tables import FeedbackRow, FeedbackVersionRow, ReviewRow
from tests.review_scene import make_account, make_feedback, make_talk

DECISIONS = (("approve", ReviewState.APPROVED), ("edit", ReviewState.EDITED_APPROVED), ("reject", ReviewState.REJECTED))
KEYS = ("examples", "to_the_point", "own_part", "motive")


def fill(db: Database, *, days: int = 12, a_day: int = 4) -> None:
    """So many debriefs each day, three of four decided, every second of these once more blind, and as many that wait.

    The second rubric gives the first criterion a level less.
    """
    rita = find_account(db, "rita") or make_account(db, "rita")
    rosa = find_account(db, "rosa") or make_account(db, "rosa")
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
            if rubric[0] == "a":
                change_level(db, row, "examples", 2)
            if decision:
                at = utc_now() - timedelta(seconds=age_s)
                decide(db, row, rita, decision, at, levels=[3 - day % 2, 5, 4, None], seconds=int(30 + age_s / 1000))
                if n % 2:
                    levels = [3 - (day % 4 > 1), 5 - day % 3, 4 - day % 2, None]
                    decide(db, row, rosa, "approve", at, levels=levels, blind=True)


def change_level(db: Database, row: FeedbackRow, key: str, level: int) -> None:
    with db.write() as session:
        version = session.get_one(FeedbackVersionRow, row.version_id)
        results: list[Any] = [
            {**result, "level": level} if result["key"] == key else result for result in version.body["criteria"]
        ]
        version.body = {**version.body, "criteria": results}


def decide(
    db: Database,
    row: FeedbackRow,
    reviewer: Account,
    decision: str,
    at: datetime,
    *,
    levels: list[int | None],
    blind: bool = False,
    seconds: int | None = None,
) -> None:
    with db.write() as session:
        session.add(
            ReviewRow(
                id=new_id("rv"), feedback_id=row.id, version_id=row.version_id or "", reviewer_id=reviewer.id, round=1,
                decision=decision, levels=dict(zip(KEYS, levels, strict=True)), blind=blind, opened_at=at,
                created_at=at, seconds_spent=seconds,
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
