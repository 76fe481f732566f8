"""One decision for many feedbacks: as far as each may be moved; the rest is counted with its reason."""

from datetime import timedelta

import pytest

from debrief.errors import NotFound
from debrief.review import ReviewState
from storage import bulk_preview, reactions, review_bulk, review_queue
from storage.audit import list_audit
from storage.engine import utc_now
from storage.queue_filter import QueueFilter
from storage.tables import FeedbackRow
from tests.factories import OLGA
from tests.review_scene import make_account, make_feedback, make_talk, sign_in

pytestmark = pytest.mark.both_engines

S = ReviewState


@pytest.fixture
def rita(database):
    return make_account(database, "rita")


def state_of(database, feedback_id):
    with database.read() as session:
        return S(session.get_one(FeedbackRow, feedback_id).review_state)


def test_approving_many_moves_what_may_be_moved_and_says_why_of_the_rest(any_database):
    database = any_database
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    talk = make_talk(database)
    free = make_feedback(database, talk).id
    mine = make_feedback(database, talk, state=S.CLAIMED, claimer=rita).id
    lapsed = make_feedback(database, talk, state=S.CLAIMED, claimer=rosa, lease_s=-1).id
    hers = make_feedback(database, talk, state=S.CLAIMED, claimer=rosa).id
    rejected = make_feedback(database, talk, state=S.REJECTED).id
    disputed = make_feedback(database, talk, state=S.AUTO_RELEASED).id
    reactions.dispute(database, OLGA, disputed, "next_step", "No.")
    ids = [free, mine, lapsed, hers, rejected, disputed, "f_gone"]
    told = bulk_preview.preview_ids(database, rita, "approve", ids)
    outcome = review_bulk.move_many(database, rita, "approve", ids)
    assert (outcome.done, told.count, told.done) == (3, 7, 3)
    assert outcome.skipped == told.left_out == {"in_hands": 1, "decided": 1, "disputed": 1, "gone": 1}
    assert {state_of(database, one) for one in (free, mine, lapsed)} == {S.APPROVED}
    assert (state_of(database, hers), state_of(database, disputed)) == (S.CLAIMED, S.PENDING)
    assert [(entry.action, entry.actor) for entry in list_audit(database, free)] == [
        ("claim", rita.id),
        ("approve", rita.id),
    ]


@pytest.mark.parametrize("action", ["approve", "assign", "regenerate"])
@pytest.mark.parametrize("role", ["reviewer", "admin"])
def test_what_is_told_beforehand_of_many_in_every_state_is_what_comes_of_it(any_database, action, role):
    database = any_database
    ada, rosa = make_account(database, "ada", role), make_account(database, "rosa")
    talk = make_talk(database)
    for state in S:
        make_feedback(database, talk, state=state, claimer=rosa if state is S.CLAIMED else None)
    make_feedback(database, talk, state=S.CLAIMED, claimer=ada)
    make_feedback(database, talk, state=S.CLAIMED, claimer=rosa, lease_s=-1)
    reactions.dispute(database, OLGA, make_feedback(database, talk, state=S.AUTO_RELEASED).id, "next_step", "No.")
    everything = QueueFilter(states=())
    told = bulk_preview.preview_filter(database, ada, action, everything, until=utc_now())
    ids = review_queue.list_review_ids(database, everything, limit=100).items
    outcome = review_bulk.move_many(database, ada, action, ids)
    assert told.count == len(ids) == len(S) - 1 + 3
    assert (outcome.done, outcome.skipped) == (told.done, told.left_out)
    assert told.done + told.left_out.total() == told.count


def test_what_is_told_beforehand_keeps_to_the_filter_and_to_what_there_was(any_database):
    """What came since, what the filter leaves out, what is named twice or has no words is not told as done."""
    database = any_database
    rita = make_account(database)
    talk = make_talk(database)
    until = utc_now()
    counted, wordless, orphaned = (make_feedback(database, talk, age_s=60) for _ in range(3))
    make_feedback(database, make_talk(database, language="ko"), age_s=60)
    later = make_feedback(database, talk)
    with database.write() as session:
        session.get_one(FeedbackRow, wordless.id).version_id = None
        held = session.get_one(FeedbackRow, orphaned.id)
        held.review_state, held.claimed_until = S.CLAIMED.value, utc_now() + timedelta(minutes=5)
        session.get_one(FeedbackRow, counted.id).claimed_until = held.claimed_until  # and waits: nobody has it
        session.get_one(FeedbackRow, later.id).created_at = until + timedelta(minutes=1)
    left_out = {"no_words": 1, "in_hands": 1}

    told = bulk_preview.preview_filter(database, rita, "approve", QueueFilter(language="en"), until=until)
    named = bulk_preview.preview_ids(database, rita, "approve", [counted.id, counted.id, wordless.id, orphaned.id])

    assert (told.count, told.done, told.left_out) == (named.count, named.done, named.left_out) == (3, 1, left_out)
    outcome = review_bulk.move_many(database, rita, "approve", [counted.id, wordless.id, orphaned.id])
    assert (outcome.done, outcome.skipped) == (1, left_out)


