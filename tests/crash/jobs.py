"""Workers killed, frozen and ended while they make feedback, rings lost, the queue locked, deleted or emptied.

One side asks for feedback and writes down what was acknowledged; the other does harm, spread evenly over the work. At
the end a referee compares what was acknowledged with what is stored. On SQLite with its own queue file, on PostgreSQL
with Redis, and once more with a clock that jumps by an hour.
"""

from __future__ import annotations

import itertools
import random
import signal
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from sqlalchemy import ColumnElement, func, select, update

from debrief.errors import NotSaved
from debrief.feedback import JobState
from debrief.settings import Settings
from storage import jobs
from storage.engine import Database
from storage.migrate import migrate
from storage.tables import FeedbackJobRow, FeedbackVersionRow
from tasks.broker import Broker
from tests.crash.outcome import Experiment, Outcome
from tests.job_scene import RedisServer, WorkerProcess, ask_for_feedback, let_clock_jump, with_quick_jobs
from tests.postgres_server import postgres_server, run_sql
from tests.scripted_model import Received, Script, ScriptedModel

DROPPED_RINGS = 0.1
POISON = "poison"
LOCKED_S = 3
LOOK_S = 0.05
HOUR_S = 3600
STOP_WITHIN_S = 10
RECOVERY_ABOVE_LEASE_S = 10
_Job = FeedbackJobRow
_ENDED = [state.value for state in JobState if state.is_final]


@dataclass(frozen=True)
class Plan:
    """How much work, and how much harm; `seed` draws the order."""

    jobs: int
    poisoned: int
    workers: int
    within_s: float
    kills: int
    freezes: int = 0
    stops: int = 0
    queue_faults: int = 0
    clock_jumps: int = 0
    lease_s: float = 20
    reaper_s: float = 10
    retry_s: float = 2
    answer_s: float = 0.25
    """How long the model takes for one of the four calls of a feedback."""
    backlog: int = 30
    """The most that are asked for and not done."""
    seed: int = 1


FULL = Plan(jobs=500, poisoned=25, workers=4, within_s=1500, kills=100, freezes=5, stops=10, queue_faults=6)
IN_SECONDS = Plan(
    jobs=60, poisoned=2, workers=3, within_s=300, kills=10, stops=1, queue_faults=2,
    lease_s=60, reaper_s=1, retry_s=0.1, answer_s=0.1,
)  # fmt: skip
FEWER_IN_SECONDS = Plan(
    jobs=30, poisoned=1, workers=2, within_s=300, kills=4, stops=1, queue_faults=1,
    lease_s=60, reaper_s=1, retry_s=0.1, answer_s=0.1,
)  # fmt: skip
CLOCK = Plan(jobs=120, poisoned=6, workers=3, within_s=900, kills=12, clock_jumps=12)
CLOCK_IN_SECONDS = Plan(
    jobs=20, poisoned=1, workers=2, within_s=300, kills=2, clock_jumps=2,
    lease_s=20, reaper_s=1, retry_s=0.1, answer_s=0.1,
)  # fmt: skip


@dataclass(frozen=True)
class Acknowledged:
    """A request that was answered with yes. `said` is in this talk and in no other."""

    feedback_id: str
    job_id: str
    said: str

    @property
    def is_poisoned(self) -> bool:
        return POISON in self.said


