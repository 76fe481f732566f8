"""Asking for feedback and seeing it: one request is one job, and only its owner sees it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from debrief.errors import InputRejected, NotFound
from debrief.feedback import JobState
from storage import jobs
from storage.engine import Database, utc_now
from storage.feedback import (
    WORKER_SILENT_AFTER_S,
    cancel_feedback,
    get_feedback,
    list_changed,
    list_feedback,
    request_feedback,
)
from storage.live import find_worker_silence_s
from storage.standing import read_standing
from storage.tables import FeedbackRow
from tests.factories import OLGA, SAM, make_conversation, make_turn, start_turn
from tests.job_scene import ask_for_feedback, claim, let_clock_jump, make_body, store

pytestmark = pytest.mark.both_engines

VERSIONS = {"rubric": "1"}


def test_twenty_requests_at_once_are_one_request(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    with ThreadPoolExecutor(20) as threads:
        answers = list(
            threads.map(lambda _: request_feedback(any_database, OLGA, talk.id, versions=VERSIONS), range(20))
        )
    assert len({view.id for view, _ in answers}) == 1
    assert len([job_id for _, job_id in answers if job_id]) == 1
    assert len(list_feedback(any_database, OLGA, talk.id)) == 1


def test_a_talk_that_went_on_gets_a_feedback_of_its_own(any_database: Database):
    talk = make_conversation(any_database, turns=1)
    first, _ = request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    make_turn(any_database, talk)
    second, job_id = request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    assert job_id
    assert [view.id for view in list_feedback(any_database, OLGA, talk.id)] == [second.id, first.id]


def test_another_rubric_or_a_nonce_is_another_request(database: Database):
    talk = make_conversation(database, turns=1)
    asked = [
        request_feedback(database, OLGA, talk.id, versions=versions, nonce=nonce)[0].id
        for versions, nonce in [({"rubric": "1"}, ""), ({"rubric": "2"}, ""), ({"rubric": "1"}, "again")]
    ]
    assert len(set(asked)) == 3


def test_an_answer_still_being_written_is_not_part_of_the_request(database: Database):
    talk = make_conversation(database)
    turn = start_turn(database, talk)
    view, _ = request_feedback(database, OLGA, talk.id, versions=VERSIONS)
    assert view.leaf_id == turn.user_message.id


def test_without_a_word_of_the_visitor_there_is_nothing_to_review(database: Database):
    talk = make_conversation(database)
    with pytest.raises(InputRejected) as refusal:
        request_feedback(database, OLGA, talk.id, versions=VERSIONS)
    assert refusal.value.reason == "nothing_to_review"


@pytest.mark.parametrize("ending", [JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED])
def test_what_ended_without_a_result_can_be_asked_for_again(any_database: Database, ending: JobState):
    talk = make_conversation(any_database, turns=1)
    first, job_id = request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    assert job_id
    if ending == JobState.CANCELLED:
        cancel_feedback(any_database, OLGA, first.id)
    else:
        mine = claim(any_database, job_id)
        assert mine
        {JobState.FAILED: jobs.fail_job, JobState.SKIPPED: jobs.skip_job}[ending](
            any_database, mine, "nothing_to_review"
        )
    assert get_feedback(any_database, OLGA, first.id).state == ending
    again, job_id = request_feedback(any_database, OLGA, talk.id, versions=VERSIONS)
    assert job_id
    assert again.id != first.id
    assert request_feedback(any_database, OLGA, talk.id, versions=VERSIONS) == (again, None)


def test_what_a_person_turned_down_can_be_asked_for_again(database: Database):
    view, job_id = ask_for_feedback(database)
    mine = claim(database, job_id)
    assert mine
    store(database, mine)
    assert request_feedback(database, OLGA, view.conversation_id, versions=VERSIONS)[1] is None
    with database.write() as session:
        session.get_one(FeedbackRow, view.id).review_state = "rejected"
    again, job_id = request_feedback(database, OLGA, view.conversation_id, versions=VERSIONS)
    assert job_id
    assert again.id != view.id


def test_a_stranger_finds_nothing(database: Database):
    talk = make_conversation(database, turns=1)
    view, _ = request_feedback(database, OLGA, talk.id, versions=VERSIONS)
    for look in (
        lambda: get_feedback(database, SAM, view.id),
        lambda: list_feedback(database, SAM, talk.id),
        lambda: cancel_feedback(database, SAM, view.id),
        lambda: request_feedback(database, SAM, talk.id, versions=VERSIONS),
    ):
        with pytest.raises(NotFound):
            look()
    assert list_changed(database, [SAM], utc_now() - timedelta(hours=1)) == []


def test_the_words_stay_hidden_until_they_may_be_shown(database: Database):
    _, job_id = ask_for_feedback(database)
    mine = claim(database, job_id)
    assert mine
    store(database, mine, release="hold")
    view = get_feedback(database, OLGA, mine.feedback_id)
    assert (view.state, view.review_state, view.body) == (JobState.SUCCEEDED, "pending", None)


@pytest.mark.parametrize(
    ("partial", "passed", "release", "review_state"),
    [
        (False, True, "checked", "auto_released"),
        (False, True, "hold", "pending"),
        (False, True, "sample", "auto_released"),
        (False, False, "checked", "pending"),
        (True, True, "checked", "pending"),
    ],
)
def test_what_passed_all_checks_is_released_and_the_rest_waits(
    any_database: Database, partial: bool, passed: bool, release: str, review_state: str
):
    _, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    store(any_database, mine, partial=partial, passed=passed, release=release)
    view = get_feedback(any_database, OLGA, mine.feedback_id)
    assert view.review_state == review_state
    assert view.state == (JobState.PARTIAL if partial else JobState.SUCCEEDED)
    assert (view.body is not None) == (review_state == "auto_released")


def test_a_drawn_debrief_is_read_by_a_person_although_it_passed(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    kept = {"body": make_body(), "checks": [], "partial": False, "lineage": {}}
    jobs.store_result(any_database, mine, **kept, release="sample", sample_percent=100)
    view = get_feedback(any_database, OLGA, mine.feedback_id)
    assert (view.review_state, view.body) == ("pending", None)


def test_a_warning_holds_nothing_back(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    store(any_database, mine, passed=False, warning=True)
    view = get_feedback(any_database, OLGA, mine.feedback_id)
    assert view.review_state == "auto_released"
    assert [(check.passed, check.warning) for check in view.checks] == [(False, True)]


def test_who_waits_sees_how_many_are_ahead_and_moves_up(any_database: Database):
    asked = [ask_for_feedback(any_database) for _ in range(3)]
    assert get_feedback(any_database, OLGA, asked[2][0].id).progress == {"step": "waiting", "position": 3}
    before = utc_now()
    assert claim(any_database, asked[0][1])
    changed = {view.id: view for _, view in list_changed(any_database, [OLGA], before)}
    assert changed[asked[0][0].id].progress == {"step": "reading"}
    assert changed[asked[2][0].id].progress == {"step": "waiting", "position": 2}


def test_changes_are_told_once_they_happened_and_to_their_owner_only(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    before = utc_now()
    assert list_changed(any_database, [OLGA, SAM], before) == []
    mine = claim(any_database, job_id)
    assert mine
    jobs.set_progress(any_database, mine, {"step": "writing", "done": 1, "of": 4})
    [(visitor_id, changed)] = list_changed(any_database, [OLGA, SAM], before)
    assert (visitor_id, changed.id, changed.progress["done"]) == (OLGA, view.id, 1)


def test_a_silent_worker_is_told_as_none(database: Database):
    view, _ = ask_for_feedback(database)
    assert not get_feedback(database, OLGA, view.id).worker_alive
    jobs.beat(database, "k_1")
    assert get_feedback(database, OLGA, view.id).worker_alive
    jobs.give_away(database, ["k_1"])
    assert not get_feedback(database, OLGA, view.id).worker_alive


@pytest.mark.parametrize("jump_s", [40, -40, 3600, -3600])
def test_a_worker_that_died_before_the_clock_jumped_is_told_as_none(database: Database, jump_s: float):
    view, _ = ask_for_feedback(database)
    jobs.beat(database, "k_1")
    let_clock_jump(database, jump_s)
    assert not get_feedback(database, OLGA, view.id).worker_alive
    assert read_standing(database).workers_alive == 0
    silence_s = find_worker_silence_s(database)
    assert silence_s
    assert silence_s > WORKER_SILENT_AFTER_S
    jobs.beat(database, "k_1")
    assert get_feedback(database, OLGA, view.id).worker_alive
    assert read_standing(database).workers_alive == 1