def test_that_no_more_can_be_written_anew_leaves_other_decisions_alone(any_database, monkeypatch):
    monkeypatch.setattr(review_bulk, "REWRITES_AT_ONCE", 0)
    rita, row = make_account(any_database), make_feedback(any_database)
    told = {
        action: bulk_preview.preview_ids(any_database, rita, action, [row.id]).done
        for action in ("approve", "assign", "regenerate")
    }
    assert told == {"approve": 1, "assign": 1, "regenerate": 0}


def test_assigning_is_on_record_and_does_not_disturb_who_reads(any_database):
    database = any_database
    rita, rosa = (make_account(database, name) for name in ("rita", "rosa"))
    talk = make_talk(database)
    waits, read = make_feedback(database, talk), make_feedback(database, talk, state=S.CLAIMED, claimer=rita)
    decided = make_feedback(database, talk, state=S.APPROVED)
    outcome = review_bulk.move_many(database, rita, "assign", [waits.id, read.id, decided.id], assignee="rosa")
    assert (outcome.done, outcome.skipped) == (2, {"decided": 1})
    assert review_queue.count_matching(database, QueueFilter(assignee="rosa")) == 2
    with database.read() as session:
        assert session.get_one(FeedbackRow, read.id).row_version == read.row_version
    assert [(entry.action, entry.detail) for entry in list_audit(database, waits.id)] == [("assign", {"to": rosa.id})]
    assert review_bulk.move_many(database, rita, "assign", [waits.id]).done == 1
    assert review_queue.count_matching(database, QueueFilter(assignee="rosa")) == 1
    with pytest.raises(NotFound):
        review_bulk.move_many(database, rita, "assign", [waits.id], assignee="nobody known")


def test_having_many_written_anew_gives_jobs_to_ring_for(database, rita):
    talk = make_talk(database)
    waits, withdrawn = make_feedback(database, talk), make_feedback(database, talk, state=S.WITHDRAWN)
    outcome = review_bulk.move_many(database, rita, "regenerate", [waits.id, withdrawn.id])
    assert (outcome.done, outcome.skipped, len(outcome.jobs)) == (1, {"decided": 1}, 1)
    assert state_of(database, waits.id) is S.REGENERATING


def test_no_more_are_written_anew_at_once_than_may_be_and_the_rest_stays(web, monkeypatch):
    database = web.parts.db
    make_account(database)
    talk = make_talk(database)
    make_feedback(database, talk, state=S.REGENERATING)
    for age in range(4):
        make_feedback(database, talk, age_s=age)
    monkeypatch.setattr(review_bulk, "REWRITES_AT_ONCE", 3)
    with web.browser() as rita:
        sign_in(rita)
        wish = {"action": "regenerate", "view": "language=en"}
        seen = rita.post("/api/v1/review/bulk/preview", json=wish).json()
        assert (seen["count"], seen["done"], seen["left_out"]) == (4, 2, {"full": 2})
        sent = rita.post("/api/v1/review/bulk", json=wish).json()
        assert (sent["done"], sent["skipped"], sent["next"]) == (2, {"full": 2}, None)
    assert review_queue.count_reviews(database)[S.PENDING] == 2


def test_a_filtered_set_is_counted_first_and_then_met_once_each(web):
    database = web.parts.db
    make_account(database)
    talk = make_talk(database)
    for age in range(30):
        make_feedback(database, talk, age_s=age)
    with web.browser() as rita:
        sign_in(rita)
        wish = {"action": "approve", "view": "language=en&sort=worst"}
        seen = rita.post("/api/v1/review/bulk/preview", json=wish).json()
        assert (seen["count"], seen["done"], seen["left_out"]) == (30, 30, {})
        make_feedback(database, talk)
        first = rita.post("/api/v1/review/bulk", json={**wish, "until": seen["until"]}).json()
        assert (first["done"], first["skipped"]) == (25, {})
        rest = rita.post("/api/v1/review/bulk", json={**wish, "until": seen["until"], "cursor": first["next"]}).json()
        assert (rest["done"], rest["next"]) == (5, None)
        assert review_queue.count_reviews(database)[S.PENDING] == 1
        assert rita.post("/api/v1/review/bulk", json={"action": "approve"}).status_code == 422


def test_more_than_are_decided_at_a_time_can_be_asked_of_at_once(web):
    make_account(web.parts.db)
    ids = [f"f_{n}" for n in range(review_bulk.BATCH_MAX + 1)]
    with web.browser() as rita:
        sign_in(rita)
        seen = rita.post("/api/v1/review/bulk/preview", json={"action": "approve", "ids": ids}).json()
        assert (seen["count"], seen["done"], seen["left_out"]) == (len(ids), 0, {"gone": len(ids)})
        assert rita.post("/api/v1/review/bulk", json={"action": "approve", "ids": ids}).status_code == 422