class Asker(threading.Thread):
    """Asks for one feedback after the other, as the web process does, and rings for most of them."""

    def __init__(self, settings: Settings, db: Database, plan: Plan) -> None:
        super().__init__(name="asker")
        self.acknowledged: list[Acknowledged] = []
        self.refused = 0
        self.rings_dropped = 0
        self.error: BaseException | None = None
        self._db = db
        self._plan = plan
        self._broker = Broker(settings)
        self._chance = random.Random(plan.seed)
        self.give_up = threading.Event()

    def run(self) -> None:
        poisoned = set(self._chance.sample(range(self._plan.jobs), self._plan.poisoned))
        try:
            for n in range(self._plan.jobs):
                while count_open(self._db) >= self._plan.backlog and not self.give_up.wait(LOOK_S):
                    pass
                if self.give_up.is_set():
                    return
                self._ask(f"I led team number {n} and we {'sold poison' if n in poisoned else 'shipped on time'}.")
        except BaseException as error:
            self.error = error
            raise

    def _ask(self, said: str) -> None:
        while True:
            try:
                view, job_id = ask_for_feedback(self._db, said=said)
                break
            except NotSaved:  # said in words, so not acknowledged: they ask again
                self.refused += 1
        self.acknowledged.append(Acknowledged(view.id, job_id, said))
        if POISON not in said:
            allow_many_deaths(self._db, job_id)
        if self._chance.random() < DROPPED_RINGS:
            self.rings_dropped += 1
        else:
            self._broker.ring(job_id)


@dataclass
class Cut:
    """A job that was in the hands of a worker when that was killed or frozen."""

    job_id: str
    attempt: int
    at: float
    by: str


class Siege:
    """The harm that is done, and what was seen meanwhile. Times are of this process's own clock.

    Args:
        queue_faults: what can be done to the queue; they take turns.
    """

    def __init__(
        self, settings: Settings, db: Database, plan: Plan, queue_faults: Sequence[Callable[[], None]]
    ) -> None:
        self.done: Counter[str] = Counter()
        self.recoveries_s: dict[str, list[float]] = {"kill": [], "freeze": []}
        self.stops_s: list[float] = []
        self.pauses_s: list[float] = []
        """From each jump of the clock to the next job that ended."""
        self.fenced = 0
        self._settings = settings
        self._db = db
        self._plan = plan
        self._queue_faults = itertools.cycle(queue_faults)
        self._jumps = itertools.cycle([-HOUR_S, HOUR_S])
        self._chance = random.Random(plan.seed)
        self._to_come = _spread(plan, self._chance)
        self._started: list[WorkerProcess] = []
        self._workers: list[WorkerProcess] = []
        self._frozen: dict[WorkerProcess, float] = {}
        """Until when."""
        self._cuts: list[Cut] = []
        self._jumped: tuple[float, int] | None = None
        """When, and how many jobs had ended by then."""

    def run(self, asker: Asker) -> None:
        """Do the harm while there is work, and wait for the end of it."""
        deadline = time.monotonic() + self._plan.within_s
        with ExitStack() as stack:
            while (asker.is_alive() or count_open(self._db) or self._frozen) and time.monotonic() < deadline:
                self._forget_ended()
                while len(self._workers) < self._plan.workers:
                    worker = stack.enter_context(WorkerProcess(self._settings))
                    self._workers.append(worker)
                    self._started.append(worker)
                time.sleep(self._chance.uniform(0.5, 1.5) * LOOK_S)
                self._look()
            self._await_the_fenced(deadline)

    def _forget_ended(self) -> None:
        """Those that ended by themselves: another one is started, as the supervisor does."""
        ended = [worker for worker in self._workers if worker.process.poll() is not None]
        self.done["ended by itself"] += len(ended)
        self._workers = [worker for worker in self._workers if worker not in ended]

    def _look(self) -> None:
        now, ended = time.monotonic(), count_ended(self._db)
        self._see_recoveries(now)
        if self._jumped and ended > self._jumped[1]:
            self.pauses_s.append(now - self._jumped[0])
            self._jumped = None
        self._thaw(now)
        if self._to_come and ended >= self._to_come[0][0] and self._harm(self._to_come[0][1], now, ended):
            self.done[self._to_come.pop(0)[1]] += 1

    def _harm(self, what: str, now: float, ended: int) -> bool:
        """False: it could not be done at this moment."""
        if what == "queue":
            next(self._queue_faults)()
            return True
        if what == "clock":
            if self._jumped is None:
                let_clock_jump(self._db, next(self._jumps))
                self._jumped = now, ended
                return True
            return False
        victim = self._busy_worker()
        if victim is not None:
            self._workers.remove(victim)
            {"kill": self._kill, "freeze": self._freeze, "stop": self._stop}[what](victim)
        return victim is not None

    def _busy_worker(self) -> WorkerProcess | None:
        held = {job.worker_id for job in list_running(self._db)}
        busy = [worker for worker in self._workers if worker.worker_id in held]
        return self._chance.choice(busy) if busy else None

    def _kill(self, worker: WorkerProcess) -> None:
        worker.kill()
        self._note_cuts(worker, "kill")

    def _stop(self, worker: WorkerProcess) -> None:
        self.stops_s.append(worker.stop(within_s=60))

    def _freeze(self, worker: WorkerProcess) -> None:
        worker.send(signal.SIGSTOP)
        while not can_write(self._db):
            # Frozen in the midst of a write it would hold up all who write: another matter, see docs/reliability.md.
            worker.send(signal.SIGCONT)
            self.done["frozen in a write"] += 1
            time.sleep(LOOK_S)
            worker.send(signal.SIGSTOP)
        self._frozen[worker] = time.monotonic() + self._plan.lease_s + self._plan.reaper_s + 5
        self._note_cuts(worker, "freeze")

    def _thaw(self, now: float) -> None:
        for worker in [worker for worker, until in self._frozen.items() if until <= now]:
            del self._frozen[worker]
            worker.send(signal.SIGCONT)
            self._workers.append(worker)

    def _note_cuts(self, worker: WorkerProcess, by: str) -> None:
        now = time.monotonic()
        held = [job for job in list_running(self._db) if job.worker_id == worker.worker_id]
        self._cuts += [Cut(job.id, job.attempts, now, by) for job in held]

    def _see_recoveries(self, now: float) -> None:
        with self._db.read() as session:
            wanted = select(_Job).where(_Job.id.in_([cut.job_id for cut in self._cuts]))
            now_as = {job.id: job for job in session.scalars(wanted)}
        for cut in list(self._cuts):
            if now_as[cut.job_id].attempts != cut.attempt or now_as[cut.job_id].state in _ENDED:
                self.recoveries_s[cut.by].append(now - cut.at)
                self._cuts.remove(cut)

    def _await_the_fenced(self, deadline: float) -> None:
        """Whoever was frozen past its lease and thawed finds out that it has lost its job, and says so."""
        deadline = min(deadline, time.monotonic() + 20)
        while self.fenced < len(self.recoveries_s["freeze"]) and time.monotonic() < deadline:
            time.sleep(LOOK_S)
            self.fenced = sum(
                worker.log.count("job_lost") + worker.log.count("stored=False") for worker in self._started
            )


