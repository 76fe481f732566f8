"""Daily budgets: what spends, what does not, and that none of many who spend at once is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from debrief.conversation import Conversation
from debrief.errors import Conflict, NotFound, TooBusy
from debrief.feedback import FeedbackView
from storage import conversations, spending, turns
from storage.engine import Database, utc_now
from storage.feedback import FeedbackLimits, cancel_feedback, request_feedback
from storage.spending import Daily, Spent, read_spent, spend
from storage.tables import SpendingRow
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn
from tests.job_scene import claim, store
from tests.review_scene import regenerate

VERSIONS = {"rubric": "1"}


def answers(db: Database) -> Spent:
    return read_spent(db, "answers")


def feedbacks(db: Database) -> Spent:
    return read_spent(db, "feedbacks")


def ask(db: Database, talk: Conversation, daily: Daily) -> tuple[FeedbackView, str | None]:
    return request_feedback(db, talk.visitor_id, talk.id, versions=VERSIONS, limits=FeedbackLimits(daily))


def refusal_of(act: Callable[[], object]) -> TooBusy:
    with pytest.raises(TooBusy) as refused:
        act()
    return refused.value


# ------------------------------------------------------------------------------------------------- answers


def test_each_turn_spends_one_answer_until_the_day_is_used_up(any_database: Database):
    talk = make_conversation(any_database)
    for _ in range(2):
        make_turn(any_database, talk)
    assert answers(any_database) == Spent(2, 2)
    refused = refusal_of(lambda: start_turn(any_database, talk, daily=Daily(0, 2)))
    assert refused.reason == "answers_spent"
    assert answers(any_database) == Spent(2, 2)


def test_the_budget_of_all_is_one_for_everybody(any_database: Database):
    make_turn(any_database, make_conversation(any_database))
    make_turn(any_database, make_conversation(any_database, visitor_id=SAM))
    refused = refusal_of(
        lambda: start_turn(any_database, make_conversation(any_database, visitor_id="v_third"), daily=Daily(2, 400))
    )
    assert refused.reason == "answers_spent_by_all"
    assert answers(any_database) == Spent(2, 1), "neither the whole nor the third visitor's own was spent"


def test_one_visitors_budget_is_not_anothers(any_database: Database):
    make_turn(any_database, make_conversation(any_database))
    assert start_turn(any_database, make_conversation(any_database, visitor_id=SAM), daily=Daily(0, 1)).is_new


def test_the_same_request_again_spends_nothing_and_is_not_refused(any_database: Database):
    talk = make_conversation(any_database)
    first = start_turn(any_database, talk, request_id="click", daily=Daily(1, 1))
    again = start_turn(any_database, talk, request_id="click", daily=Daily(1, 1))
    assert (again.answer.id, again.is_new) == (first.answer.id, False)
    assert answers(any_database) == Spent(1, 1)


def test_what_is_refused_for_another_reason_spends_nothing(any_database: Database):
    talk, other = make_conversation(any_database), make_conversation(any_database)
    start_turn(any_database, talk)
    with pytest.raises(Conflict):
        start_turn(any_database, talk)
    for caps in ({"per_visitor_cap": 1}, {"total_cap": 1}):
        refusal_of(lambda caps=caps: start_turn(any_database, other, **caps))
    with pytest.raises(NotFound):
        start_turn(any_database, talk, visitor_id=SAM)
    assert answers(any_database) == Spent(1, 1)


def test_another_answer_to_the_same_words_is_one_more(any_database: Database):
    turn = make_turn(any_database, make_conversation(any_database))
    caps = {"per_visitor_cap": 9, "total_cap": 9}
    refused = refusal_of(lambda: turns.start_retry(any_database, OLGA, turn.answer.id, "r", daily=Daily(0, 1), **caps))
    assert refused.reason == "answers_spent"
    turns.start_retry(any_database, OLGA, turn.answer.id, "r", daily=Daily(0, 2), **caps)
    assert answers(any_database) == Spent(2, 2)


def test_deleting_a_talk_gives_nothing_back(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    conversations.delete_conversation(any_database, OLGA, talk.id)
    refused = refusal_of(lambda: start_turn(any_database, make_conversation(any_database), daily=Daily(0, 1)))
    assert refused.reason == "answers_spent"


def test_of_many_who_begin_at_once_exactly_the_budget_gets_through(any_database: Database):
    """Each in a talk of their own, so that nothing but the budget holds them back."""
    talks = [make_conversation(any_database, visitor_id=f"v_{n}") for n in range(12)]

    def attempt(talk: Conversation) -> str:
        try:
            start_turn(any_database, talk, daily=Daily(7, 0))
        except TooBusy as refused:
            return refused.reason
        return "begun"

    with ThreadPoolExecutor(12) as threads:
        outcomes = list(threads.map(attempt, talks))
    assert sorted(outcomes) == ["answers_spent_by_all"] * 5 + ["begun"] * 7
    assert answers(any_database) == Spent(7, 1)


def test_of_many_that_one_visitor_begins_at_once_none_is_counted_twice_or_forgotten(any_database: Database):
    talks = [make_conversation(any_database) for _ in range(12)]
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda talk: start_turn(any_database, talk), talks))
    assert answers(any_database) == Spent(12, 12)


# ------------------------------------------------------------------------------------------------- feedback


def test_each_new_feedback_spends_one_and_the_same_again_none(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    view, job_id = ask(any_database, talk, Daily(0, 1))
    assert job_id
    assert ask(any_database, talk, Daily(0, 1)) == (view, None)
    make_turn(any_database, talk)
    assert refusal_of(lambda: ask(any_database, talk, Daily(0, 1))).reason == "feedbacks_spent"
    assert refusal_of(lambda: ask(any_database, talk, Daily(1, 0))).reason == "feedbacks_spent_by_all"
    assert feedbacks(any_database) == Spent(1, 1)


def test_asking_again_after_a_stop_is_one_more(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    view, _ = ask(any_database, talk, Daily(0, 2))
    cancel_feedback(any_database, OLGA, view.id)
    assert ask(any_database, talk, Daily(0, 2))[1]
    assert feedbacks(any_database) == Spent(2, 2)


def test_what_a_reviewer_has_made_anew_is_not_the_visitors_to_pay(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    view, job_id = ask(any_database, talk, Daily(0, 1))
    assert job_id
    mine = claim(any_database, job_id)
    assert mine
    store(any_database, mine, release="hold")
    assert regenerate(any_database, view.id)
    assert feedbacks(any_database) == Spent(1, 1)


def test_of_many_who_ask_at_once_exactly_the_budget_gets_through(any_database: Database):
    talks = [make_conversation(any_database, visitor_id=f"v_{n}", turns=1) for n in range(8)]

    def attempt(talk: Conversation) -> bool:
        try:
            return bool(ask(any_database, talk, Daily(5, 0))[1])
        except TooBusy:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, talks)) == 5
    assert feedbacks(any_database) == Spent(5, 1)


# ------------------------------------------------------------------------------------------------- days


def test_a_new_day_begins_at_midnight_utc_and_the_refusal_says_how_long_that_is(any_database: Database):
    evening = datetime(2026, 11, 22, 19, 20, tzinfo=UTC)
    with any_database.write() as session:
        spend(session, "answers", OLGA, Daily(0, 1), evening)
    with any_database.write() as session:
        refused = refusal_of(lambda: spend(session, "answers", OLGA, Daily(0, 1), evening))
        assert refused.retry_after_s == 4 * 3600 + 40 * 60
        assert "in about 5 hours" in refused.sentence("en")
        assert "약 5시간 뒤" in refused.sentence("ko")
    with any_database.write() as session:
        spend(session, "answers", OLGA, Daily(0, 1), evening + timedelta(hours=5))


@pytest.mark.parametrize(
    ("at", "english", "korean"),
    [
        ((0, 0, 1), "24 hours", "24시간"),
        ((22, 59, 59), "61 minutes", "61분"),
        ((23, 58, 20), "2 minutes", "2분"),
        ((23, 59, 59), "1 second", "1초"),
    ],
)
def test_the_wait_is_said_in_the_unit_that_people_use(database: Database, at: tuple, english: str, korean: str):
    now = datetime(2026, 11, 22, *at, tzinfo=UTC)
    with database.write() as session:
        spend(session, "answers", OLGA, Daily(0, 1), now)
        refused = refusal_of(lambda: spend(session, "answers", OLGA, Daily(0, 1), now))
    assert f"in about {english}." in refused.sentence("en")
    assert f"약 {korean} 뒤" in refused.sentence("ko")


def test_old_days_are_forgotten_and_today_is_not(any_database: Database):
    now = utc_now()
    for days in (0, 1, 2, 40):
        with any_database.write() as session:
            spend(session, "answers", OLGA, Daily(), now - timedelta(days=days))
    spending.forget_old_days(any_database)
    with any_database.read() as session:
        days = set(session.scalars(select(SpendingRow.day)))
    assert days == {(now - timedelta(days=days)).date().isoformat() for days in (0, 1)}
