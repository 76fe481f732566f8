"""The whole stack under load, every part of it killed, ended and frozen, and all of it restarted.

Real supervisor, web and worker; the model's words are scripted. Visitors talk and ask for debriefs all the time and
send again what got no reply. At the end a referee compares what was acknowledged with what is stored.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from debrief.feedback import JobState
from debrief.settings import Settings
from storage.engine import Database
from storage.tables import FeedbackJobRow, FeedbackVersionRow, MessageRow
from tests.crash.outcome import Experiment, Outcome
from tests.crash.program import Program, is_running
from tests.crash.visitors import Acknowledged, Chatterer, missing_words
from tests.job_scene import with_quick_jobs
from tests.ports import free_port
from tests.scripted_model import ScriptedModel
from tests.web_scene import until

PATIENCE_S = 300
END_WITHIN_S = 10
TURNS_BEFORE_FEEDBACK = 2
FROZEN_S = 3.0


@dataclass(frozen=True)
class Effort:
    """How often each part gets each blow, and how many talk meanwhile. Each start of a real web costs seconds."""

    web_kills: int
    worker_kills: int
    web_ends: int
    worker_ends: int
    freezes: int
    """Of web and of worker, for some seconds."""
    hangs: int
    """Of web, until the supervisor kills it."""
    supervisor_kills: int
    supervisor_ends: int
    visitors: int
    job_lease_s: float


FULL = Effort(
    web_kills=10,
    worker_kills=10,
    web_ends=3,
    worker_ends=3,
    freezes=3,
    hangs=1,
    supervisor_kills=3,
    supervisor_ends=3,
    visitors=6,
    job_lease_s=60,
)
IN_SECONDS = Effort(
    web_kills=0,
    worker_kills=1,
    web_ends=0,
    worker_ends=0,
    freezes=0,
    hangs=0,
    supervisor_kills=1,
    supervisor_ends=1,
    visitors=3,
    job_lease_s=5,
)


@dataclass
class Times:
    """Seconds, a list for each thing that was waited for."""

    page_again: list[float] = field(default_factory=list)
    """From the kill of web until the next one answers."""
    worker_again: list[float] = field(default_factory=list)
    all_again: list[float] = field(default_factory=list)
    """From the start of a new supervisor until the page answers."""
    orphans_gone: list[float] = field(default_factory=list)
    """From the kill of the supervisor until its children have ended."""
    end: list[float] = field(default_factory=list)


class Scene:
    """The program, and who talks with it."""

    def __init__(self, program: Program, effort: Effort, seed: int) -> None:
        self.program = program
        self.effort = effort
        self.kept = Acknowledged()
        self.times = Times()
        self.is_over = threading.Event()
        self.chance = random.Random(seed)
        self.db = Database(program.settings.database)

    def blows(self) -> list[Callable[[], None]]:
        """The parts first, in any order; then the whole."""
        effort = self.effort
        parts = [lambda: self.hit("web", signal.SIGKILL)] * effort.web_kills
        parts += [lambda: self.hit("worker", signal.SIGKILL)] * effort.worker_kills
        parts += [lambda: self.hit("web", signal.SIGTERM)] * effort.web_ends
        parts += [lambda: self.hit("worker", signal.SIGTERM)] * effort.worker_ends
        parts += [lambda: self.freeze("web"), lambda: self.freeze("worker")] * effort.freezes
        parts += [self.hang] * effort.hangs
        self.chance.shuffle(parts)
        whole = [self.kill_supervisor] * effort.supervisor_kills + [self.end_all] * effort.supervisor_ends
        return parts + whole

    def under_load(self) -> None:
        """Wait until an answer is being written and a debrief made."""
        until(self._is_busy, within_s=PATIENCE_S, what=f"answers and debriefs in flight; {self.program.last_words}")

    def _is_busy(self) -> bool:
        with self.db.read() as session:
            answers = session.scalar(select(func.count()).where(MessageRow.state == "running"))
            jobs = session.scalar(select(func.count()).where(FeedbackJobRow.state == JobState.RUNNING.value))
        return bool(answers and jobs)

    # --- the blows

    def hit(self, name: str, number: signal.Signals) -> None:
        self.under_load()
        began = time.monotonic()
        gone = self.program.hit(name, number)
        self.program.until_replaced(name, gone)
        if name == "web":
            self.program.until_page_answers()
            self.times.page_again.append(time.monotonic() - began)
        else:
            self.times.worker_again.append(time.monotonic() - began)

    def freeze(self, name: str) -> None:
        self.under_load()
        frozen = self.program.hit(name, signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.5, FROZEN_S))
        os.kill(frozen, signal.SIGCONT)
        self.program.until_page_answers()

    def hang(self) -> None:
        """A web process that is frozen for good is killed and replaced, whatever lock it holds."""
        self.under_load()
        began = time.monotonic()
        self.program.until_replaced("web", self.program.hit("web", signal.SIGSTOP))
        self.program.until_page_answers()
        self.times.page_again.append(time.monotonic() - began)

    def kill_supervisor(self) -> None:
        self.under_load()
        began = time.monotonic()
        children = self.program.kill()
        with ThreadPoolExecutor(1) as watching:
            gone = watching.submit(
                until, lambda: not any(map(is_running, children)), within_s=PATIENCE_S, what="the orphans to end"
            )
            gone.add_done_callback(lambda _: self.times.orphans_gone.append(time.monotonic() - began))
            self.times.all_again.append(self.program.start())
            gone.result(PATIENCE_S)

    def end_all(self) -> None:
        self.under_load()
        self.times.end.append(self.program.end())
        self.times.all_again.append(self.program.start())

    # --- the visitors

    @contextmanager
    def visitors(self) -> Iterator[None]:
        with ThreadPoolExecutor(self.effort.visitors) as threads:
            talking: list[Future[None]] = []
            for n in range(self.effort.visitors):
                visitor = Chatterer(
                    f"visitor {n}",
                    lambda: self.program.url,
                    self.kept,
                    self.is_over,
                    feedback_every=TURNS_BEFORE_FEEDBACK,
                )
                talking.append(threads.submit(visitor.run))
            try:
                yield
            finally:
                self.is_over.set()
                for visitor in talking:
                    visitor.result(PATIENCE_S)


def run(quick: bool) -> Outcome:
    effort = IN_SECONDS if quick else FULL
    with tempfile.TemporaryDirectory() as folder, ScriptedModel(token_delay_s=0.08, first_token_delay_s=0.3) as model:
        plain = Settings(
            _env_file=None,
            data_dir=Path(folder),
            port=free_port(),
            rate_limit="off",
            answers_per_day_per_visitor=0,
            feedbacks_per_day_per_visitor=0,
            feedbacks_waiting=10_000,
            feedbacks_waiting_per_visitor=1000,
        )
        settings = with_quick_jobs(
            plain, model.url, job_lease_s=effort.job_lease_s, job_heartbeat_s=effort.job_lease_s / 4
        )
        with Program(settings) as program:
            scene = Scene(program, effort, seed=5)
            with scene.visitors():
                for blow in scene.blows():
                    blow()
            until(lambda: not _open_jobs(scene.db), within_s=PATIENCE_S, what="all debriefs to end")
            until(lambda: not _running_answers(scene.db), within_s=PATIENCE_S, what="all answers to end")
            scene.times.end.append(program.end())
        outcome = judge(scene, model)
        scene.db.close()
        return outcome


def _open_jobs(db: Database) -> int:
    with db.read() as session:
        return sum(not JobState(state).is_final for state in session.scalars(select(FeedbackJobRow.state)))


def _running_answers(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).where(MessageRow.state == "running")) or 0


def judge(scene: Scene, model: ScriptedModel) -> Outcome:
    effort, times = scene.effort, scene.times
    lost, twice = missing_words(scene.program.settings, scene.kept)
    with scene.db.read() as session:
        jobs = {row.feedback_id: row.state for row in session.scalars(select(FeedbackJobRow))}
        versions = Counter(session.scalars(select(FeedbackVersionRow.feedback_id)))
        answers = Counter(session.scalars(select(MessageRow.state).where(MessageRow.role == "assistant")))
        attempts = session.scalar(select(func.sum(FeedbackJobRow.attempts))) or 0
    wanted = set(scene.kept.feedback)
    feedback_lost = len(wanted - set(jobs))
    without_words = sum(jobs.get(id) == JobState.SUCCEEDED.value and not versions[id] for id in wanted)
    failed = sum(jobs.get(id) not in (JobState.SUCCEEDED.value, None) for id in wanted)
    feedback_twice = sum(count - 1 for count in versions.values())
    figures = {
        "web killed": effort.web_kills,
        "worker killed": effort.worker_kills,
        "TERM of a part": effort.web_ends + effort.worker_ends,
        "STOP of a part": 2 * effort.freezes + effort.hangs,
        "supervisor killed": effort.supervisor_kills,
        "TERM of all": len(times.end),
        "words acknowledged": len(scene.kept.words),
        "words lost": lost,
        "words stored twice": twice,
        "feedbacks acknowledged": len(wanted),
        "feedbacks lost": feedback_lost,
        "feedbacks stored twice": feedback_twice,
        "feedbacks failed": failed,
        "starts of jobs beyond one": attempts - len(jobs),
        "sent again after no reply": scene.kept.sent_again,
        "answers complete / interrupted": f"{answers['complete']} / {answers['interrupted']}",
        "seconds until the page answers again": spread(times.page_again),
        "seconds until another worker runs": spread(times.worker_again),
        "seconds until orphans have gone": spread(times.orphans_gone),
        "seconds from start to page": spread(times.all_again),
        "seconds to end all": spread(times.end),
    }
    promises = {
        f"words lost: {lost}": not lost,
        f"words stored twice: {twice}": not twice,
        f"feedbacks lost: {feedback_lost + without_words}": not feedback_lost + without_words,
        f"feedbacks stored twice: {feedback_twice}": not feedback_twice,
        f"feedbacks failed: {failed}": not failed,
        f"the end took {max(times.end):.1f} s": max(times.end) <= END_WITHIN_S,
    }
    return Outcome("stack", figures, [promise for promise, held in promises.items() if not held])


def spread(values: list[float]) -> str:
    return f"{median(values):.1f} (worst {max(values):.1f})" if values else "-"


EXPERIMENT = Experiment("stack", run)