def _spread(plan: Plan, chance: random.Random) -> list[tuple[float, str]]:
    """What to do when so many jobs have ended, in a drawn order, spread evenly over the work."""
    harm = ["kill"] * plan.kills + ["freeze"] * plan.freezes + ["stop"] * plan.stops
    harm += ["queue"] * plan.queue_faults + ["clock"] * plan.clock_jumps
    chance.shuffle(harm)
    every = 0.95 * plan.jobs / len(harm)
    return [(every * n, what) for n, what in enumerate(harm)]


def besiege(name: str, settings: Settings, db: Database, plan: Plan, *queue_faults: Callable[[], None]) -> Outcome:
    """Ask, do harm, wait until all has ended, and compare."""
    began = time.monotonic()
    asker = Asker(settings, db, plan)
    siege = Siege(settings, db, plan, queue_faults)
    asker.start()
    try:
        siege.run(asker)
    finally:
        asker.give_up.set()
        asker.join()
    found = compare(db, asker.acknowledged)
    killed = siege.recoveries_s["kill"]
    figures = {
        "jobs": len(asker.acknowledged),
        "of them poisoned": plan.poisoned,
        "kills": siege.done["kill"],
        "jobs cut off by them": len(killed),
        "freezes": siege.done["freeze"] if plan.freezes else None,
        "thawed because frozen in a write": siege.done["frozen in a write"] if plan.freezes else None,
        "workers that ended by themselves": siege.done["ended by itself"] or None,
        "late results fenced off": siege.fenced if plan.freezes else None,
        "stops": siege.done["stop"] if plan.stops else None,
        "faults of the queue": siege.done["queue"] if plan.queue_faults else None,
        "clock jumps": siege.done["clock"] if plan.clock_jumps else None,
        "rings dropped": asker.rings_dropped,
        "requests refused in words": asker.refused,
        **found,
        "recovery median s": _median(killed),
        "recovery worst s": _worst(killed),
        "recovery from a freeze worst s": _worst(siege.recoveries_s["freeze"]),
        "slowest stop s": _worst(siege.stops_s),
        "longest pause after a jump s": _worst(siege.pauses_s),
        "seconds": round(time.monotonic() - began),
    }
    return Outcome(
        name, {what: figure for what, figure in figures.items() if figure is not None}, _broken(plan, figures)
    )


