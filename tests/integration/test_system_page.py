"""What the operator is told of processes and queue."""

import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest

from debrief.feedback import JobState
from debrief.review import ReviewState
from storage.engine import utc_now
from storage.standing import read_standing
from storage.tables import FeedbackJobRow, WorkerRow
from tests.review_scene import make_feedback
from webapp.pages.system.handlers import read_processes

HOLDS = "import sys; held = bytearray(60_000_000); print('ready', flush=True); sys.stdin.read()"
STARTS_ANOTHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS!r}])"


@pytest.fixture
def tree():
    """A process whose child holds 60 MB."""
    process = subprocess.Popen(
        [sys.executable, "-c", STARTS_ANOTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
        assert process.stdin
        process.stdin.close()


def test_memory_counts_a_process_with_all_that_it_started(tree, tmp_path):
    rows = [
        {"name": "model", "pid": tree.pid, "state": "ready", "restarts": 2},
        {"name": "worker", "pid": None, "state": "down"},
    ]
    (tmp_path / "processes.json").write_text(json.dumps({"supervisor_pid": os.getpid(), "processes": rows}))
    supervisor, model, worker = read_processes(tmp_path)
    assert (supervisor["name"], model["name"], model["restarts"]) == ("supervisor", "model", 2)
    assert 60_000_000 < model["rss_bytes"] < 200_000_000
    assert worker["rss_bytes"] is None


def test_a_supervisor_is_not_charged_for_its_children(tree, tmp_path):
    alone = read_processes(tmp_path)[0]["rss_bytes"]
    rows = [{"name": "model", "pid": tree.pid, "state": "ready"}]
    (tmp_path / "processes.json").write_text(json.dumps({"supervisor_pid": os.getpid(), "processes": rows}))
    supervisor, model = read_processes(tmp_path)
    assert alone - supervisor["rss_bytes"] > 0.9 * model["rss_bytes"]


@pytest.mark.parametrize("content", [None, "", "{", "{}", '{"processes": 3}', "[]"])
def test_without_a_readable_file_of_the_supervisor_this_process_is_shown(tmp_path, content):
    if content is not None:
        (tmp_path / "processes.json").write_text(content)
    [web] = read_processes(tmp_path)
    assert (web["name"], web["pid"]) == ("web", os.getpid())


def test_the_queue_is_counted_with_its_oldest(any_database):
    for age_s, state in ((50, "queued"), (300, "retry_wait"), (900, "succeeded")):
        row = make_feedback(any_database, state=ReviewState.NONE)
        with any_database.write() as session:
            job = session.query(FeedbackJobRow).filter_by(feedback_id=row.id).one()
            job.state, job.created_at = state, utc_now() - timedelta(seconds=age_s)
    with any_database.write() as session:
        for name, silent_s in (("alive", 1), ("gone", 3600)):
            beat_at = utc_now() - timedelta(seconds=silent_s)
            session.add(WorkerRow(id=name, started_at=beat_at, beat_at=beat_at, state="running"))
    standing = read_standing(any_database)
    assert (standing.jobs[JobState.QUEUED], standing.jobs[JobState.RETRY_WAIT], standing.jobs[JobState.FAILED]) == (
        1,
        1,
        0,
    )
    assert 299 < (standing.oldest_waiting_s or 0) < 330
    assert (standing.workers_alive, standing.answers_running) == (1, 0)
    assert standing.database_bytes > 50_000
