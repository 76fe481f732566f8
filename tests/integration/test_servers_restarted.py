"""PostgreSQL or Redis goes away while people talk, and comes back: refusals in words, and nobody restarts anything."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import httpx
import pytest

from debrief.conversation import MessageState
from debrief.feedback import JobState
from debrief.settings import Settings
from storage.engine import Database
from storage.feedback import get_feedback
from storage.migrate import migrate
from tests.factories import OLGA
from tests.job_scene import (
    RedisServer,
    WorkerProcess,
    ask_for_feedback,
    ring,
    wait_for_end,
    wait_until,
    with_quick_jobs,
)
from tests.postgres_server import PostgresServer
from tests.scripted_model import Received, Script, ScriptedModel, is_structured
from tests.web_process import web_process
from tests.web_scene import Browser, Live

WORDS = [f"word{n}" for n in range(400)]


def is_feedback(received: Received) -> bool:
    """Not the worker's warm-up."""
    return is_structured(received) and received.schema_name != "ready"


def is_chat(received: Received) -> bool:
    return not is_structured(received)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        migrate(server.url, backup_dir=None)
        yield server


@pytest.fixture
def on_servers(settings: Settings, server: PostgresServer, redis: str, scripted_model: ScriptedModel) -> Settings:
    settings.data_dir.mkdir()
    # A lease that outlasts the crash: else who looks first after it decides whether work is repeated.
    return with_quick_jobs(settings, scripted_model.url, database_url=server.url, queue_url=redis, job_lease_s=60.0)


def expect_words(refused: httpx.Response, code: str) -> None:
    """A refusal that a person can read, and nothing of what is behind it."""
    assert refused.status_code == 503, refused.text
    assert refused.json().keys() == {"code", "message"}
    assert refused.json()["code"] == code
    assert "psycopg" not in refused.text
    assert "try again" in refused.json()["message"]


@contextmanager
def olga_listens(olga: Browser) -> Iterator[tuple[str, Live]]:
    talk = olga.begin()
    with olga.live() as live:
        yield talk, live


def test_a_postgresql_that_crashed_and_comes_back_finds_the_same_processes_and_everything_that_was_said(
    server: PostgresServer, on_servers: Settings, scripted_model: ScriptedModel
):
    scripted_model.enqueue(Script(text=" ".join(WORDS), token_delay_s=0.01), when=is_chat)
    with (
        closing(Database(server.url)) as db,
        WorkerProcess(on_servers) as worker,
        web_process(on_servers) as (web, url),
        Browser(url) as olga,
        olga_listens(olga) as (talk, live),
    ):
        first = olga.say(talk, "I led a team of three.", request_id="r_first")
        live.wait_for("answer", id=first["answer_id"], within_s=60)
        scripted_model.enqueue(Script(delay_s=1), when=is_feedback)
        view, job_id = ask_for_feedback(db)
        ring(on_servers, job_id)
        scripted_model.wait_for(lambda model: any(map(is_feedback, model.chats)), within_s=60)

        server.stop(signal.SIGQUIT)
        expect_words(olga.post(f"/api/v1/conversations/{talk}/messages", json={"text": "Still there?"}), "not_saved")
        expect_words(olga.get(f"/api/v1/conversations/{talk}"), "not_readable")
        assert olga.get("/healthz").json()["database"] == "down"
        live.wait_for("done", id=first["answer_id"], within_s=60)  # the answer goes on without it
        assert live.text(first["answer_id"]).split() == WORDS
        server.start()

        live.wait_for("done", id=first["answer_id"], state="complete", within_s=60)
        answer = olga.answer(first["answer_id"])
        assert (answer["state"], answer["text"].split()) == (MessageState.COMPLETE, WORDS)
        assert olga.say(talk, "I led a team of three.", request_id="r_first") == first
        second = olga.say(talk, "Still there?")
        assert olga.ended(second["answer_id"], within_s=60)["state"] == MessageState.COMPLETE
        assert [message["text"] for message in olga.read(talk)["messages"] if message["role"] == "user"] == [
            "I led a team of three.",
            "Still there?",
        ]
        seen = wait_for_end(db, view, within_s=60)
        assert (seen.state, seen.lineage["attempts"], seen.version_n) == (JobState.SUCCEEDED, 1, 1)
        unrung, _ = ask_for_feedback(db)
        assert wait_for_end(db, unrung, within_s=60).state == JobState.SUCCEEDED  # the worker's chores go on too
        assert (web.poll(), worker.process.poll()) == (None, None)
        assert "Traceback" not in (on_servers.data_dir / "web.log").read_text() + worker.log


def test_requests_while_redis_is_away_are_taken_and_done_when_it_is_back(
    settings: Settings, clean_postgres_url: str, scripted_model: ScriptedModel
):
    settings.data_dir.mkdir()
    with ExitStack() as stack:
        db = stack.enter_context(closing(Database(clean_postgres_url)))
        redis = stack.enter_context(RedisServer())
        quick = with_quick_jobs(settings, scripted_model.url, database_url=clean_postgres_url, queue_url=redis.url)
        worker = stack.enter_context(WorkerProcess(quick))
        _, url = stack.enter_context(web_process(quick))
        olga = stack.enter_context(Browser(url))
        before, job_id = ask_for_feedback(db)
        ring(quick, job_id)
        wait_for_end(db, before, within_s=60)

        redis.stop()
        talk = olga.begin()
        olga.ended(olga.say(talk)["answer_id"], within_s=60)
        asked = olga.post(f"/api/v1/conversations/{talk}/feedback")
        assert asked.status_code in (200, 201, 202), asked.text
        others = [ask_for_feedback(db)[0] for _ in range(3)]
        assert olga.get("/healthz").json()["ok"]
        redis.start()

        assert [wait_for_end(db, view, within_s=60).state for view in others] == [JobState.SUCCEEDED] * 3
        path = f"/api/v1/feedback/{asked.json()['id']}"
        wait_until(lambda: olga.get(path).json()["state"] == JobState.SUCCEEDED, "Olga's feedback", within_s=60)
        assert worker.process.poll() is None
        assert get_feedback(db, OLGA, before.id).state == JobState.SUCCEEDED
