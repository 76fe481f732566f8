"""What was done to one debrief, by whom and when, as its reviewers read it."""

from debrief.review import ReviewState
from storage import reviews
from storage.audit import audit
from storage.case_audit import read_case_audit
from storage.edits import approve_edit, get_draft
from storage.engine import Database
from storage.tables import FeedbackRow
from tests.review_scene import make_account, make_feedback, sign_in
from tests.web_scene import Web


def test_the_history_of_a_debrief_tells_each_move_the_newest_first(any_database: Database):
    rita = make_account(any_database)
    row = make_feedback(any_database, state=ReviewState.AUTO_RELEASED)
    draft = get_draft(any_database, row.id)
    edit = draft.unchanged.model_copy(update={"next_step": "Say the number first, then how you came to it."})
    case = approve_edit(any_database, rita, row.id, draft.row_version, edit)
    reviews.reopen(any_database, rita, row.id, case.row_version)

    reopened, edited = read_case_audit(any_database, row.id)

    assert (reopened.event.action, reopened.event.detail["after"], reopened.version_n) == ("reopen", "pending", 2)
    assert (edited.event.action, edited.event.actor, edited.version_n) == ("edit", rita.id, 2)
    assert "number first" not in str((reopened, edited))


def test_a_reviewer_reads_the_history_in_her_language_and_of_what_is_deleted_nothing(web: Web):
    db = web.parts.db
    rosa = make_account(db, "rosa")
    make_account(db)
    row = make_feedback(db)
    with db.write() as session:
        audit(session, rosa.id, "assign", "feedback", row.id, to=rosa.id)
    reviews.claim(db, rosa, row.id, row.row_version)
    with web.browser() as rita:
        sign_in(rita)
        path = f"/api/v1/review/{row.id}/audit"
        claimed, assigned = rita.get(path, headers={"accept-language": "ko"}).json()["items"]
        assert (claimed["by"], claimed["said"]) == ("rosa", "검토를 맡음")
        assert (claimed["detail"]["before"], claimed["detail"]["after"], claimed["version_n"]) == (
            "pending", "claimed", 1,
        )  # fmt: skip
        assert assigned["to"] == "rosa"
        with db.write() as session:
            session.delete(session.get_one(FeedbackRow, row.id))
        assert rita.get(path).status_code == 404
