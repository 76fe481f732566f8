"""Deciding by the API on what waits: it is claimed and decided in one step, or nothing happens to it."""

import pytest

from debrief.review import ReviewState
from storage import edits, reviews
from storage.audit import list_audit
from tests.review_scene import make_account, make_feedback, sign_in
from tests.web_scene import Web

pytestmark = pytest.mark.both_engines


def refused_wishes(web: Web, feedback_id: str) -> list[tuple[str, dict]]:
    draft = edits.get_draft(web.parts.db, feedback_id)
    unchanged = {"row_version": draft.row_version, "edit": draft.unchanged.model_dump(mode="json")}
    return [
        ("reject", {}),
        ("reject", {"reason": "no reason of ours"}),
        ("reject", {"reason": "other", "note": "n" * 5000}),
        ("escalate", {}),
        ("regenerate", {"guidance": "g" * 5000}),
        ("edit", unchanged),
    ]


def test_what_is_refused_leaves_the_debrief_to_whoever_comes_next(web: Web):
    db = web.parts.db
    make_account(db)
    row = make_feedback(db)
    with web.browser() as rita:
        sign_in(rita)
        for action, wish in refused_wishes(web, row.id):
            answer = rita.post(f"/api/v1/review/{row.id}/{action}", json=wish)
            assert 400 <= answer.status_code < 500, (action, wish)
            case = reviews.get_review(db, row.id)
            assert (case.state, case.claimed_by, case.row_version) == (ReviewState.PENDING, None, row.row_version), (
                action
            )
    assert list_audit(db, row.id) == []


@pytest.mark.parametrize("lease_s", [None, -1], ids=["waits", "its claim ran out"])
def test_one_call_takes_what_waits_and_decides_it(web: Web, lease_s: int | None):
    db = web.parts.db
    make_account(db)
    gone = make_account(db, "rosa")
    row = (
        make_feedback(db)
        if lease_s is None
        else make_feedback(db, state=ReviewState.CLAIMED, claimer=gone, lease_s=lease_s)
    )
    with web.browser() as rita:
        sign_in(rita)
        answer = rita.post(f"/api/v1/review/{row.id}/approve", json={"row_version": row.row_version})
    assert (answer.status_code, answer.json()["state"], answer.json()["reviewed_by"]) == (200, "approved", "rita")
    assert [entry.action for entry in list_audit(db, row.id)] == ["claim", "approve"]


def test_what_is_still_being_made_is_no_case_to_decide(web: Web):
    make_account(web.parts.db)
    row = make_feedback(web.parts.db, state=ReviewState.NONE)
    with web.browser() as rita:
        sign_in(rita)
        assert rita.post(f"/api/v1/review/{row.id}/approve").status_code == 404