def compare(db: Database, acknowledged: Sequence[Acknowledged]) -> dict[str, int]:
    """The referee: what was acknowledged against what is stored."""
    with db.read() as session:
        rows = {job.id: job for job in session.scalars(select(_Job))}
        stored: dict[str, list[FeedbackVersionRow]] = {}
        for version in session.scalars(select(FeedbackVersionRow)):
            stored.setdefault(version.feedback_id, []).append(version)
    good = [one for one in acknowledged if not one.is_poisoned]
    poisoned = [one for one in acknowledged if one.is_poisoned]

    def has_state(one: Acknowledged, state: JobState) -> bool:
        return one.job_id in rows and rows[one.job_id].state == state.value

    return {
        "lost": sum(not (has_state(one, JobState.SUCCEEDED) and one.feedback_id in stored) for one in good),
        "stored twice": sum(len(versions) > 1 for versions in stored.values()),
        "another talk's words": sum(
            one.said != quote for one in good for quote in _quotes(stored.get(one.feedback_id, []))
        ),
        "failed though good": sum(has_state(one, JobState.FAILED) for one in good),
        "poisoned and not failed": sum(not has_state(one, JobState.FAILED) for one in poisoned),
        "extra starts": sum(rows[one.job_id].attempts - 1 for one in good if one.job_id in rows),
    }


def _quotes(versions: list[FeedbackVersionRow]) -> list[str]:
    return [
        evidence["quote"]
        for version in versions
        for criterion in version.body["criteria"]
        for evidence in criterion["evidence"]
    ]


def _broken(plan: Plan, figures: dict[str, Any]) -> list[str]:
    nothing = ("lost", "stored twice", "another talk's words", "failed though good", "poisoned and not failed")
    broken = [f"{what} is to be 0" for what in nothing if figures[what]]
    for what, planned in (("jobs", plan.jobs), ("kills", plan.kills), ("freezes", plan.freezes)):
        enough = planned if plan.jobs >= FULL.jobs else planned / 2  # a short siege may be over before the last blow
        if planned and figures[what] < enough:
            broken.append(f"only {figures[what]} of {planned} {what}")
    longest_s = plan.lease_s + RECOVERY_ABOVE_LEASE_S
    if (figures["recovery worst s"] or 0) > longest_s:
        broken.append(f"a job is taken over within {longest_s:g} s")
    if (figures["slowest stop s"] or 0) > STOP_WITHIN_S:
        broken.append(f"a worker stops within {STOP_WITHIN_S} s")
    return broken


def _median(seconds: list[float]) -> float | None:
    return round(median(seconds), 2) if seconds else None


def _worst(seconds: list[float]) -> float | None:
    return round(max(seconds), 2) if seconds else None


def allow_many_deaths(db: Database, job_id: str) -> None:
    """Three deaths in a row end a job as poisoned, which is right; kills as frequent as these would hit one thrice."""
    with db.write() as session:
        session.execute(update(_Job).where(_Job.id == job_id).values(max_attempts=1000))


