"""A real worker process and what happens to jobs when it is killed, frozen, stopped, cut off or busy."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from redis import Redis
from sqlalchemy import select, text

from debrief.feedback import JobState
from debrief.settings import Settings
from storage.engine import Database
from storage.feedback import cancel_feedback, get_feedback
from storage.gauges import set_gauge
from storage.tables import FeedbackVersionRow, WorkerRow
from tests.factories import OLGA
from tests.job_scene import (
    WorkerProcess,
    ask_for_feedback,
    get_job,
    ring,
    wait_for_end,
    wait_for_start,
    wait_until,
    with_quick_jobs,
)
from tests.scripted_model import Received, Script, ScriptedModel, is_structured

pytestmark = pytest.mark.both_engines

SLOW_S = 30


@pytest.fixture
def quick(settings: Settings, scripted_model: ScriptedModel) -> Settings:
    return with_quick_jobs(settings, scripted_model.url)


def is_feedback(received: Received) -> bool:
    """Not the worker's warm-up."""
    return is_structured(received) and received.schema_name != "ready"


def count_versions(db: Database) -> int:
    with db.read() as session:
        return len(session.scalars(select(FeedbackVersionRow)).all())


@contextmanager
def locked(db: Database) -> Iterator[None]:
    """Somebody holds what all need who write to jobs."""
    with db.engine.connect() as somebody, somebody.begin():  # on SQLite all that there is to lock, from the beginning
        if not db.is_sqlite:
            somebody.execute(text("LOCK TABLE feedback_jobs IN EXCLUSIVE MODE"))
        yield


def freeze_between_savings(worker: WorkerProcess, db: Database) -> None:
    """On SQLite not in mid-transaction: there it would keep the only writer's place, see docs/reliability.md."""
    if db.is_sqlite:
        with locked(db):
            worker.send(signal.SIGSTOP)
    else:
        worker.send(signal.SIGSTOP)


def wait_for_workers(db: Database, count: int) -> None:
    def are_up() -> bool:
        with db.read() as session:
            return len(session.scalars(select(WorkerRow)).all()) >= count

    wait_until(are_up, f"{count} workers")


def delete_queue(settings: Settings) -> None:
    if settings.queue_url:
        with Redis.from_url(settings.queue_url) as client:
            client.flushall()
    else:
        settings.queue_file.unlink()


def test_a_request_becomes_a_feedback_that_its_visitor_reads(database: Database, quick: Settings):
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick):
        view = wait_for_end(database, view)
    assert (view.state, view.review_state) == (JobState.SUCCEEDED, "auto_released")
    assert view.body
    quotes = [evidence.quote for criterion in view.body.criteria for evidence in criterion.evidence]
    assert "I led a team of three and we shipped on time." in quotes
    assert view.lineage["model"] == "scripted"


def test_a_ring_reaches_the_worker_without_any_look_of_the_reaper(database: Database, quick: Settings):
    with WorkerProcess(quick.model_copy(update={"reaper_interval_s": 60})) as worker:
        wait_for_workers(database, 1)
        view, job_id = ask_for_feedback(database)
        ring(quick, job_id)
        assert wait_for_end(database, view).state == JobState.SUCCEEDED
        worker.stop()


def test_a_worker_killed_in_mid_feedback_loses_nothing(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick) as worker:
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        worker.kill()
    assert get_feedback(database, OLGA, view.id).state == JobState.RUNNING
    with WorkerProcess(quick):
        view = wait_for_end(database, view)
    assert view.state == JobState.SUCCEEDED
    assert view.lineage["attempts"] == 2
    assert count_versions(database) == 1


