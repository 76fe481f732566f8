"""What visitors say of their debriefs, in the record: once, by the owner, in the open, and told to the reviewer."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from debrief.dispute import COMMENT_MAX_CHARS
from debrief.errors import Conflict, InputRejected, NotFound
from debrief.review import ReviewState
from storage import feedback, reactions, review_queue, reviews
from storage.accounts import Account
from storage.audit import list_audit
from storage.engine import Database
from storage.tables import AuditRow, DisputeRow, FeedbackRow, ReactionRow
from tests.factories import OLGA, SAM
from tests.review_scene import make_account, make_feedback

pytestmark = pytest.mark.both_engines

S = ReviewState
SHOWN = (S.AUTO_RELEASED, S.APPROVED, S.EDITED_APPROVED)
WORDS = "That is not what I said."


@pytest.fixture
def rita(any_database: Database) -> Account:
    return make_account(any_database)


@pytest.mark.parametrize("state", SHOWN)
def test_an_objection_moves_what_is_shown_to_the_waiting_with_one_audit_event(any_database: Database, state: S):
    row = make_feedback(any_database, state=state)
    view = reactions.dispute(any_database, OLGA, row.id, "criteria.1.reason", WORDS)
    assert (view.review_state, view.is_disputed, view.body is not None) == ("pending", True, True)
    [event] = list_audit(any_database, row.id)
    assert (event.actor, event.action) == ("visitor", "dispute")
    assert (event.detail["before"], event.detail["after"], event.detail["path"]) == (
        state.value, "pending", "criteria.1.reason",
    )  # fmt: skip
    assert stored(any_database, row.id).row_version == row.row_version + 1


def test_no_word_of_an_objection_is_in_the_audit(database: Database):
    row = make_feedback(database, state=S.APPROVED)
    reactions.dispute(database, OLGA, row.id, "criteria.1.reason", WORDS)
    with database.read() as session:
        written = " ".join(str(event.detail) for event in session.scalars(select(AuditRow)))
    assert WORDS not in written
    assert OLGA not in written


@pytest.mark.parametrize("state", [state for state in S if state not in SHOWN])
def test_what_the_visitor_does_not_see_they_cannot_object_to(database: Database, state: S):
    row = make_feedback(database, state=state, claimer=make_account(database) if state is S.CLAIMED else None)
    with pytest.raises(Conflict) as told:
        reactions.dispute(database, OLGA, row.id, "criteria.1.reason")
    assert told.value.reason == "nothing_shown"
    assert stored(database, row.id).review_state == state
    assert list_audit(database, row.id) == []


def test_the_same_sentence_again_is_one_objection_with_the_newer_words(any_database: Database):
    row = make_feedback(any_database, state=S.AUTO_RELEASED)
    reactions.dispute(any_database, OLGA, row.id, "criteria.1.reason", "First.")
    view = reactions.dispute(any_database, OLGA, row.id, "criteria.1.reason", WORDS)
    assert [dispute.comment for dispute in view.disputes] == [WORDS]


def test_a_comment_has_a_limit_and_is_kept_whole_up_to_it(database: Database):
    row = make_feedback(database, state=S.AUTO_RELEASED)
    with pytest.raises(InputRejected) as told:
        reactions.dispute(database, OLGA, row.id, "next_step", "x" * (COMMENT_MAX_CHARS + 1))
    assert told.value.reason == "message_too_long"
    assert stored(database, row.id).review_state == S.AUTO_RELEASED
    view = reactions.dispute(database, OLGA, row.id, "next_step", "가" * COMMENT_MAX_CHARS)
    assert len(view.disputes[0].comment) == COMMENT_MAX_CHARS


@pytest.mark.parametrize(("decide", "is_shown"), [("approve", True), ("reject", False)])
def test_a_reviewers_decision_answers_the_objection(any_database: Database, rita: Account, decide: str, is_shown: bool):
    row = make_feedback(any_database, state=S.AUTO_RELEASED)
    reactions.dispute(any_database, OLGA, row.id, "criteria.1.reason", WORDS)
    case = reviews.claim(any_database, rita, row.id, stored(any_database, row.id).row_version)
    assert feedback.get_feedback(any_database, OLGA, row.id).body, "it stays readable while Rita reads"
    if decide == "approve":
        reviews.approve(any_database, rita, row.id, case.row_version)
    else:
        reviews.reject(any_database, rita, row.id, case.row_version, reason="wrong_level")
    view = feedback.get_feedback(any_database, OLGA, row.id)
    assert (view.is_disputed, view.body is not None) == (False, is_shown)
    assert view.disputes[0].closed_at
    assert review_queue.list_reviews(any_database).items == []


def test_a_reviewer_cannot_decide_over_an_objection_that_they_have_not_read(any_database: Database, rita: Account):
    row = make_feedback(any_database, state=S.AUTO_RELEASED)
    reactions.dispute(any_database, OLGA, row.id, "criteria.1.reason")
    case = reviews.claim(any_database, rita, row.id, stored(any_database, row.id).row_version)
    reactions.dispute(any_database, OLGA, row.id, "criteria.2.reason")
    with pytest.raises(Conflict):
        reviews.approve(any_database, rita, row.id, case.row_version)
    view = feedback.get_feedback(any_database, OLGA, row.id)
    assert [dispute.is_open for dispute in view.disputes] == [True, True]


def test_an_objection_after_the_decision_opens_the_review_once_more(any_database: Database, rita: Account):
    row = make_feedback(any_database, state=S.AUTO_RELEASED)
    reactions.dispute(any_database, OLGA, row.id, "next_step", "First.")
    case = reviews.claim(any_database, rita, row.id, stored(any_database, row.id).row_version)
    reviews.approve(any_database, rita, row.id, case.row_version)
    view = reactions.dispute(any_database, OLGA, row.id, "next_step", "Still.")
    assert (view.review_state, view.is_disputed) == ("pending", True)
    assert stored(any_database, row.id).reviewed_by is None


def test_a_reaction_is_kept_with_the_version_and_can_be_taken_back(any_database: Database):
    row = make_feedback(any_database, state=S.APPROVED)
    assert reactions.react(any_database, OLGA, row.id, True).helpful is True
    assert reactions.react(any_database, OLGA, row.id, False).helpful is False
    with any_database.read() as session:
        assert [kept.version_id for kept in session.scalars(select(ReactionRow))] == [row.version_id]
    assert reactions.react(any_database, OLGA, row.id, None).helpful is None


def test_seen_is_the_first_time(any_database: Database):
    row = make_feedback(any_database, state=S.APPROVED)
    reactions.mark_seen(any_database, OLGA, row.id)
    first = stored(any_database, row.id).seen_at
    reactions.mark_seen(any_database, OLGA, row.id)
    assert first
    assert stored(any_database, row.id).seen_at == first


def test_a_stranger_finds_nothing_to_say_anything_of(database: Database):
    row = make_feedback(database, state=S.APPROVED)
    for say in (
        lambda: reactions.mark_seen(database, SAM, row.id),
        lambda: reactions.react(database, SAM, row.id, True),
        lambda: reactions.dispute(database, SAM, row.id, "next_step"),
    ):
        with pytest.raises(NotFound):
            say()
    with database.read() as session:
        assert list(session.scalars(select(DisputeRow))) == []


def stored(db: Database, feedback_id: str) -> FeedbackRow:
    with db.read() as session:
        return session.get_one(FeedbackRow, feedback_id)
