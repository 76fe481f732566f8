"""Exports over HTTP and by the command line: for admins only, whole or seen to be broken, on record."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from debrief.review import ReviewState
from debrief.settings import Settings
from storage.engine import Database
from storage.exports import list_exports
from tests.export_scene import hotel_talk, make_reviewed, written_on
from tests.review_scene import make_account, sign_in
from tests.web_scene import Browser, Web, until
from webapp.queue_query import FilterQuery, read_options

ROOT = Path(__file__).parents[2]


@pytest.fixture
def ada(web: Web) -> Iterator[Browser]:
    make_account(web.parts.db, "ada", "admin")
    with web.browser() as browser:
        assert sign_in(browser, "ada").status_code == 303
        yield browser


def test_an_admin_gets_a_file_whose_counts_and_hash_are_on_record(web: Web, ada: Browser):
    make_reviewed(web.parts.db)

    response = ada.get("/api/v1/exports/conversations", params={"scenario": "job_interview"})

    assert response.headers["content-type"] == "application/jsonl"
    assert response.headers["content-disposition"].startswith('attachment; filename="debrief-conversations-')
    assert json.loads(response.text)["messages"][2]["role"] == "user"
    run = ada.get(f"/api/v1/exports/runs/{response.headers['x-export-id']}").json()
    assert (run["outcome"], run["by"], run["rows"], run["considered"]) == ("complete", "ada", 1, 1)
    assert run["sha256"] == hashlib.sha256(response.content).hexdigest()
    assert run["filter"] == {"scenario": "job_interview"}
    assert [item["id"] for item in ada.get("/api/v1/exports").json()["items"]] == [run["id"]]
    assert ada.get("/api/v1/exports/matching").json() == {"matching": 1, "counting": 1}
    assert ada.get("/api/v1/exports/matching", params={"state": "rejected"}).json()["matching"] == 0


def test_a_reviewer_may_not_export(web: Web):
    make_account(web.parts.db, "rita")
    with web.browser() as rita:
        sign_in(rita)
        for path in ("exports", "exports/feedback", "exports/matching", "exports/runs/x_1"):
            assert rita.get(f"/api/v1/{path}").status_code == 403
    assert list_exports(web.parts.db) == []


def test_what_cannot_be_exported_is_said_in_words(ada: Browser):
    assert ada.get("/api/v1/exports/sft", params={"format": "csv"}).json()["message"] == (
        '"sft" comes as: jsonl, parquet. Choose one of these.'
    )
    assert ada.get("/api/v1/exports/everything").status_code == 422
    assert ada.get("/api/v1/exports/sft", params={"level": "9"}).status_code == 422
    assert ada.get("/api/v1/exports/sft", params={"scenaro": "job_interview"}).status_code == 422
    assert ada.get("/api/v1/exports/runs/x_nowhere").status_code == 404


def test_who_goes_away_in_the_middle_leaves_a_broken_export_on_record_and_its_place_free(web: Web, ada: Browser):
    db = web.parts.db
    talk = hotel_talk(db)
    made = written_on(db, talk)
    for _ in range(120):
        make_reviewed(db, talk, made=made)
    for n in range(1, 4):
        until(lambda: leave(ada) == 200, within_s=60, what="a free place")
        until(lambda n=n: len(list_exports(db)) == n, within_s=60, what="the export on record")

    until(lambda: ada.get("/api/v1/exports/feedback").status_code == 200, within_s=60, what="a free place")
    assert "running" not in {run.outcome for run in list_exports(db)}


def leave(browser: Browser) -> int:
    """Ask for an export and hang up when it begins."""
    with browser.stream("GET", "/api/v1/exports/feedback", params={"format": "jsonl"}) as response:
        connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
        connection.shutdown(socket.SHUT_RDWR)
        return response.status_code


def test_the_command_writes_the_same_file_and_puts_it_in_place_when_it_is_whole(
    settings: Settings, database: Database, tmp_path: Path
):
    make_reviewed(database)
    make_reviewed(database, disputed=True)
    to = tmp_path / "out.jsonl"
    line = [sys.executable, "app.py", "export", "sft", "--to", str(to), "--no-partial", "--words", "hotel cleaners"]
    environment = {**os.environ, "DEBRIEF_DATA_DIR": str(settings.data_dir)}

    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    assert json.loads(to.read_text("utf-8"))["completion"][0]["role"] == "assistant"
    assert "1 rows of 2 debriefs looked at" in done.stdout
    assert "left out: 1 disputed" in done.stdout
    assert hashlib.sha256(to.read_bytes()).hexdigest() in done.stdout
    assert [file.name for file in tmp_path.glob("out*")] == ["out.jsonl"]
    (run,) = list_exports(database)
    assert (run.by, run.outcome, run.filter) == ("system", "complete", {"partial": "False", "words": "yes"})
    refused = subprocess.run([*line, "--state", "gone"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_the_command_line_takes_every_filter_of_the_queue():
    options = vars(app._parser().parse_args(["export", "sft", "--to", "x"]))

    assert set(FilterQuery.model_fields) <= options.keys()
    assert read_options(options) == FilterQuery()
    said = vars(app._parser().parse_args(["export", "sft", "--to", "x", "--level", "0", "--state", "pending"]))
    assert read_options(said) == FilterQuery(level=0, state=[ReviewState.PENDING])