def test_what_a_killed_worker_held_is_taken_over_long_before_its_lease_ends(
    any_database: Database, settings: Settings, scripted_model: ScriptedModel
):
    settings.data_dir.mkdir(exist_ok=True)
    quick = with_quick_jobs(
        settings,
        scripted_model.url,
        database_url=any_database.url.render_as_string(hide_password=False),
        job_lease_s=3600,
        job_heartbeat_s=600,
        reaper_interval_s=600,
    )
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(any_database)
    with WorkerProcess(quick) as one, WorkerProcess(quick) as another:
        wait_for_workers(any_database, 2)
        ring(quick, job_id)
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        holds_it = get_job(any_database, job_id).worker_id
        (one if one.worker_id == holds_it else another).kill()
        view = wait_for_end(any_database, view, within_s=60)
    assert view.lineage["attempts"] == 2
    assert count_versions(any_database) == 1


def test_a_worker_that_starts_takes_over_what_the_last_one_held(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    patient = quick.model_copy(update={"job_lease_s": 3600, "reaper_interval_s": 600})
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(patient, job_id)
    with WorkerProcess(patient) as worker:
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        worker.kill()
    with WorkerProcess(patient):
        assert wait_for_end(database, view, within_s=60).lineage["attempts"] == 2


def test_a_worker_frozen_past_its_lease_stores_nothing_when_it_wakes(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(delay_s=1), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick) as frozen:
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        freeze_between_savings(frozen, database)
        with WorkerProcess(quick):
            view = wait_for_end(database, view)
            frozen.send(signal.SIGCONT)
            wait_until(lambda: "job_lost" in frozen.log or "stored=False" in frozen.log, "the fenced worker's word")
    assert view.lineage["attempts"] == 2
    assert count_versions(database) == 1


def test_a_ring_that_nobody_heard_is_made_up_for(database: Database, quick: Settings):
    view, _ = ask_for_feedback(database)
    with WorkerProcess(quick):
        assert wait_for_end(database, view).state == JobState.SUCCEEDED


def test_a_stopped_worker_gives_its_job_back_untried_and_frees_the_model(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick) as worker:
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        took_s = worker.stop()
    assert took_s < SLOW_S / 2
    job = get_job(database, job_id)
    assert (job.state, job.attempts) == (JobState.QUEUED.value, 0)
    scripted_model.wait_for(lambda model: model.active == 0)
    assert not get_feedback(database, OLGA, view.id).worker_alive
    with WorkerProcess(quick):
        assert wait_for_end(database, view).lineage["attempts"] == 1


def test_a_worker_stops_in_time_although_the_database_is_locked_and_its_job_is_taken_over(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    patient = quick.model_copy(update={"job_lease_s": 3600, "reaper_interval_s": 600})
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(patient, job_id)
    with WorkerProcess(patient) as worker:
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        with locked(database):
            worker.stop(within_s=25)
    assert get_job(database, job_id).state == JobState.RUNNING.value, "nothing could be written"
    with WorkerProcess(patient):
        assert wait_for_end(database, view, within_s=60).state == JobState.SUCCEEDED
    assert count_versions(database) == 1


def test_a_worker_that_stops_hands_its_job_to_another_at_once(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    patient = quick.model_copy(update={"job_lease_s": 3600, "reaper_interval_s": 600})
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    with WorkerProcess(patient) as one, WorkerProcess(patient) as another:
        wait_for_workers(database, 2)
        ring(patient, job_id)
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        holds_it = get_job(database, job_id).worker_id
        (one if one.worker_id == holds_it else another).stop()
        assert wait_for_end(database, view, within_s=60).lineage["attempts"] == 1


def test_a_poisoned_job_ends_after_three_attempts_and_the_others_go_on(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    def broken_by_poison(received: Received) -> Script:
        poisoned = any("poison" in message["content"] for message in received.messages)
        return Script(status=500) if poisoned else scripted_model.default_script(received)

    scripted_model.default = broken_by_poison
    poisoned, poisoned_job = ask_for_feedback(database, said="I led a team of three that sold poison.")
    others = [ask_for_feedback(database) for _ in range(3)]
    for job_id in [poisoned_job, *(job_id for _, job_id in others)]:
        ring(quick, job_id)
    with WorkerProcess(quick):
        assert [wait_for_end(database, view).state for view, _ in others] == [JobState.SUCCEEDED] * 3
        poisoned = wait_for_end(database, poisoned)
    assert (poisoned.state, poisoned.error_code) == (JobState.FAILED, "feedback_failed")
    assert get_job(database, poisoned_job).attempts == 3


def test_waiting_for_the_model_costs_no_attempt(database: Database, settings: Settings):
    with ScriptedModel(up=False) as model:
        quick = with_quick_jobs(settings, model.url)
        view, job_id = ask_for_feedback(database)
        ring(quick, job_id)
        with WorkerProcess(quick):
            wait_until(
                lambda: get_feedback(database, OLGA, view.id).error_code == "model_unavailable", "waiting for the model"
            )
            assert get_job(database, job_id).attempts == 0
            model.come_up()
            assert wait_for_end(database, view).lineage["attempts"] == 1


def test_two_workers_together_never_pass_the_seats(database: Database, quick: Settings, scripted_model: ScriptedModel):
    with WorkerProcess(quick), WorkerProcess(quick):
        wait_for_workers(database, 2)
        scripted_model.wait_for(lambda model: model.finished == 2, within_s=60)  # their warm-ups
        scripted_model.peak_active = 0
        scripted_model.first_token_delay_s = 0.2
        asked = [ask_for_feedback(database) for _ in range(8)]
        for _, job_id in asked:
            ring(quick, job_id)
        for view, _ in asked:
            assert wait_for_end(database, view).state == JobState.SUCCEEDED
    assert scripted_model.peak_active == quick.feedback_seats == 2


def test_while_chat_is_slow_one_feedback_is_made_at_a_time(
    database: Database, quick: Settings, scripted_model: ScriptedModel
):
    with WorkerProcess(quick):
        wait_for_workers(database, 1)
        scripted_model.wait_for(lambda model: model.finished == 1, within_s=60)
        scripted_model.peak_active = 0
        scripted_model.first_token_delay_s = 0.2
        set_gauge(database, "chat_first_token_s", 3.0)
        asked = [ask_for_feedback(database) for _ in range(4)]
        for _, job_id in asked:
            ring(quick, job_id)
        for view, _ in asked:
            wait_for_end(database, view)
    assert scripted_model.peak_active == 1


def test_jobs_are_done_although_the_queue_was_deleted(database: Database, quick: Settings):
    with WorkerProcess(quick):
        first, job_id = ask_for_feedback(database)
        ring(quick, job_id)
        wait_for_end(database, first)
        delete_queue(quick)
        second, job_id = ask_for_feedback(database)
        ring(quick, job_id)
        third, _ = ask_for_feedback(database)
        assert [wait_for_end(database, view).state for view in (second, third)] == [JobState.SUCCEEDED] * 2


@pytest.mark.only_sqlite("locks the queue's file; a Redis that is away is in test_servers_restarted.py")
def test_a_locked_queue_delays_jobs_and_loses_none(database: Database, quick: Settings):
    with WorkerProcess(quick):
        first, job_id = ask_for_feedback(database)
        ring(quick, job_id)
        wait_for_end(database, first)
        with closing(sqlite3.connect(quick.queue_file, isolation_level=None)) as queue:
            queue.execute("begin exclusive")
            second, job_id = ask_for_feedback(database)
            ring(quick, job_id)
        assert wait_for_end(database, second).state == JobState.SUCCEEDED


def test_cancelling_frees_the_model_within_a_beat(database: Database, quick: Settings, scripted_model: ScriptedModel):
    scripted_model.enqueue(Script(delay_s=SLOW_S), when=is_feedback)
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick):
        wait_for_start(database, job_id)
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)
        cancel_feedback(database, OLGA, view.id)
        scripted_model.wait_for(lambda model: model.active == 0)
    assert get_feedback(database, OLGA, view.id).state == JobState.CANCELLED
    assert count_versions(database) == 0