def count_open(db: Database) -> int:
    return _count(db, _Job.state.not_in(_ENDED))


def count_ended(db: Database) -> int:
    return _count(db, _Job.state.in_(_ENDED))


def list_running(db: Database) -> list[FeedbackJobRow]:
    with db.read() as session:
        return list(session.scalars(select(_Job).where(_Job.state == JobState.RUNNING.value)))


def can_write(db: Database) -> bool:
    """Whether nobody holds the lock that all who write to jobs need, for as long as a second."""
    if db.is_sqlite:
        with closing(sqlite3.connect(str(db.url.database), timeout=1, isolation_level=None)) as file:
            try:
                file.execute("begin immediate")
            except sqlite3.OperationalError:
                return False
            return True
    with psycopg.connect(db.url.set(drivername="postgresql").render_as_string(hide_password=False)) as server:
        server.execute("set lock_timeout = '1s'")
        try:
            server.execute("select pg_advisory_xact_lock(%s)", [jobs.QUEUE_LOCK])
            server.execute("lock table feedback_jobs in exclusive mode")
        except psycopg.errors.LockNotAvailable:
            return False
        return True


def _count(db: Database, which: ColumnElement[bool]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(_Job).where(which)) or 0


# --- where it happens ------------------------------------------------------------------------------------------------


def on_sqlite(quick: bool) -> Outcome:
    with scene(IN_SECONDS if quick else FULL) as (settings, db, plan):
        return besiege(
            "jobs",
            settings,
            db,
            plan,
            lambda: lock_queue(settings),
            lambda: settings.queue_file.unlink(missing_ok=True),
        )


def on_postgresql_and_redis(quick: bool) -> Outcome:
    with postgres_server() as server, RedisServer() as redis:
        run_sql(server, "CREATE DATABASE besieged")
        url = server.rsplit("/", 1)[0] + "/besieged"
        plan = FEWER_IN_SECONDS if quick else FULL
        with scene(plan, database_url=url, queue_url=redis.url) as (settings, db, plan):
            return besiege("jobs-servers", settings, db, plan, redis.restart, lambda: redis.restart(down_s=LOCKED_S))


def with_a_jumping_clock(quick: bool) -> Outcome:
    with scene(CLOCK_IN_SECONDS if quick else CLOCK) as (settings, db, plan):
        return besiege("jobs-clock", settings, db, plan)


@contextmanager
def scene(plan: Plan, **places: str) -> Iterator[tuple[Settings, Database, Plan]]:
    """A fresh data folder and database, and a model that chokes on poison."""
    with tempfile.TemporaryDirectory() as folder, ScriptedModel(first_token_delay_s=plan.answer_s) as model:

        def answer(received: Received) -> Script:
            is_poisoned = any(POISON in message["content"] for message in received.messages)
            return Script(status=500) if is_poisoned else model.default_script(received)

        model.default = answer
        settings = with_quick_jobs(
            Settings(_env_file=None, data_dir=Path(folder), feedback_seats=4, **places),
            model.url,
            job_lease_s=plan.lease_s,
            job_heartbeat_s=plan.lease_s / 4,
            job_retry_s=plan.retry_s,
            reaper_interval_s=plan.reaper_s,
        )
        migrate(settings.database, backup_dir=None)
        db = Database(settings.database)
        try:
            yield settings, db, plan
        finally:
            db.close()


def lock_queue(settings: Settings) -> None:
    """For seconds, from a thread of its own, so that the harm goes on."""

    def hold() -> None:
        with closing(sqlite3.connect(settings.queue_file, timeout=LOCKED_S, isolation_level=None)) as queue:
            queue.execute("begin exclusive")
            time.sleep(LOCKED_S)

    threading.Thread(target=hold, name="lock-queue", daemon=True).start()


EXPERIMENTS = (
    Experiment("jobs", on_sqlite),
    Experiment("jobs-servers", on_postgresql_and_redis),
    Experiment("jobs-clock", with_a_jumping_clock),
)
