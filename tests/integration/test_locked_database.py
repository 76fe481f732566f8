"""Another process holds the database's write lock: who writes waits or is refused in words, everybody else goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx
import pytest

from debrief.errors import NotSaved
from debrief.settings import Settings
from storage import accounts, engine
from storage.engine import Database
from tests.scripted_model import Script, ScriptedModel
from tests.web_process import web_process
from tests.web_scene import Browser, Web, until
from webapp import store
from webapp.store import THREADS

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
WORDS = "One two three four five six seven eight nine ten. " * 30


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another process is in a write transaction."""
    line = [sys.executable, "-c", HOLDER, settings.database.removeprefix("sqlite:///")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.stdin.close()


def test_more_writers_than_threads_wait_while_pages_health_and_streams_of_others_go_on(
    web: Web, olga: Browser, sam: Browser, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text=WORDS, token_delay_s=0.01))
    talks = [olga.begin() for _ in range(3 * THREADS)]
    sams = sam.begin()
    with sam.live() as live, ThreadPoolExecutor(len(talks)) as senders:
        ids = sam.say(sams)
        live.wait_for("answer", id=ids["answer_id"])
        with locked(web.settings):
            waiting = [senders.submit(rename, web.url, olga.cookies, talk) for talk in talks]
            until(lambda: web.parts.db.engine.pool.checkedout() >= THREADS, what="all writing threads to be blocked")
            heard = len(live.text(ids["answer_id"]))
            assert sam.get("/healthz").json()["database"] == "ready"
            assert sam.read(sams)["messages"]
            with olga.live() as opened_now:
                opened_now.wait_for("hello")
            until(lambda: len(live.text(ids["answer_id"])) > heard, within_s=60, what="Sam's answer to go on")
            assert not any(sender.done() for sender in waiting), "somebody was told that it is saved"
        assert [sender.result(60) for sender in waiting] == [200] * len(talks)
        live.wait_for("done", id=ids["answer_id"], state="complete", within_s=60)
    assert {olga.read(talk)["title"] for talk in talks} == {"Renamed"}


def test_who_hears_an_answer_is_told_that_its_process_goes_away_although_nothing_can_be_stored(
    database: Database, settings: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text=WORDS * 10, token_delay_s=0.02))
    with (
        web_process(settings.model_copy(update={"model_url": scripted_model.url})) as (process, url),
        Browser(url) as olga,
    ):
        talk = olga.begin()
        with olga.live() as live:
            ids = olga.say(talk)
            live.wait_for("answer", id=ids["answer_id"])
            with locked(settings):
                process.terminate()
                live.wait_for("done", id=ids["answer_id"], state="interrupted", within_s=60)
                process.wait(60)


def rename(url: str, cookies: httpx.Cookies, talk: str) -> int:
    with httpx.Client(base_url=url, cookies=cookies, timeout=60, trust_env=False) as browser:
        return browser.patch(f"/api/v1/conversations/{talk}", json={"title": "Renamed"}).status_code


def test_who_waits_too_long_for_the_lock_or_for_a_thread_is_refused_in_words(
    database: Database, web_settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 1000)
    monkeypatch.setattr(store, "QUEUE_PATIENCE_S", 0.5)
    with Web(web_settings) as web, web.browser() as olga, ThreadPoolExecutor(2 * THREADS) as senders:
        talk = olga.begin()
        with locked(web_settings):
            send = partial(post, web.url, olga.cookies, talk)
            refused = [refusal.result(60) for refusal in [senders.submit(send) for _ in range(2 * THREADS)]]
        assert {(response.status_code, response.json()["code"]) for response in refused} == {(503, "not_saved")}
        assert len(olga.read(talk)["messages"]) == 1
        assert olga.say(talk)["answer_id"]


def post(url: str, cookies: httpx.Cookies, talk: str) -> httpx.Response:
    with httpx.Client(base_url=url, cookies=cookies, timeout=60, trust_env=False) as browser:
        return browser.post(f"/api/v1/conversations/{talk}/messages", json={"text": "I led a team."})


def test_a_reviewer_is_known_although_the_use_of_the_sign_in_cannot_be_noted(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    accounts.create_account(database, "rita", "rita's password", "reviewer")
    token = accounts.sign_in(database, "rita", "rita's password")
    monkeypatch.setattr(accounts, "_TOUCH_AFTER", accounts._TOUCH_AFTER * 0)
    began = time.monotonic()
    with locked(settings):
        known = accounts.who_is(database, token)
    assert known
    assert known.name == "rita"
    assert time.monotonic() - began < 20, "the patience of a note is not that of a message"


def test_the_patience_of_one_transaction_is_not_that_of_the_next_on_its_connection(
    database: Database, settings: Settings
):
    with locked(settings), pytest.raises(NotSaved), database.write(patience_ms=100):
        pass
    with database.write() as session:
        assert session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() == engine.BUSY_TIMEOUT_MS


def test_a_deletion_is_not_refused_because_the_log_cannot_be_emptied(database: Database, settings: Settings):
    with locked(settings):
        database.forget_deleted()
    with database.write() as session:
        assert session.connection().exec_driver_sql("PRAGMA busy_timeout").scalar() == engine.BUSY_TIMEOUT_MS
