"""The job row as a queue: claims, leases, fencing, seats, retries, and what the reaper is told to ring for."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, text

from debrief.feedback import JobState
from storage import engine, jobs
from storage.audit import list_audit
from storage.conversations import delete_conversation, list_conversations
from storage.engine import HANGING_MS, Database
from storage.feedback import cancel_feedback, get_feedback
from storage.jobs import Claim
from storage.tables import FeedbackJobRow, FeedbackVersionRow
from tests.factories import OLGA
from tests.job_scene import ask_for_feedback, claim, get_job, let_clock_jump, make_body, store
from tests.review_scene import regenerate

HOUR_S = 3600

pytestmark = pytest.mark.both_engines


def make_older(db: Database, seconds: float, *columns: str) -> None:
    """Let time pass for all jobs."""
    with db.write() as session:
        for row in session.scalars(select(FeedbackJobRow)):
            for column in columns:
                then = getattr(row, column)
                setattr(row, column, then and then - timedelta(seconds=seconds))


def count_versions(db: Database) -> int:
    with db.read() as session:
        return len(session.scalars(select(FeedbackVersionRow)).all())


def test_of_twenty_claims_at_once_one_succeeds(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    with ThreadPoolExecutor(20) as threads:
        claims = list(threads.map(lambda n: claim(any_database, job_id, worker_id=f"k_{n}"), range(20)))
    assert len([one for one in claims if one]) == 1
    assert get_job(any_database, job_id).attempts == 1


def test_claims_at_once_never_pass_the_seats(any_database: Database):
    asked = [ask_for_feedback(any_database)[1] for _ in range(12)]
    ready = Barrier(12)

    def claim_with_the_others(job_id: str) -> Claim | None:
        claim(any_database, "j_none", seats=0)  # opens this thread's connection
        ready.wait(30)
        return claim(any_database, job_id, seats=3)

    with ThreadPoolExecutor(12) as threads:
        claims = list(threads.map(claim_with_the_others, asked))
    assert len([one for one in claims if one]) == 3


def test_a_worker_that_was_too_slow_stores_nothing(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    slow = claim(any_database, job_id, lease_s=-1)
    quick = claim(any_database, job_id)
    assert slow
    assert quick
    assert store(any_database, quick, summary="quick")
    assert not store(any_database, slow, summary="slow")
    assert not jobs.extend_lease(any_database, slow, lease_s=60)
    assert not jobs.set_progress(any_database, slow, {"step": "checking"})
    assert jobs.retry_later(any_database, slow, "model_broke", first_wait_s=2) is None
    assert not jobs.give_back(any_database, slow)
    assert count_versions(any_database) == 1
    view = get_feedback(any_database, OLGA, quick.feedback_id)
    assert view.body
    assert view.body.summary == "quick"
    assert view.lineage["attempts"] == 2


def test_a_lease_that_is_kept_up_keeps_others_away(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id, lease_s=-1)
    assert mine
    assert jobs.extend_lease(any_database, mine, lease_s=60)
    assert claim(any_database, job_id) is None


def test_retries_wait_longer_each_time_and_end_after_the_third_attempt(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    waits: list[float] = []
    for _ in range(2):
        mine = claim(any_database, job_id)
        assert mine
        wait_s = jobs.retry_later(any_database, mine, "model_broke", first_wait_s=2)
        assert wait_s
        waits.append(wait_s)
        assert get_feedback(any_database, OLGA, view.id).state == JobState.RETRY_WAIT
        assert claim(any_database, job_id) is None, "not due yet"
        make_older(any_database, 60, "run_after")
    assert 1.6 <= waits[0] <= 2.4
    assert 6.4 <= waits[1] <= 9.6
    mine = claim(any_database, job_id)
    assert mine
    assert jobs.retry_later(any_database, mine, "model_broke", first_wait_s=2) is None
    view = get_feedback(any_database, OLGA, view.id)
    assert (view.state, view.error_code) == (JobState.FAILED, "feedback_failed")
    assert list_audit(any_database, view.id)[-1].detail == {"cause": "model_broke", "attempts": 3}


def test_a_job_whose_worker_dies_each_time_ends_as_failed(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    for _ in range(3):
        assert claim(any_database, job_id, lease_s=-1)
    assert claim(any_database, job_id) is None
    assert get_feedback(any_database, OLGA, view.id).state == JobState.FAILED


def test_a_job_given_back_has_used_no_attempt(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    for _ in range(5):
        mine = claim(any_database, job_id)
        assert mine
        assert mine.attempt == 1
        assert jobs.give_back(any_database, mine)
    assert get_job(any_database, job_id).attempts == 0


def test_a_job_that_waits_for_the_model_is_due_as_soon_as_it_is_ready(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    jobs.give_back(any_database, mine, error_code="model_unavailable", after_s=30)
    assert get_feedback(any_database, OLGA, view.id).error_code == "model_unavailable"
    assert claim(any_database, job_id) is None
    assert jobs.make_due(any_database, "model_unavailable") == 1
    again = claim(any_database, job_id)
    assert again
    assert get_feedback(any_database, OLGA, view.id).error_code is None


def test_a_cancelled_job_is_taken_out_of_the_workers_hands(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    assert cancel_feedback(any_database, OLGA, view.id).state == JobState.CANCELLED
    assert not jobs.extend_lease(any_database, mine, lease_s=60)
    assert not store(any_database, mine)


def test_a_stored_result_is_audited_without_words(database: Database):
    _, job_id = ask_for_feedback(database)
    mine = claim(database, job_id)
    assert mine
    store(database, mine, summary="Olga was kind.")
    [event] = list_audit(database, mine.feedback_id)
    assert (event.actor, event.action) == ("worker", "feedback_written")
    assert "kind" not in str(event.detail)


def test_a_regenerated_feedback_replaces_the_words_and_is_read_by_a_person_first(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    first = claim(any_database, job_id)
    assert first
    store(any_database, first, summary="first")
    second_id = regenerate(any_database, view.id)
    assert get_feedback(any_database, OLGA, view.id).body is None
    second = claim(any_database, second_id)
    assert second
    store(any_database, second, summary="second")
    again = get_feedback(any_database, OLGA, view.id)
    assert again.review_state == "pending"
    assert count_versions(any_database) == 2


def test_a_regeneration_that_fails_leaves_all_as_it_was(database: Database):
    view, job_id = ask_for_feedback(database)
    first = claim(database, job_id)
    assert first
    store(database, first)
    second_id = regenerate(database, view.id)
    second = claim(database, second_id)
    assert second
    jobs.fail_job(database, second, "model_refused")
    again = get_feedback(database, OLGA, view.id)
    assert (again.state, again.review_state, again.body) == (JobState.SUCCEEDED, "auto_released", make_body())
    [line] = list_conversations(database, OLGA).items
    assert line.feedback_state == JobState.SUCCEEDED


def test_only_what_nobody_rang_for_is_rung_for(any_database: Database):
    asked = [ask_for_feedback(any_database)[1] for _ in range(4)]

    def due(seats: int = 10) -> list[str]:
        return jobs.take_due(any_database, seats=seats, lease_s=60, overlooked_after_s=10)

    assert due() == [], "all were rung for when they were made"
    make_older(any_database, 11, "rung_at")
    assert due(seats=2) == asked[:2], "oldest first, as many as there are seats"
    assert due(seats=2) == asked[2:], "and none of them again"
    assert due(seats=2) == []


def test_a_full_house_is_not_rung_at_and_a_free_seat_is(any_database: Database):
    (_, first), (_, second) = ask_for_feedback(any_database), ask_for_feedback(any_database)
    mine = claim(any_database, first, seats=1)
    assert mine
    assert claim(any_database, second, seats=1) is None
    assert jobs.take_due(any_database, seats=1, lease_s=60, overlooked_after_s=10) == []
    store(any_database, mine)
    assert jobs.take_due(any_database, seats=1, lease_s=60, overlooked_after_s=10) == [second]


def test_a_job_of_a_dead_worker_is_rung_for_and_frees_its_seat(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    assert claim(any_database, job_id, seats=1)
    make_older(any_database, 61, "lease_until", "rung_at")
    assert jobs.take_due(any_database, seats=1, lease_s=60, overlooked_after_s=10) == [job_id]


def test_a_retry_is_rung_for_when_it_is_due_and_not_before(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    jobs.retry_later(any_database, mine, "model_broke", first_wait_s=2)
    assert jobs.take_due(any_database, seats=1, lease_s=60, overlooked_after_s=10) == []
    make_older(any_database, 3, "run_after")
    assert jobs.take_due(any_database, seats=1, lease_s=60, overlooked_after_s=10) == [job_id]


def test_one_of_many_wins_the_turn(any_database: Database):
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda _: jobs.win_turn(any_database, "reaper", every_s=60), range(8)))
    assert won.count(True) == 1


def test_deleting_the_talk_takes_the_job_out_of_the_workers_hands(any_database: Database):
    view, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    delete_conversation(any_database, OLGA, view.conversation_id)
    assert not jobs.extend_lease(any_database, mine, lease_s=60)
    assert not store(any_database, mine)


def take_due(db: Database) -> list[str]:
    return jobs.take_due(db, seats=10, lease_s=60, overlooked_after_s=10)


def test_what_a_dead_worker_held_is_due_at_once_and_nothing_else(any_database: Database):
    held, done, of_another, waiting = [ask_for_feedback(any_database)[1] for _ in range(4)]
    assert claim(any_database, held, worker_id="k_dead")
    ended = claim(any_database, done, worker_id="k_dead")
    assert ended
    assert store(any_database, ended)
    other = claim(any_database, of_another, worker_id="k_living")
    assert other
    assert jobs.give_away(any_database, ["k_dead", "k_unknown"]) == 1
    assert take_due(any_database) == [held]
    again = claim(any_database, waiting, worker_id="k_living")
    assert again
    assert (again.job_id, again.attempt) == (held, 2), "before what was asked for later, and its attempt is counted"
    assert store(any_database, other)
    assert jobs.give_away(any_database, ["k_dead"]) == 0, "what another has taken since stays with it"
    assert store(any_database, again)


def test_a_worker_taken_for_dead_by_mistake_stores_nothing_twice(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    first = claim(any_database, job_id, worker_id="k_1")
    jobs.give_away(any_database, ["k_1"])
    second = claim(any_database, job_id, worker_id="k_2")
    assert first
    assert second
    assert not store(any_database, first)
    assert store(any_database, second)
    assert count_versions(any_database) == 1


def test_whichever_ring_comes_first_the_oldest_job_is_taken(any_database: Database):
    asked = [ask_for_feedback(any_database)[1] for _ in range(3)]
    claims = [claim(any_database, job_id) for job_id in reversed(asked)]
    assert [one.job_id for one in claims if one] == asked


def test_a_job_that_may_not_be_tried_again_does_not_cost_the_next_one_its_ring(any_database: Database):
    poisoned, job_id = ask_for_feedback(any_database)
    for _ in range(3):
        assert claim(any_database, job_id, lease_s=-1)
    _, next_id = ask_for_feedback(any_database)
    taken = claim(any_database, job_id)
    assert taken
    assert taken.job_id == next_id
    assert get_feedback(any_database, OLGA, poisoned.id).state == JobState.FAILED


def test_a_clock_put_back_an_hour_holds_up_no_waiting_job(any_database: Database):
    (_, retried), (_, queued) = [ask_for_feedback(any_database) for _ in range(2)]
    mine = claim(any_database, retried)
    assert mine
    assert jobs.retry_later(any_database, mine, "model_broke", first_wait_s=2)
    let_clock_jump(any_database, -HOUR_S)
    assert take_due(any_database) == [retried, queued]
    assert claim(any_database, retried)
    assert claim(any_database, queued)


def test_a_clock_put_back_an_hour_keeps_no_job_with_a_worker_that_is_silent(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    silent = claim(any_database, job_id, seats=1)
    assert silent
    let_clock_jump(any_database, -HOUR_S)
    assert take_due(any_database) == [job_id]
    again = claim(any_database, job_id, seats=1)
    assert again
    assert not store(any_database, silent)
    assert store(any_database, again)
    assert count_versions(any_database) == 1


def test_a_worker_that_beats_after_the_clock_was_put_back_keeps_its_job(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    mine = claim(any_database, job_id)
    assert mine
    let_clock_jump(any_database, -HOUR_S)
    assert jobs.extend_lease(any_database, mine, lease_s=60)
    assert take_due(any_database) == []
    assert claim(any_database, job_id) is None


def test_a_clock_put_forward_an_hour_costs_a_repeat_at_most(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    first = claim(any_database, job_id)
    let_clock_jump(any_database, HOUR_S)
    second = claim(any_database, job_id)
    assert first
    assert second
    assert store(any_database, second)
    assert not store(any_database, first)
    assert count_versions(any_database) == 1


def test_clocks_of_two_machines_may_differ_by_half_a_minute(any_database: Database):
    _, job_id = ask_for_feedback(any_database)
    assert claim(any_database, job_id)
    let_clock_jump(any_database, -30)
    assert claim(any_database, job_id) is None
    let_clock_jump(any_database, 60)
    assert claim(any_database, job_id) is None


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
def test_the_turn_is_won_again_after_the_clock_jumped(any_database: Database, jump_s: float):
    assert jobs.win_turn(any_database, "reaper", every_s=9)
    assert not jobs.win_turn(any_database, "reaper", every_s=9)
    let_clock_jump(any_database, jump_s)
    assert jobs.win_turn(any_database, "reaper", every_s=9)
    assert not jobs.win_turn(any_database, "reaper", every_s=9)


def test_who_waits_on_postgresql_for_a_process_that_hangs_in_a_write_gets_its_turn(
    postgres: str, monkeypatch: pytest.MonkeyPatch
):
    """It is frozen, say, with the lock that all claims need: the server ends its transaction sooner than theirs."""
    monkeypatch.setattr(engine, "HANGING_MS", HANGING_MS)
    db = Database(postgres)
    with db.read() as session:
        waits, hangs = (
            session.scalar(text("SELECT setting::int FROM pg_settings WHERE name = :name"), {"name": name})
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        )
    db.close()
    assert 0 < hangs <= waits / 2
