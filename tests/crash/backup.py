"""Backups made while a web process and a worker write for people who talk without a pause; each is restored."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from debrief.settings import Settings
from storage.backup import back_up, check, restore
from storage.migrate import is_current, migrate
from tests.crash.outcome import Experiment, Outcome
from tests.job_scene import WorkerProcess, with_quick_jobs
from tests.scripted_model import ScriptedModel
from tests.web_process import web_process
from tests.web_scene import Browser

TALKERS = 4
TABLES = ("conversations", "messages", "feedback", "feedback_jobs", "feedback_versions")


class Talker(threading.Thread):
    """Talks, and asks for feedback after every third turn. `acknowledged`: ids that the API has given, in order."""

    def __init__(self, url: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.failures = 0
        self._url = url
        self._over = over

    def run(self) -> None:
        with Browser(self._url) as browser:
            while not self._over.is_set():
                try:
                    self._talk(browser)
                except (httpx.HTTPError, AssertionError):
                    self.failures += 1

    def _talk(self, browser: Browser) -> None:
        talk = browser.begin()
        self.acknowledged.append(talk)
        for _ in range(3):
            ids = browser.say(talk)
            self.acknowledged += [ids["user_message_id"], ids["answer_id"]]
            browser.ended(ids["answer_id"], within_s=60)
        asked = browser.post(f"/api/v1/conversations/{talk}/feedback")
        assert asked.status_code in (200, 201, 202), asked.text
        self.acknowledged.append(asked.json()["id"])


def run(quick: bool) -> Outcome:
    backups = 2 if quick else 10
    with ExitStack() as scene:
        folder = Path(scene.enter_context(tempfile.TemporaryDirectory()))
        model = scene.enter_context(ScriptedModel())
        settings = Settings(
            _env_file=None, data_dir=folder / "data", model_url=model.url, rate_limit="off", feedback_at_end="off",
            feedbacks_per_day_per_visitor=0, answers_per_day_per_visitor=0, feedbacks_waiting_per_visitor=10_000,
            feedbacks_waiting=100_000,
        )  # fmt: skip
        settings.data_dir.mkdir()
        migrate(settings.database, backup_dir=None)
        more = settings.model_dump(
            mode="json",
            include=settings.model_fields_set - {"data_dir", "model_url", "rate_limit"},
        )
        _, url = scene.enter_context(web_process(settings, **more))
        scene.enter_context(WorkerProcess(with_quick_jobs(settings, model.url)))
        over = threading.Event()
        talkers = [Talker(url, over) for _ in range(TALKERS)]
        for talker in talkers:
            talker.start()
        made = []
        for n in range(backups):
            time.sleep(1)
            before = {id for talker in talkers for id in list(talker.acknowledged)}
            began = time.perf_counter()
            backup = back_up(settings.database, folder / f"backup-{n}.sqlite3")
            made.append((before, backup, time.perf_counter() - began))
        over.set()
        for talker in talkers:
            talker.join(120)
        everything = ids_in(settings.data_dir / "debrief.sqlite3")
        return _judge(folder, made, everything, talkers)


def _judge(folder: Path, made: list[Any], everything: set[str], talkers: list[Talker]) -> Outcome:
    missing = foreign = differ = 0
    for n, (before, backup, _) in enumerate(made):
        copied = ids_in(backup.file)
        missing += len(before - copied)
        foreign += len(copied - everything)
        url = f"sqlite:///{folder}/restored-{n}/debrief.sqlite3"
        done = restore(url, backup.file)
        same = done.counts == backup.counts == check(done.file) and ids_in(done.file) == copied and is_current(url)
        differ += not same
    acknowledged = {id for talker in talkers for id in talker.acknowledged}
    figures = {
        "backups": len(made),
        "acknowledged in all": len(acknowledged),
        "rows in the last": sum(made[-1][1].counts.values()),
        "integrity ok": len(made),  # neither back_up nor restore returns otherwise
        "acknowledged before and missing": missing,
        "there and never stored": foreign,
        "restored and different": differ,
        "requests failed meanwhile": sum(talker.failures for talker in talkers),
        "median s": round(median(took for _, _, took in made), 2),
        "longest s": round(max(took for _, _, took in made), 2),
        "lost in the database": len(acknowledged - everything),
    }
    promises = {
        "acknowledged before and missing": missing,
        "there and never stored": foreign,
        "restored and different": differ,
        "lost in the database": figures["lost in the database"],
    }
    return Outcome("backup", figures, [f"{what}: {number}" for what, number in promises.items() if number])


def ids_in(file: Path) -> set[str]:
    """Of all that the API has acknowledged by an id."""
    with closing(sqlite3.connect(file)) as connection:
        return {id for table in TABLES for (id,) in connection.execute(f"SELECT id FROM {table}")}


EXPERIMENT = Experiment("backup", run)
