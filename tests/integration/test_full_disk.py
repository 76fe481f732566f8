"""A full disk: what cannot be stored is refused in words, what is being said goes on, all recovers by itself."""

from __future__ import annotations

import os
import re
import resource
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event

from debrief.conversation import MessageState
from debrief.settings import Settings
from storage.backup import back_up, check
from storage.engine import Database
from storage.migrate import is_current, migrate
from tests.factories import make_conversation
from tests.full_disk import full, no_room
from tests.job_scene import WorkerProcess, ask_for_feedback, get_job, ring, wait_for_end, wait_until, with_quick_jobs
from tests.old_database import old_database
from tests.scripted_model import Script, ScriptedModel
from tests.web_process import web_process
from tests.web_scene import Browser, Web

ROOT = Path(__file__).parents[2]
WORDS = "One two three four five six seven eight nine ten. " * 8
NOT_SAVED = "This could not be saved just now. Your text is kept; try again in a moment. "


def test_what_a_full_disk_cannot_take_is_refused_in_words_and_taken_when_there_is_room(
    web: Web, olga: Browser, caplog: pytest.LogCaptureFixture
):
    talk = olga.begin()
    sent = {"text": "I led a team. " * 250, "request_id": "r_first"}
    with full(web.parts.db):
        refused = olga.post(f"/api/v1/conversations/{talk}/messages", json=sent)
        assert len(olga.read(talk)["messages"]) == 1
        assert olga.get("/healthz").status_code == 200

    assert (refused.status_code, refused.json()["code"]) == (503, "not_saved")
    assert refused.json()["message"].startswith(NOT_SAVED)
    assert "cause=SQLITE_FULL" in caplog.text
    ids = olga.say(talk, **sent)
    assert olga.ended(ids["answer_id"])["state"] == MessageState.COMPLETE
    assert len(olga.read(talk)["messages"]) == 3


def test_an_answer_goes_on_over_a_full_disk_and_its_end_is_stored_when_there_is_room(
    web: Web, olga: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text=WORDS * 18, token_delay_s=0.001))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        with full(web.parts.db):
            unsaved = live.wait_for("done", id=ids["answer_id"])
            assert unsaved["error"]["code"] == "answer_not_saved"
            assert live.text(ids["answer_id"]).strip() == (WORDS * 18).strip()
            assert olga.answer(ids["answer_id"])["state"] == "running"
        live.wait_for("done", id=ids["answer_id"], state="complete")
    assert olga.answer(ids["answer_id"])["text"].strip() == (WORDS * 18).strip()
    assert olga.say(talk)["answer_id"]


def test_a_process_that_can_write_no_file_lives_on_and_recovers_without_a_restart(
    settings: Settings, scripted_model: ScriptedModel, blank_sqlite
):
    settings.data_dir.mkdir()
    migrate(settings.database, backup_dir=None)
    scripted_model.enqueue(Script(text=WORDS, token_delay_s=0.02))
    with (
        web_process(settings.model_copy(update={"model_url": scripted_model.url})) as (process, url),
        Browser(url) as olga,
    ):
        talk = olga.begin()
        with olga.live() as live:
            ids = olga.say(talk)
            live.wait_for("answer", id=ids["answer_id"])
            with no_room(process.pid):
                refused = olga.post("/api/v1/conversations", json={"scenario": "job_interview"})
                assert (refused.status_code, refused.json()["code"]) == (503, "not_saved")
                live.wait_for("done", id=ids["answer_id"], within_s=60)
                assert live.text(ids["answer_id"]).strip() == WORDS.strip()
                assert olga.get("/healthz").json()["ok"]
            live.wait_for("done", id=ids["answer_id"], state="complete", within_s=60)
        assert olga.answer(ids["answer_id"])["text"].strip() == WORDS.strip()
        assert process.poll() is None


def test_a_feedback_that_is_made_while_the_disk_is_full_is_stored_when_there_is_room(
    settings: Settings, database: Database, scripted_model: ScriptedModel
):
    scripted_model.first_token_delay_s = 1
    quick = with_quick_jobs(settings, scripted_model.url, job_lease_s=5.0)
    view, job_id = ask_for_feedback(database)
    ring(quick, job_id)
    with WorkerProcess(quick) as worker:
        wait_until(lambda: get_job(database, job_id).state == "running", "the job's start", within_s=60)
        with no_room(worker.process.pid):
            scripted_model.wait_for(lambda model: model.active == 0)
            time.sleep(1)  # heartbeats, signs of life, looks and the queue all fail meanwhile
        wait_for_end(database, view, within_s=60)
        job = get_job(database, job_id)
        assert (job.state, job.attempts) == ("succeeded", 1), worker.log
        assert worker.stop() < 10


