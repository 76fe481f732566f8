"""A full disk: what cannot be stored is refused in words, what is being said goes on, all recovers by itself."""

from __future__ import annotations

import pytest

from debrief.conversation import MessageState
from debrief.settings import Settings
from storage.migrate import migrate
from tests.full_disk import full, no_room
from tests.scripted_model import Script, ScriptedModel
from tests.web_process import web_process
from tests.web_scene import Browser, Web

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
    scripted_model.enqueue(Script(text=WORDS * 40, token_delay_s=0.001))
    talk = olga.begin()
    with olga.live() as live:
        ids = olga.say(talk)
        with full(web.parts.db):
            unsaved = live.wait_for("done", id=ids["answer_id"])
            assert unsaved["error"]["code"] == "answer_not_saved"
            assert live.text(ids["answer_id"]).strip() == (WORDS * 40).strip()
            assert olga.answer(ids["answer_id"])["state"] == "running"
        live.wait_for("done", id=ids["answer_id"], state="complete")
    assert olga.answer(ids["answer_id"])["text"].strip() == (WORDS * 40).strip()
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
