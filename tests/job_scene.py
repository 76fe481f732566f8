"""What the job tests share: asking, claiming and storing with everything filled in but the point."""

from debrief.feedback import Check, Coverage, FeedbackBody, FeedbackView
from storage import jobs
from storage.engine import Database
from storage.feedback import request_feedback
from storage.jobs import Claim
from tests.factories import OLGA, make_conversation

SEATS = 100


def ask_for_feedback(db: Database, *, visitor_id: str = OLGA) -> tuple[FeedbackView, str]:
    """A new talk of one turn and the request for its debrief; the view and the job's id."""
    talk = make_conversation(db, visitor_id=visitor_id, turns=1)
    view, job_id = request_feedback(db, visitor_id, talk.id, versions={"rubric": "1"})
    assert job_id
    return view, job_id


def claim(
    db: Database, job_id: str, *, worker_id: str = "k_test", lease_s: float = 60, seats: int = SEATS
) -> Claim | None:
    return jobs.claim_job(db, job_id, worker_id, lease_s=lease_s, seats=seats)


def make_body(summary: str = "Well done.") -> FeedbackBody:
    return FeedbackBody(language="en", way="written", criteria=[], summary=summary, covered=Coverage(messages=3, of=3))


def store(
    db: Database, claim: Claim, *, summary: str = "Well done.", partial=False, passed=True, release="checked"
) -> bool:
    return jobs.store_result(
        db,
        claim,
        body=make_body(summary),
        checks=[Check(name="language", passed=passed)],
        partial=partial,
        lineage={"model": "scripted"},
        release=release,
    )
