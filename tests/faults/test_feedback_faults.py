"""Every fault of the model, met by the worker: how the job ends, what it cost, and that the next one goes well.

The worker is a process of its own. The model's faults reach only what it asks for a feedback, not its warm-up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import select

from debrief.feedback import FeedbackView, JobState
from debrief.languages import script_of
from debrief.settings import Settings
from storage.engine import Database
from storage.feedback import get_feedback
from storage.migrate import migrate
from storage.tables import FeedbackVersionRow
from tests.factories import OLGA
from tests.faults.table import FEEDBACK_FAULTS, Fault, Job
from tests.job_scene import WorkerProcess, ask_for_feedback, get_job, ring, wait_for_end, wait_until, with_quick_jobs
from tests.scripted_model import Received, ScriptedModel, is_structured
from webapp.notices import feedback_notice

WITHIN_S = 60


@pytest.fixture(scope="module")
def quick(hasty: Settings, model: ScriptedModel) -> Settings:
    return with_quick_jobs(hasty, model.url, job_retry_s=0.02, feedback_timeout_s=1.5, job_lease_s=20.0)


@pytest.fixture(scope="module")
def database(quick: Settings) -> Iterator[Database]:
    migrate(quick.database, backup_dir=None)
    db = Database(quick.database)
    yield db
    db.close()


@pytest.fixture(scope="module")
def worker(quick: Settings, database: Database) -> Iterator[WorkerProcess]:
    with WorkerProcess(quick) as process:
        wait_for_end(database, _ask(quick, database)[0], within_s=WITHIN_S)
        yield process


@pytest.mark.parametrize("fault", FEEDBACK_FAULTS, ids=lambda fault: fault.name)
def test_a_feedback_that_meets_a_fault_ends_as_the_table_says(
    worker: WorkerProcess, quick: Settings, database: Database, model: ScriptedModel, fault: Fault
):
    assert fault.job
    log_before, asked_before = len(worker.log), count_asked(model)
    with fault.lasting(model):
        if script := fault.script:
            model.default = lambda received: script if is_feedback(received) else model.default_script(received)
        view, job_id = _ask(quick, database)
        if fault.job.waits_for:
            wait_until(
                lambda: get_job(database, job_id).error_code == fault.job.waits_for, "the wait", within_s=WITHIN_S
            )
            waiting = get_feedback(database, OLGA, view.id)
            assert (get_job(database, job_id).attempts, waiting.state.is_final) == (0, False)
            assert_said_in_both_languages(waiting)
        else:
            view = wait_for_end(database, view, within_s=WITHIN_S)
            assert_ended(database, view, job_id, fault.job, count_asked(model) - asked_before)
        model.wait_for(lambda server: server.active == 0)
        model.forget_scripts()
    if fault.job.waits_for:
        view = wait_for_end(database, view, within_s=WITHIN_S)
        assert_ended(database, view, job_id, Job("succeeded"), None)

    if fault.afterwards:
        if fault.script:
            model.enqueue(fault.script, when=is_feedback)
        view, job_id = _ask(quick, database)
        view = wait_for_end(database, view, within_s=WITHIN_S)
        assert_ended(database, view, job_id, fault.afterwards, None)
    log = worker.log[log_before:]
    assert not [line for line in log.splitlines() if " ERROR " in line or "Traceback" in line]


def assert_ended(database: Database, view: FeedbackView, job_id: str, expected: Job, asked: int | None) -> None:
    job = get_job(database, job_id)
    assert (view.state.value, job.attempts) == (expected.state, expected.attempts)
    assert asked is None or expected.asked in (None, asked)
    if expected.state == JobState.FAILED.value:
        assert (view.error_code, view.body) == ("feedback_failed", None)
        assert_said_in_both_languages(view)
        return
    stored = stored_version(database, view)
    assert stored.body["criteria"]
    usable = {check["name"]: check["passed"] for check in stored.checks}["model_words_usable"]
    assert usable is (expected.by == "model")
    assert (view.body is not None) is usable, "what the model did not place is read by a person first"


def stored_version(database: Database, view: FeedbackView) -> FeedbackVersionRow:
    with database.read() as session:
        return session.scalars(select(FeedbackVersionRow).where(FeedbackVersionRow.feedback_id == view.id)).one()


def assert_said_in_both_languages(view: FeedbackView) -> None:
    english, korean = (feedback_notice(view, language) for language in ("en", "ko"))
    assert (script_of(english), script_of(korean)) == ("latin", "hangul")


def test_no_fault_has_left_anything_behind(worker: WorkerProcess, quick: Settings, database: Database):
    """Jobs that nobody holds, versions stored twice, a worker that grew old: the last row sees them all."""
    assert worker.process.poll() is None
    with closing(sqlite3.connect(quick.data_dir / "debrief.sqlite3")) as connection:
        unfinished = connection.execute(
            "select count(*) from feedback_jobs where state not in ('succeeded', 'partial', 'failed')"
        ).fetchone()
        twice = connection.execute(
            "select count(*) from (select feedback_id from feedback_versions group by feedback_id having count(*) > 1)"
        ).fetchone()
    assert (unfinished, twice) == ((0,), (0,))


def is_feedback(received: Received) -> bool:
    """Not the worker's warm-up."""
    return is_structured(received) and received.schema_name != "ready"


def count_asked(model: ScriptedModel) -> int:
    return len([received for received in model.chats if is_feedback(received)])


def _ask(settings: Settings, database: Database) -> tuple[FeedbackView, str]:
    view, job_id = ask_for_feedback(database)
    ring(settings, job_id)
    return view, job_id
