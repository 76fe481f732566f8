"""Workers killed at random while they make feedback: what is lost, and what is stored twice.

`python -m tests.crash.jobs --jobs 500 --kills 100` runs it for longer and prints the figures.
"""

import argparse
import random
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from debrief.feedback import JobState
from debrief.settings import Settings
from storage.engine import Database, utc_now
from storage.migrate import migrate
from storage.tables import FeedbackJobRow, FeedbackVersionRow
from tests.job_scene import WorkerProcess, ask_for_feedback, ring, with_quick_jobs
from tests.scripted_model import ScriptedModel

DROPPED_RINGS = 0.1


@dataclass(frozen=True)
class Outcome:
    """`extra_starts`: attempts beyond one a job. The promise is about `lost` and `stored_twice`."""

    jobs: int
    kills: int
    rings_dropped: int
    extra_starts: int
    lost: int
    stored_twice: int
    seconds: float


def run_and_kill(settings: Settings, db: Database, *, jobs: int, kills: int, seed: int, within_s: float) -> Outcome:
    """Ask for so many feedbacks, kill so many workers while they are at it, and wait until all have ended."""
    chance = random.Random(seed)
    began = time.monotonic()
    dropped = 0
    for _ in range(jobs):
        _, job_id = ask_for_feedback(db)
        if chance.random() < DROPPED_RINGS:
            dropped += 1
        else:
            ring(settings, job_id)
    _allow_many_attempts(db)
    with ExitStack() as workers:
        alive = [workers.enter_context(WorkerProcess(settings)) for _ in range(2)]
        killed = 0
        while _count_open(db) and time.monotonic() < began + within_s:
            time.sleep(chance.uniform(0.05, 0.3))
            busy = _busy_workers(db)
            victims = [worker for worker in alive if worker.worker_id in busy]
            if killed < kills and victims:
                victim = chance.choice(victims)
                victim.kill()
                killed += 1
                alive[alive.index(victim)] = workers.enter_context(WorkerProcess(settings))
        for worker in alive:
            worker.stop()
    return _count(db, jobs, killed, dropped, time.monotonic() - began)


def _allow_many_attempts(db: Database) -> None:
    """Three deaths in a row end a job as poisoned, which is right but not the point here."""
    with db.write() as session:
        for job in session.scalars(select(FeedbackJobRow)):
            job.max_attempts = 100


def _count_open(db: Database) -> int:
    with db.read() as session:
        return len([job for job in session.scalars(select(FeedbackJobRow)) if not JobState(job.state).is_final])


def _busy_workers(db: Database) -> set[str | None]:
    """Those with a job in their hands."""
    with db.read() as session:
        running = select(FeedbackJobRow.worker_id).where(
            FeedbackJobRow.state == JobState.RUNNING.value, FeedbackJobRow.lease_until > utc_now()
        )
        return set(session.scalars(running))


def _count(db: Database, jobs: int, kills: int, dropped: int, seconds: float) -> Outcome:
    with db.read() as session:
        rows = session.scalars(select(FeedbackJobRow)).all()
        versions = session.scalars(select(FeedbackVersionRow)).all()
    done = [row for row in rows if row.state == JobState.SUCCEEDED.value]
    return Outcome(
        jobs=jobs,
        kills=kills,
        rings_dropped=dropped,
        extra_starts=sum(row.attempts for row in rows) - jobs,
        lost=jobs - len(done),
        stored_twice=len(versions) - len({version.feedback_id for version in versions}),
        seconds=round(seconds, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ScriptedModel(first_token_delay_s=0.5) as model:
        settings = with_quick_jobs(Settings(_env_file=None, data_dir=Path(folder)), model.url)
        migrate(settings.database, backup_dir=None)
        db = Database(settings.database)
        print(run_and_kill(settings, db, jobs=given.jobs, kills=given.kills, seed=given.seed, within_s=3600))
        db.close()


if __name__ == "__main__":
    main()
