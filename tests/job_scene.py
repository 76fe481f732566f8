"""What the job tests share: asking, claiming, storing; a real worker process; a talk in a real scenario."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Self

from sqlalchemy import select

from debrief.feedback import Check, Coverage, FeedbackBody, FeedbackView, JobState
from debrief.scenario import Scenario, load_scenario
from debrief.settings import Settings
from storage import jobs
from storage.engine import Database
from storage.feedback import get_feedback, request_feedback
from storage.jobs import Claim
from storage.tables import FeedbackJobRow, GaugeRow, UtcDateTime, WorkerRow
from tasks.broker import Broker
from tests.factories import OLGA, make_conversation, make_turn
from tests.ports import free_port

ROOT = Path(__file__).parents[1]
SEATS = 100


def ask_for_feedback(
    db: Database, *, visitor_id: str = OLGA, said: str = "I led a team of three and we shipped on time."
) -> tuple[FeedbackView, str]:
    """A new talk of one turn and the request for its debrief; the view and the job's id."""
    scenario = interview()
    talk = make_conversation(db, visitor_id=visitor_id, scenario_hash=scenario.hash, scenario_body=scenario.body())
    make_turn(db, talk, text=said)
    view, job_id = request_feedback(db, visitor_id, talk.id, versions={"rubric": "1"})
    assert job_id
    return view, job_id


def interview() -> Scenario:
    return load_scenario(ROOT / "scenarios" / "job_interview.toml")


def claim(
    db: Database, job_id: str, *, worker_id: str = "k_test", lease_s: float = 60, seats: int = SEATS
) -> Claim | None:
    return jobs.claim_job(db, job_id, worker_id, lease_s=lease_s, seats=seats)


def claim_this(db: Database, job_id: str) -> Claim:
    """Claim this very job, though older ones are due, which a ring would lead to first; those are given back."""
    claimed: list[Claim] = []
    while not claimed or claimed[-1].job_id != job_id:
        found = claim(db, job_id)
        assert found, "the job is not due"
        claimed.append(found)
    for other in claimed[:-1]:
        jobs.give_back(db, other)
    return claimed[-1]


def make_body(summary: str = "Well done.") -> FeedbackBody:
    return FeedbackBody(language="en", way="written", criteria=[], summary=summary, covered=Coverage(messages=3, of=3))


def store(
    db: Database,
    claim: Claim,
    *,
    summary: str = "Well done.",
    partial=False,
    passed=True,
    warning=False,
    release="checked",
) -> bool:
    return jobs.store_result(
        db,
        claim,
        body=make_body(summary),
        checks=[Check(name="language", passed=passed, warning=warning)],
        partial=partial,
        lineage={"model": "scripted"},
        release=release,
    )


def get_job(db: Database, job_id: str) -> FeedbackJobRow:
    with db.read() as session:
        return session.get_one(FeedbackJobRow, job_id)


def let_clock_jump(db: Database, seconds: float) -> None:
    """The clock jumps so far for everybody at once; less than 0: it is put back.

    What counts is how far the written times lie from now, so they are moved and the clock of the test stays.
    """
    with db.write() as session:
        for table in (FeedbackJobRow, WorkerRow, GaugeRow):
            columns = [column.key for column in table.__table__.columns if isinstance(column.type, UtcDateTime)]
            for row in session.scalars(select(table).with_for_update()):
                for column in columns:
                    then = getattr(row, column)
                    setattr(row, column, then and then - timedelta(seconds=seconds))


def wait_until(condition: Callable[[], bool], what: str, *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.02)


def wait_for_end(db: Database, view: FeedbackView, *, within_s: float = 60) -> FeedbackView:
    """The feedback when its making has ended."""
    wait_until(lambda: get_feedback(db, OLGA, view.id).state.is_final, "the job's end", within_s=within_s)
    return get_feedback(db, OLGA, view.id)


def wait_for_start(db: Database, job_id: str) -> None:
    wait_until(lambda: get_job(db, job_id).state == JobState.RUNNING.value, "the job's start")


class WorkerProcess:
    """`python app.py worker` with these settings, in a process group of its own; its log is kept in a file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = settings.data_dir / f"worker-{time.monotonic_ns()}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_id = ""

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "worker"],
                env=as_environment(self._settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGKILL)
        self.process.wait()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process
        return self._process

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def worker_id(self) -> str:
        """Its own id, as it logs it; empty until then."""
        if not self._worker_id:
            found = re.search(r"worker_started worker_id=(\S+)", self.log)
            self._worker_id = found[1] if found else ""
        return self._worker_id

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and see it dead."""
        self.send(signal.SIGKILL)
        self.process.wait()

    def stop(self, *, within_s: float = 30) -> float:
        """TERM; gives the seconds that it took to end."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        assert self.process.wait(within_s) == 0, self.log
        return time.monotonic() - began


def as_environment(settings: Settings) -> dict[str, str]:
    """The settings as variables; what is not given is what the settings' defaults are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DEBRIEF_")}
    given = settings.model_dump(mode="json", include=settings.model_fields_set)
    return kept | {f"DEBRIEF_{name.upper()}": str(value) for name, value in given.items()}


def with_quick_jobs(settings: Settings, model_url: str, **changes: object) -> Settings:
    """Leases, retries and looks of the reaper in fractions of a second; words from the rubric, placed by the model."""
    return settings.model_copy(
        update={
            "model_url": model_url,
            "feedback_words": "rubric",
            "feedback_placing": "model",
            "feedback_samples": 1,
            "job_lease_s": 2.0,
            "job_heartbeat_s": 0.3,
            "job_retry_s": 0.1,
            "reaper_interval_s": 0.5,
            **changes,
        }
    )


def ring(settings: Settings, job_id: str) -> None:
    Broker(settings).ring(job_id)


class RedisServer:
    """A Redis of our own on loopback that keeps nothing: after a restart it is empty."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._server: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        assert self._folder
        self._folder.cleanup()

    def restart(self, *, down_s: float = 0) -> None:
        self.stop()
        time.sleep(down_s)
        self.start()

    def start(self) -> None:
        assert self._folder
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--dir", self._folder.name, "--save", ""]
        self._server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        wait_until(lambda: _answers(self._port), "Redis")

    def stop(self) -> None:
        assert self._server
        self._server.terminate()
        self._server.wait()


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of our own on loopback; gives its URL."""
    with RedisServer() as server:
        yield server.url


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
