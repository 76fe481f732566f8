"""A disk that is full again and again while people talk and a worker writes: what is lost, and how it recovers.

Where the machine lets us, on a small file system of our own, seen by nobody else, that is filled to the last byte; it
is gone with its processes. Elsewhere the system refuses every write of the two processes to any file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median

import httpx

from debrief.settings import Settings
from storage.engine import Database
from storage.live import find_worker_silence_s
from storage.migrate import migrate
from tests.crash.backup import ids_in
from tests.crash.outcome import Experiment, Outcome
from tests.factories import OLGA
from tests.full_disk import no_room
from tests.job_scene import WorkerProcess, ask_for_feedback, get_job, ring, with_quick_jobs
from tests.scripted_model import ScriptedModel
from tests.web_process import web_process
from tests.web_scene import Browser, until

ROOT = Path(__file__).parents[2]
DISK_MIB = 24
TALKERS = 3
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")


class Talker(threading.Thread):
    """Says one thing after another; who is refused says the same again, as a person does whose text is kept."""

    def __init__(self, url: str, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[str] = []
        self.refused = 0
        self.unexpected: list[str] = []
        self.accepted_at: list[float] = []
        self._url = url
        self._over = over
        self._talk = ""

    def run(self) -> None:
        with Browser(self._url) as browser:
            self._talk = browser.begin()
            n = 0
            while not self._over.is_set():
                n += 1
                while not self._say(browser, n) and not self._over.is_set():
                    time.sleep(0.1)

    def _say(self, browser: Browser, n: int) -> bool:
        """Where the answer to the words before has no end yet, another talk is begun, which writes too."""
        words = {"text": f"Sentence {n}. " * 100, "request_id": f"r_{n}"}
        try:
            said = browser.post(f"/api/v1/conversations/{self._talk}/messages", json=words)
            if said.status_code == 409:
                said = browser.post("/api/v1/conversations", json={"scenario": "job_interview"})
        except httpx.HTTPError as error:
            self.unexpected.append(type(error).__name__)
            return False
        if said.status_code == 202:
            self.acknowledged += [said.json()["user_message_id"], said.json()["answer_id"]]
            self.accepted_at.append(time.monotonic())
            return True
        if said.status_code == 201:
            self._talk = said.json()["id"]
            self.acknowledged.append(self._talk)
        elif said.json().get("code") == "not_saved":
            self.refused += 1
        else:
            self.unexpected.append(f"{said.status_code} {said.json().get('code')}")
        return False


def run(quick: bool) -> Outcome:
    """In mounts of our own where that is allowed, else here."""
    with suppress(OSError):
        if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode == 0:
            line = [*OWN_MOUNTS, sys.executable, "-m", "tests.crash.disk", "quick" if quick else "full"]
            done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode == 0:
                return Outcome("disk", **json.loads(done.stdout.splitlines()[-1]))
    with tempfile.TemporaryDirectory() as folder:
        return _break(Path(folder), quick=quick, is_own_disk=False)


def inside(quick: bool) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "debrief-test", folder], check=True)
        try:
            return _break(Path(folder), quick=quick, is_own_disk=True)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def _break(folder: Path, *, quick: bool, is_own_disk: bool) -> Outcome:
    times, full_s = (2, 2.0) if quick else (10, 5.0)
    with ExitStack() as scene:
        model = scene.enter_context(ScriptedModel())
        settings = Settings(_env_file=None, data_dir=folder / "data", model_url=model.url, rate_limit="off")
        settings.data_dir.mkdir()
        migrate(settings.database, backup_dir=None)
        db = Database(settings.database)
        scene.callback(db.close)
        web, url = scene.enter_context(web_process(settings, answers_per_day_per_visitor=0))
        quick_jobs = with_quick_jobs(settings, model.url)
        worker = scene.enter_context(WorkerProcess(quick_jobs))
        over = threading.Event()
        talkers = [Talker(url, over) for _ in range(TALKERS)]
        for talker in talkers:
            talker.start()
        until(lambda: all(talker.accepted_at for talker in talkers), within_s=60, what="all to be heard")
        # A worker that first starts on a full disk ends with a sentence; the supervisor would try it again.
        until(lambda: find_worker_silence_s(db) is not None, within_s=60, what="the worker's first sign of life")
        jobs: list[str] = []
        recovered: list[float] = []
        for _ in range(times):
            jobs.append(ask_for_feedback(db, visitor_id=OLGA)[1])
            ring(quick_jobs, jobs[-1])
            refused = [talker.refused for talker in talkers]
            with ExitStack() as trouble:
                if is_own_disk:
                    trouble.enter_context(_filled(folder))
                else:
                    for process in (web, worker.process):
                        trouble.enter_context(no_room(process.pid))
                until(
                    lambda before=refused: all(t.refused > n for t, n in zip(talkers, before, strict=True)),
                    within_s=60, what="everybody to be refused",
                )  # fmt: skip
                time.sleep(full_s)
            freed = time.monotonic()
            until(lambda at=freed: all(t.accepted_at[-1] > at for t in talkers), within_s=60, what="all to be heard")
            recovered.append(max(t.accepted_at[-1] for t in talkers) - freed)
        over.set()
        for talker in talkers:
            talker.join(60)
        with suppress(AssertionError):
            until(lambda: all(get_job(db, job).state == "succeeded" for job in jobs), within_s=60)
        ended = [get_job(db, job).state for job in jobs]
        lives = web.poll() is None and worker.process.poll() is None
        with suppress(AssertionError):
            until(lambda: not _running(db), within_s=60)
        running = _running(db)
        stored = _stored(db)
    acknowledged = {id for talker in talkers for id in talker.acknowledged}
    unexpected = [what for talker in talkers for what in talker.unexpected]
    figures = {
        "disk": f"{DISK_MIB} MiB of its own" if is_own_disk else "writes refused by the system",
        "times full": times,
        "seconds each": full_s,
        "acknowledged": len(acknowledged),
        "of them lost": len(acknowledged - stored),
        "refused in words": sum(talker.refused for talker in talkers),
        "refused otherwise": len(unexpected),
        "answers without an end": running,
        "feedbacks asked for": len(jobs),
        "of them made": ended.count("succeeded"),
        "processes that died": 0 if lives else "some",
        "recovered after s, median": round(median(recovered), 2),
        "recovered after s, longest": round(max(recovered), 2),
    }
    broken = [] if lives else ["a process died"]
    broken += [f"lost: {len(acknowledged - stored)}"] if acknowledged - stored else []
    broken += [f"refused otherwise: {sorted(set(unexpected))}"] if unexpected else []
    broken += [f"answers without an end: {running}"] if running else []
    broken += [f"feedbacks not made: {ended}"] if ended.count("succeeded") != len(jobs) else []
    return Outcome("disk", figures, broken)


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """To the last byte, and again whenever somebody gives some back."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1 << 8, 1):
            with suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    try:
        yield
    finally:
        filler.unlink()


def _running(db: Database) -> int:
    with db.read() as session:
        return session.connection().exec_driver_sql("SELECT count(*) FROM messages WHERE state = 'running'").scalar()


def _stored(db: Database) -> set[str]:
    assert db.url.database
    return ids_in(Path(db.url.database))


EXPERIMENT = Experiment("disk", run)

if __name__ == "__main__":
    found = inside(sys.argv[1] == "quick")
    print(json.dumps({"figures": found.figures, "broken": found.broken}))
