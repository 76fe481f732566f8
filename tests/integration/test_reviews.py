"""The review of feedback: what waits, who may move what, and the record of it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from debrief.errors import Conflict, InputRejected, NotAllowed, NotFound
from debrief.review import ACTIONS, REASONS, ReviewState, move
from storage import anew, conversations, feedback, moves, review_queue, reviews
from storage.audit import audit, list_audit
from storage.queue_filter import QueueFilter
from storage.tables import AuditRow, FeedbackRow
from tests.factories import OLGA, make_turn
from tests.review_scene import TALK, make_account, make_feedback, make_talk

pytestmark = pytest.mark.both_engines

S = ReviewState
DECIDED = {"approve": S.APPROVED, "edit": S.EDITED_APPROVED, "reject": S.REJECTED, "regenerate": S.REGENERATING}
LEGAL = {
    (S.NONE, "auto_release"): S.AUTO_RELEASED,
    (S.NONE, "submit"): S.PENDING,
    (S.REGENERATING, "submit"): S.PENDING,
    (S.REGENERATING, "restore"): S.REJECTED,
    (S.PENDING, "claim"): S.CLAIMED,
    (S.CLAIMED, "claim"): S.CLAIMED,
    (S.CLAIMED, "release"): S.PENDING,
    **{(state, action): to for state in (S.CLAIMED, S.AUTO_RELEASED, S.ESCALATED) for action, to in DECIDED.items()},
    (S.REJECTED, "regenerate"): S.REGENERATING,
    (S.CLAIMED, "escalate"): S.ESCALATED,
    (S.AUTO_RELEASED, "escalate"): S.ESCALATED,
    **{
        (state, "reopen"): S.PENDING
        for state in (S.APPROVED, S.EDITED_APPROVED, S.REJECTED, S.AUTO_RELEASED, S.ESCALATED)
    },
    **{(state, "withdraw"): S.WITHDRAWN for state in S},
}
PAIRS = [(state, action) for state in S for action in ACTIONS]
MOVES = {
    "claim": reviews.claim,
    "release": reviews.release,
    "approve": reviews.approve,
    "reject": lambda db, account, id, seen: reviews.reject(db, account, id, seen, reason="unkind"),
    "regenerate": lambda db, account, id, seen: anew.regenerate(db, account, id, seen, guidance="Be brief.")[0],
    "escalate": lambda db, account, id, seen: reviews.escalate(db, account, id, seen, note="Is this kind?"),
    "reopen": reviews.reopen,
    "withdraw": reviews.withdraw,
}


@pytest.fixture
def rita(database):
    return make_account(database, "rita")


@pytest.fixture
def admin(database):
    return make_account(database, "ada", "admin")


@pytest.mark.parametrize(("state", "action"), PAIRS)
def test_each_move_leads_where_the_table_says_or_is_refused(state, action):
    if (state, action) in LEGAL:
        assert move(state, action, before=S.REJECTED) is LEGAL[state, action]
    else:
        with pytest.raises(Conflict, match=action):
            move(state, action, before=S.REJECTED)


@pytest.mark.parametrize("state", [state for state in S if state is not S.NONE])
def test_a_stored_feedback_moves_only_as_the_table_says(database, admin, state):
    talk = make_talk(database)
    for action, act in MOVES.items():
        row = make_feedback(database, talk, state=state, claimer=admin if state is S.CLAIMED else None)
        legal = LEGAL.get((state, action))
        if legal is None:
            with pytest.raises(Conflict):
                act(database, admin, row.id, row.row_version)
            assert _row(database, row.id).row_version == row.row_version, action
            assert list_audit(database, row.id) == [], action
            continue
        case = act(database, admin, row.id, row.row_version)
        assert (case.state, case.row_version) == (legal, row.row_version + 1), action
        [entry] = list_audit(database, row.id)
        assert (entry.actor, entry.action, entry.detail["before"], entry.detail["after"]) == (
            admin.id,
            action,
            state.value,
            legal.value,
        )
        assert _row(database, row.id).updated_at > row.updated_at, action


def test_the_case_holds_the_talk_and_the_feedback(database, rita):
    row = make_feedback(database, checks_failed=1)
    case = reviews.get_review(database, row.id)
    assert [message.text for message in case.path if message.role == "user"] == [said for said, _ in TALK]
    assert case.body
    quoted = case.body.criteria[0].evidence[0]
    message = next(message for message in case.path if message.id == quoted.message_id)
    assert message.text[quoted.start : quoted.end] == quoted.quote
    assert case.scenario_title["ko"] == "취업 면접"
    assert [check.passed for check in case.checks] == [False, True, True, True]


def test_the_case_ends_where_the_review_was_asked_for(database, rita):
    talk = make_talk(database)
    row = make_feedback(database, talk)
    make_turn(database, talk, text="I went on talking.")
    case = reviews.get_review(database, row.id)
    assert len(case.path) == 7
    assert "I went on talking." not in [message.text for message in case.path]


def test_a_feedback_in_the_making_is_not_there_for_reviewers(database, rita):
    row = make_feedback(database, state=S.NONE)
    for look in (
        lambda: reviews.get_review(database, row.id),
        lambda: reviews.get_review(database, "f_unknown"),
        lambda: reviews.claim(database, rita, "f_unknown", 0),
    ):
        with pytest.raises(NotFound):
            look()
    assert review_queue.list_reviews(database, QueueFilter(tuple(S)[1:])).items == []


def test_the_slower_of_two_reviewers_is_told_and_changes_nothing(any_database):
    database = any_database
    rita = make_account(database, "rita")
    row = make_feedback(database, state=S.AUTO_RELEASED)
    sam = make_account(database, "sam")
    reviews.approve(database, rita, row.id, row.row_version)
    with pytest.raises(Conflict):
        reviews.reject(database, sam, row.id, row.row_version, reason="unkind")
    case = reviews.get_review(database, row.id)
    assert (case.state, case.reviewed_by, case.reject_reason) == (S.APPROVED, "rita", None)
    assert [entry.action for entry in list_audit(database, row.id)] == ["approve"]


def test_a_move_on_what_has_changed_since_is_refused_even_where_it_would_be_legal(any_database):
    rita, rosa = (make_account(any_database, name) for name in ("rita", "rosa"))
    row = make_feedback(any_database)
    case = reviews.claim(any_database, rosa, row.id, row.row_version)
    case = reviews.release(any_database, rosa, row.id, case.row_version)
    with pytest.raises(Conflict) as told:
        reviews.claim(any_database, rita, row.id, row.row_version)
    assert told.value.reason == "conflict"
    assert reviews.get_review(any_database, row.id) == case


def test_of_twelve_claims_at_once_one_wins(any_database):
    database = any_database
    row = make_feedback(database)
    people = [make_account(database, f"reviewer{n}") for n in range(12)]

    def take(account):
        try:
            return reviews.claim(database, account, row.id, row.row_version).claimed_by
        except Conflict:
            return None

    with ThreadPoolExecutor(12) as threads:
        takers = [name for name in threads.map(take, people) if name]
    assert len(takers) == 1
    assert reviews.get_review(database, row.id).claimed_by == takers[0]
    assert len(list_audit(database, row.id)) == 1


@pytest.mark.parametrize("action", ["claim", "release", "approve", "reject", "reopen"])
def test_only_the_claimer_moves_a_claimed_feedback(database, rita, action):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita)
    with pytest.raises(Conflict, match="rita"):
        MOVES[action](database, make_account(database, "sam"), row.id, row.row_version)


def test_a_claim_that_ran_out_can_be_taken_over_but_not_jumped(database, rita):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita, lease_s=-1)
    sam = make_account(database, "sam")
    [item] = review_queue.list_reviews(database).items
    assert (item.state, item.claimed_by) == (S.PENDING, None)
    with pytest.raises(Conflict) as told:
        reviews.approve(database, sam, row.id, row.row_version)
    assert told.value.reason == "claim_first"
    case = reviews.claim(database, sam, row.id, row.row_version)
    assert case.claimed_by == "sam"
    with pytest.raises(Conflict):
        reviews.approve(database, rita, row.id, row.row_version)


def test_rita_may_decide_late_when_nobody_took_over(database, rita):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita, lease_s=-1)
    assert reviews.approve(database, rita, row.id, row.row_version).state is S.APPROVED


@pytest.mark.parametrize("reason", [None, "", "because", "Wrong_level"])
def test_a_rejection_without_a_known_reason_is_refused(database, rita, reason):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita)
    with pytest.raises(InputRejected) as refused:
        reviews.reject(database, rita, row.id, row.row_version, reason=reason, note="x")
    assert refused.value.reason == "reason_needed"
    assert _row(database, row.id).review_state == "claimed"


def test_reason_and_note_are_kept_until_it_is_reopened(database, rita):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita)
    case = reviews.reject(database, rita, row.id, row.row_version, reason="wrong_level", note=" too kind \n")
    assert (case.reject_reason, case.note, case.reviewed_by, case.claimed_by) == (
        "wrong_level",
        "too kind",
        "rita",
        None,
    )
    case = reviews.reopen(database, rita, row.id, case.row_version)
    assert (case.state, case.reject_reason, case.note, case.reviewed_by) == (S.PENDING, None, None, None)


def test_withdrawing_is_for_admins(database, rita, admin):
    row = make_feedback(database, state=S.CLAIMED, claimer=rita)
    with pytest.raises(NotAllowed):
        reviews.withdraw(database, rita, row.id, row.row_version)
    assert reviews.withdraw(database, admin, row.id, row.row_version).state is S.WITHDRAWN


@pytest.mark.parametrize("reason", REASONS)
def test_olga_sees_the_words_only_when_they_count(database, rita, reason):
    row = make_feedback(database)
    seen = lambda: feedback.get_feedback(database, OLGA, row.id)  # noqa: E731
    assert seen().body is None
    case = reviews.claim(database, rita, row.id, row.row_version)
    assert seen().body is None
    case = reviews.approve(database, rita, row.id, case.row_version)
    assert seen().body == case.body
    case = reviews.reopen(database, rita, row.id, case.row_version)
    case = reviews.claim(database, rita, row.id, case.row_version)
    reviews.reject(database, rita, row.id, case.row_version, reason=reason)
    assert (seen().body, seen().review_state, seen().reject_reason) == (None, "rejected", reason)


def test_every_move_reaches_the_visitors_live_page(database, rita):
    row = make_feedback(database, age_s=60)
    seen = row.row_version
    for action in ("claim", "release", "claim", "approve", "reopen"):
        before = _row(database, row.id).updated_at
        seen = MOVES[action](database, rita, row.id, seen).row_version
        changed = feedback.list_changed(database, [OLGA], before)
        assert (OLGA, row.id) in [(visitor, view.id) for visitor, view in changed]
        assert _row(database, row.id).updated_at > before


def test_the_audit_is_in_the_transaction_of_the_move(database, rita, monkeypatch):
    row = make_feedback(database)

    def fail(*args, **kwargs):
        raise RuntimeError("no room for the audit")

    monkeypatch.setattr(moves, "audit", fail)
    with pytest.raises(RuntimeError):
        reviews.claim(database, rita, row.id, row.row_version)
    assert _row(database, row.id).review_state == "pending"


@pytest.mark.parametrize("change", ["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events"])
def test_the_audit_cannot_be_changed(any_database, change):
    rita = make_account(any_database, "rita")
    with pytest.raises(DatabaseError, match="append-only"), any_database.write() as session:
        session.execute(text(change))
    assert list_audit(any_database, rita.id)


@pytest.mark.parametrize("words", ["two words", 'she said "no"', "문장", "x" * 65, ["list"], {"a": 1}, ""])
def test_the_audit_takes_no_words(database, words):
    with pytest.raises(ValueError, match="detail"), database.write() as session:
        audit(session, "system", "approve", "feedback", "f_1", why=words)


def test_a_deleted_talk_leaves_no_words_in_the_audit(database, rita, settings):
    talk = make_talk(database)
    row = make_feedback(database, talk)
    case = reviews.claim(database, rita, row.id, row.row_version)
    reviews.reject(database, rita, row.id, case.row_version, reason="unkind", note="Olga was called Zebedee here")
    conversations.delete_conversation(database, OLGA, talk.id)
    with pytest.raises(NotFound):
        reviews.get_review(database, row.id)
    with database.read() as session:
        kept = json.dumps([[str(value) for value in entry] for entry in session.execute(select(AuditRow.__table__))])
    assert row.id in kept
    assert "Zebedee" not in kept
    assert not any(word in kept for said, _ in TALK for word in said.split() if len(word) > 6)
    files = b"".join(file.read_bytes() for file in settings.data_dir.iterdir())
    assert b"Zebedee" not in files


def _row(database, feedback_id):
    with database.read() as session:
        return session.get(FeedbackRow, feedback_id)
