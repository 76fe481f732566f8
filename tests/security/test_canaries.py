"""People's words and the operator's secrets, followed through all processes at the most talkative log level.

Each carries a string that occurs nowhere else. None may be in a log or in what the supervisor prints, also when the
model refuses, the queue is away, and the database fails in mid-talk.
"""

from __future__ import annotations

import os
import pickletools
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from debrief.settings import Settings
from storage.migrate import migrate
from tasks.broker import Broker
from tests.ports import free_port
from tests.postgres_server import run_sql
from tests.scripted_model import Script, ScriptedModel, is_talk
from tests.web_scene import Browser, until

ROOT = Path(__file__).parents[2]
WORDS = {
    name: f"canary-{name}-7f3a9c" for name in ("talk", "answer", "title", "note", "form", "wrong", "header", "body")
}
SECRETS = {name: f"canary-{name}-secret-51d0" for name in ("signing", "key", "admin", "database", "queue")}


@contextmanager
def program(folder: Path, model: ScriptedModel, *command: str, database_url: str = "") -> Iterator[tuple[str, Path]]:
    """`app.py` as an operator starts it, all of it without a command; its URL, and the file with what it printed."""
    port = free_port()
    settings = {
        "DEBRIEF_PORT": str(port),
        "DEBRIEF_DATA_DIR": str(folder / "data"),
        "DEBRIEF_DATABASE_URL": database_url,
        "DEBRIEF_MODEL_URL": model.url,
        "DEBRIEF_MODEL_API_KEY": SECRETS["key"],
        "DEBRIEF_SECRET": SECRETS["signing"],
        "DEBRIEF_ADMIN": f"ada:{SECRETS['admin']}",
        "DEBRIEF_LOG_LEVEL": "debug",
        "DEBRIEF_FEEDBACK_WORDS": "rubric",
        "DEBRIEF_FEEDBACK_PLACING": "likeness",
        "DEBRIEF_JOB_RETRY_S": "0.1",
        "DEBRIEF_REAPER_INTERVAL_S": "0.5",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEBRIEF_")}
    printed = folder / "printed"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py", *command],
            cwd=ROOT,
            env={**kept, **settings},
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until(lambda: process.poll() is not None or is_up(url), within_s=180, what="the page")
        assert process.poll() is None, printed.read_text()
        yield url, printed
    finally:
        process.terminate()
        process.wait(30)


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def leave_canaries_everywhere(url: str, model: ScriptedModel) -> tuple[str, str, str]:
    """Talk, get a feedback, be refused in many ways. Gives what the browser and the desk were handed as cookies."""
    model.enqueue(f"Tell me more about {WORDS['answer']}.", when=is_talk)
    with Browser(url) as olga, Browser(url) as ada:
        talk = olga.begin()
        olga.patch(f"/api/v1/conversations/{talk}", json={"title": WORDS["title"]})
        olga.ended(olga.say(talk, f"I led {WORDS['talk']} and we shipped on time.")["answer_id"], within_s=60)
        model.enqueue(Script(status=400, error=WORDS["answer"]), when=is_talk)
        olga.ended(olga.say(talk, f"Then {WORDS['talk']} failed.")["answer_id"], within_s=60)
        feedback = olga.post(f"/api/v1/conversations/{talk}/feedback").json()["id"]
        until(
            lambda: olga.get(f"/api/v1/feedback/{feedback}").json()["state"] != "queued", within_s=60, what="a worker"
        )
        imported = {"scenario": "job_interview", "messages": [{"role": "user", "text": WORDS["talk"]}]}
        assert olga.post("/api/v1/import/conversations", json=imported).status_code == 201
        for bad in ({"text": 5, WORDS["body"]: WORDS["body"]}, [WORDS["body"]]):
            olga.post(f"/api/v1/conversations/{talk}/messages", json=bad)
        olga.post(f"/api/v1/conversations/{talk}/messages", content=f'{{"text": "{WORDS["body"]}'.encode())
        olga.get("/", headers={"x-header": WORDS["header"], "user-agent": WORDS["header"]})
        olga.get("/api/v1/nowhere", headers={"cookie": f"debrief_visitor={WORDS['header']}"})
        assert ada.post("/admin/login", data={"name": WORDS["form"], "password": WORDS["wrong"]}).status_code == 401
        signed_in = ada.post("/admin/login", data={"name": "ada", "password": SECRETS["admin"]})
        assert signed_in.status_code == 303
        ada.post(f"/api/v1/review/{feedback}/reject", json={"reason": "other", "note": WORDS["note"], "row_version": 1})
        ada.post(f"/api/v1/review/{feedback}/regenerate", json={"guidance": WORDS["note"]})
        ada.post(f"/api/v1/review/{feedback}/escalate", json={"note": WORDS["note"]})
        ada.post(f"/api/v1/review/{feedback}/check", json={"criteria": [], "summary": WORDS["note"]})
        return olga.cookies["debrief_visitor"], ada.cookies["debrief_sign_in"], talk


def logs(folder: Path, printed: Path) -> dict[str, str]:
    files = [*(folder / "data" / "logs").iterdir(), printed]
    return {file.name: file.read_text("utf-8", "replace") for file in files}


def leaks(found: dict[str, str], tokens: tuple[str, ...]) -> list[str]:
    wanted = [*WORDS.values(), *SECRETS.values(), *tokens]
    return [
        f"{name}: {line[:300]}"
        for name, text in found.items()
        for line in text.splitlines()
        if any(word in line for word in wanted)
    ]


def test_no_word_and_no_secret_is_in_any_log_and_every_file_is_private(tmp_path: Path):
    with ScriptedModel(api_key=SECRETS["key"]) as model, program(tmp_path, model) as (url, printed):
        visitor, sign_in, _ = leave_canaries_everywhere(url, model)
        found = logs(tmp_path, printed)
        modes = {
            str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
            for path in (tmp_path / "data", *(tmp_path / "data").rglob("*"))
        }
    assert "worker_started" in found["worker.log"]
    assert "job_started" in found["worker.log"]
    assert "DEBUG" in found["web.log"]
    assert leaks(found, (visitor, sign_in)) == []
    open_to_others = {path: oct(mode) for path, mode in modes.items() if mode & 0o077}
    assert open_to_others == {}
    with closing(sqlite3.connect(tmp_path / "data" / "debrief.sqlite3")) as database:
        everything_stored = "\n".join(database.iterdump())
    for secret in (*SECRETS.values(), sign_in, WORDS["wrong"]):
        assert secret not in everything_stored
    assert WORDS["talk"] in everything_stored


def test_a_failing_database_gives_away_no_password_and_no_words(tmp_path: Path, empty_postgres_url: str):
    """It refuses the row in mid-talk, and says in its error what was in the row."""
    migrate(empty_postgres_url, backup_dir=None)
    with_password = empty_postgres_url.replace("debrief@", f"debrief:{SECRETS['database']}@")
    with (
        ScriptedModel(api_key=SECRETS["key"]) as model,
        program(tmp_path, model, "web", database_url=with_password) as (url, printed),
        Browser(url) as olga,
    ):
        talk = olga.begin()
        run_sql(empty_postgres_url, "ALTER TABLE messages ADD CHECK (text NOT LIKE '%canary%') NOT VALID")
        failed = olga.post(f"/api/v1/conversations/{talk}/messages", json={"text": f"I led {WORDS['talk']}."})
        found = {"web": printed.read_text("utf-8")}
    assert failed.status_code == 500
    [incident] = re.findall(r"id ([0-9a-f]{8})", failed.json()["message"])
    assert WORDS["talk"] not in failed.text
    assert f"request_failed incident={incident}" in found["web"]
    assert "psycopg.errors.CheckViolation: (what it said is kept out of the log)" in found["web"]
    assert "storage/messages.py" in found["web"], "the place is told"
    assert leaks(found, ()) == []


@pytest.mark.parametrize("url", ["redis://:{}@127.0.0.1:1/0", "rediss://{}@127.0.0.1:1/0"])
def test_a_queue_that_cannot_be_reached_is_logged_without_its_password(
    settings: Settings, caplog: pytest.LogCaptureFixture, url: str
):
    caplog.set_level("DEBUG")
    Broker(settings.model_copy(update={"queue_url": url.format(SECRETS["queue"])})).ring("j_1")
    assert "ring_failed" in caplog.text
    assert SECRETS["queue"] not in caplog.text


def test_the_queue_file_holds_json_and_no_pickle(settings: Settings):
    """A pickle would let whoever can write the file run code in the worker."""
    settings.data_dir.mkdir()
    Broker(settings).ring("j_1")
    with closing(sqlite3.connect(settings.queue_file)) as queue:
        [row] = queue.execute("SELECT data FROM task").fetchall()
    assert bytes(row[0]).startswith(b"[")
    with pytest.raises(ValueError, match=r"opcode|no newline|pickle"):
        list(pickletools.genops(bytes(row[0])))
    assert stat.S_IMODE(settings.queue_file.stat().st_mode) == 0o600