def test_a_ring_into_a_full_queue_makes_nobody_fail_and_the_job_is_done_all_the_same(
    settings: Settings, database: Database, scripted_model: ScriptedModel
):
    quick = with_quick_jobs(settings, scripted_model.url)
    view, job_id = ask_for_feedback(database)
    rung = without_room(
        sys.executable, "-c", f"import sys; from debrief.settings import Settings; from tasks.broker import Broker;"
        f"Broker(Settings(_env_file=None, data_dir={str(settings.data_dir)!r})).ring({job_id!r}); print('lives')",
    )  # fmt: skip
    assert (rung.returncode, rung.stdout) == (0, "lives\n"), rung.stderr
    with WorkerProcess(quick):
        assert wait_for_end(database, view, within_s=60).state.value == "succeeded"


def test_a_backup_or_restore_without_room_is_refused_in_words_and_leaves_nothing_behind(
    settings: Settings, database: Database, tmp_path
):
    make_conversation(database, turns=2)
    database.close()
    backup = back_up(settings.database, tmp_path / "b.sqlite3")
    file = settings.data_dir / "debrief.sqlite3"
    before = check(file)

    failed = {
        command: app_without_room(settings, *command.split())
        for command in ("backup", f"backup {tmp_path}/c.sqlite3", f"restore {backup.file}")
    }

    for done in failed.values():
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(r"(could not be (made|restored)|needs a data folder)", done.stderr)
        assert "Traceback" not in done.stderr
    assert not [*tmp_path.glob("**/*.part"), *tmp_path.glob("c.sqlite3"), *settings.data_dir.glob("*before-restore*")]
    assert check(file) == before


def test_an_upgrade_without_room_is_refused_in_words_and_goes_on_when_there_is_room(settings: Settings):
    settings.data_dir.mkdir()
    old_database(settings)
    file = settings.data_dir / "debrief.sqlite3"
    before = check(file)

    refused = app_without_room(settings, "migrate")

    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert "cannot be used" in refused.stderr
    assert not is_current(settings.database)
    assert check(file) == before
    assert not list(settings.data_dir.glob("backups/*"))
    migrate(settings.database, backup_dir=settings.data_dir / "backups")
    assert is_current(settings.database)
    assert len(list(settings.data_dir.glob("backups/*"))) == 1


@pytest.mark.parametrize("command", ["migrate", "worker", "admin rita --password-stdin"])
def test_a_data_folder_that_cannot_be_written_is_one_sentence(settings: Settings, command: str):
    nowhere = settings.model_copy(update={"data_dir": Path("/dev/null/data")})
    done = run_app(nowhere, *command.split())
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if not line.startswith("20")]) == 1, done.stderr


def test_a_database_that_has_become_read_only_is_refused_in_words_and_can_be_read(web: Web, olga: Browser):
    talk = olga.begin()

    def shut(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA query_only = {'ON' if is_shut else 'OFF'}")

    event.listen(web.parts.db.engine, "checkout", shut)
    is_shut = True
    refused = olga.post(f"/api/v1/conversations/{talk}/messages", json={"text": "I led a team."})
    assert (refused.status_code, refused.json()["code"]) == (503, "not_saved")
    assert olga.read(talk)["messages"]
    is_shut = False
    assert olga.say(talk)["answer_id"]


def test_a_database_that_cannot_be_read_is_said_in_words(
    web: Web, olga: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    talk = olga.begin()

    def fail(_connection: object, _record: object, _proxy: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(web.parts.db._read_engine, "checkout", fail)
    refused = olga.get(f"/api/v1/conversations/{talk}", headers={"accept-language": "ko"})
    sick = olga.get("/healthz")
    event.remove(web.parts.db._read_engine, "checkout", fail)

    assert (refused.status_code, refused.json()["code"]) == (503, "not_readable")
    assert "사라진 것은 없으니" in refused.json()["message"]
    assert (sick.status_code, sick.json()["database"]) == (503, "down")
    assert olga.read(talk)["messages"]


def without_room(*line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that can write to no file."""
    return subprocess.run(
        line, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True,
        timeout=60, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, -1)),
    )  # fmt: skip


def app_without_room(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return without_room(sys.executable, "app.py", *arguments, DEBRIEF_DATA_DIR=str(settings.data_dir))


def run_app(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, input="rita's password\n", capture_output=True, text=True,
        env={**os.environ, "DEBRIEF_DATA_DIR": str(settings.data_dir), "DEBRIEF_MODEL_URL": "http://127.0.0.1:9/v1"},
        timeout=60, check=False,
    )  # fmt: skip
