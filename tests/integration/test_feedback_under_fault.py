"""Asking for a debrief while something is wrong, seen from the visitor: clicks at once, a failed commit, no worker."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from sqlalchemy import func, select

from storage import jobs
from storage.engine import Database
from storage.feedback import WORKER_SILENT_AFTER_S
from storage.tables import FeedbackJobRow, FeedbackRow
from tests.job_scene import let_clock_jump
from tests.web_scene import Browser, Web


def talk_of_one_turn(olga: Browser) -> str:
    talk_id = olga.begin()
    olga.ended(olga.say(talk_id)["answer_id"])
    return talk_id


def count(db: Database, table: type[FeedbackJobRow] | type[FeedbackRow]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@contextmanager
def jobs_refused_at_their_commit(web: Web) -> Iterator[None]:
    """The database takes the rows of a request and then fails before the transaction ends."""
    with closing(sqlite3.connect(web.parts.db.url.database)) as file:
        file.execute("CREATE TRIGGER fails AFTER INSERT ON feedback_jobs BEGIN SELECT RAISE(ABORT, 'broken'); END")
        yield
        file.execute("DROP TRIGGER fails")


def test_twenty_clicks_at_once_in_two_tabs_are_one_debrief_and_one_ring(web: Web, olga: Browser):
    talk_id = talk_of_one_turn(olga)
    with ThreadPoolExecutor(20) as clicks:
        answers = list(clicks.map(lambda _: olga.post(f"/api/v1/conversations/{talk_id}/feedback"), range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert count(web.parts.db, FeedbackJobRow) == count(web.parts.db, FeedbackRow) == len(web.rung) == 1


def test_a_request_that_is_rolled_back_leaves_no_job_and_rings_for_none(web: Web, olga: Browser):
    talk_id = talk_of_one_turn(olga)
    with jobs_refused_at_their_commit(web):
        assert olga.post(f"/api/v1/conversations/{talk_id}/feedback").status_code == 500
    assert count(web.parts.db, FeedbackJobRow) == count(web.parts.db, FeedbackRow) == len(web.rung) == 0
    assert olga.post(f"/api/v1/conversations/{talk_id}/feedback").status_code == 202
    assert count(web.parts.db, FeedbackJobRow) == len(web.rung) == 1


def test_the_page_hears_that_no_worker_is_left_and_that_one_is_there_again(web: Web, olga: Browser):
    db = web.parts.db
    jobs.beat(db, "k_1")
    talk_id = talk_of_one_turn(olga)
    with olga.live() as live:
        id = olga.post(f"/api/v1/conversations/{talk_id}/feedback").json()["id"]
        assert live.wait_for("feedback", id=id)["worker_alive"] is True
        assert WORKER_SILENT_AFTER_S <= 30
        let_clock_jump(db, WORKER_SILENT_AFTER_S + 1)
        live.wait_for("feedback", id=id, worker_alive=False, within_s=60)
        told = olga.get(f"/api/v1/feedback/{id}").json()
        assert "delayed" in told["notice"]
        assert olga.get("/healthz").json()["worker"] == "down"
        jobs.beat(db, "k_1")
        assert olga.get(f"/api/v1/feedback/{id}").json()["worker_alive"] is True
        assert olga.get("/healthz").json()["worker"] == "ready"
